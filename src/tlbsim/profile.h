/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading cost profiles: INI files, every value with unit, kind and source.
 *
 * A file has a section [profile] (name, title, interface, and where they mean
 * something ril, table_flush, repeats_tlbi), one section for each price (value,
 * kind, source, and arithmetic where kind is derived), and any number of
 * sections [contention N] (unmap, cmdlist, sync, kind, source). Values read
 * "74 ns" or "1.35 us"; units are ps, ns, us, ms and s. A line that starts with
 * a blank continues a text.
 */
#ifndef IOPT_PROFILE_H
#define IOPT_PROFILE_H

#include "cost.h"
#include "err.h"

IOPT_BEGIN_DECLS

/**
 * profile_load() - Read a profile.
 * @text: name of a shipped one ("smmuv3-ril"), looked for in the source tree
 *	that this was built from and in ./data/profiles; or a file, which has a
 *	slash in it or ends in ".ini"
 * @profile: set to it; untouched on failure
 * @err: gets the reason of a failure with file and line; may be NULL
 *
 * Return: 0;
 * -ENOENT when there is no such profile or file;
 * -EINVAL when it is refused: an unknown section or key, a value without a
 * unit, a negative number, something missing or said twice;
 * -errno when it could not be read;
 * -ENOMEM when there is no memory.
 */
int profile_load(const char *text, struct cost_profile *profile,
		 struct iopt_err *err);

/**
 * profile_name_at() - The shipped profiles by number, for listing them.
 * @i: from 0
 *
 * Return: a static name; NULL past the last.
 */
const char *profile_name_at(size_t i);

/**
 * profile_time_parse() - Read a time with its unit.
 * @text: "74 ns", "1.35us"
 * @ps: set to picoseconds; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when there is no number, no unit, a sign, or a part of a picosecond;
 * -ERANGE when it is above an hour.
 */
int profile_time_parse(const char *text, u64 *ps, struct iopt_err *err);

IOPT_END_DECLS

#endif

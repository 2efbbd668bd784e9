/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The traces that this process may replay: the shipped ones or the user's,
 * each loaded once, when it is first wanted.
 */
#ifndef IOPT_TRACE_SET_H
#define IOPT_TRACE_SET_H

#include "err.h"
#include "trace_prog.h"

struct trace_set;

IOPT_BEGIN_DECLS

/**
 * trace_set_create() - Name the traces; none is opened yet.
 * @paths: files of the user; must outlive the set
 * @nr_paths: entries in @paths; 0 for the shipped traces
 * @out: set to the set; owned by the caller until trace_set_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory.
 */
int trace_set_create(const char *const *paths, size_t nr_paths,
		     struct trace_set **out, struct iopt_err *err);

/**
 * trace_set_name() - Name of a trace, fit for the name of a benchmark.
 * @set: set; NULL for the shipped traces
 * @i: from 0
 *
 * The name of a file is its last part without .xz and .trace, with '_' for
 * what a name may not hold; "-2" and so on tell apart what would be equal.
 *
 * Return: the name, which lives as long as the set; NULL past the last.
 */
const char *trace_set_name(const struct trace_set *set, size_t i);

/**
 * trace_set_skip() - Why a trace cannot be replayed by this build.
 * @set: set; NULL for the shipped traces
 *
 * Return: NULL when it can; a static string when the shipped traces would
 * need the option traces. A file of the user's is an error when it is read.
 */
const char *trace_set_skip(const struct trace_set *set);

/**
 * trace_set_load() - A trace, read now unless it was before.
 * @set: set
 * @name: of one of its traces
 * @prog: set to the trace; lives as long as the set
 * @path: set to its file, for messages; may be NULL
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -ENOENT when the set has no such trace;
 * otherwise as trace_prog_load().
 */
int trace_set_load(struct trace_set *set, const char *name,
		   const struct trace_prog **prog, const char **path,
		   struct iopt_err *err);

/**
 * trace_set_describe() - What is replayed, for the context of a result.
 * @set: set
 *
 * Reads the user's files: what they hold and what they lost is part of it, or
 * why they cannot be read.
 *
 * Return: text, owned by the caller and freed with free(): "shipped", or
 * "<name>: <path>, <n> maps, <n> unmaps, <n> lost" and so on, divided by "; ".
 * NULL when there is no memory.
 */
char *trace_set_describe(struct trace_set *set);

/**
 * trace_set_destroy() - Free a set and the traces in it.
 * @set: from trace_set_create(), or NULL
 */
void trace_set_destroy(struct trace_set *set);

IOPT_END_DECLS

#endif

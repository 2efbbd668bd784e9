/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of the tools: values that getopt_long(3) left in optarg, and what it
 * did not understand. Options without a letter have values from 256 on.
 */
#ifndef IOPT_OPTION_H
#define IOPT_OPTION_H

#include "err.h"
#include "types.h"

IOPT_BEGIN_DECLS

/**
 * option_number() - A decimal number.
 * @option: the option's name, for messages
 * @min: least that is allowed
 * @max: most that is allowed
 * @number: set to it; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -EINVAL when optarg is no such number.
 */
int option_number(const char *option, unsigned int min, unsigned int max,
		  unsigned int *number, struct iopt_err *err);

/**
 * option_page() - A page size: 4K, 16K or 64K.
 * @option: as for option_number()
 * @bytes: set to it; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -EINVAL when optarg is another.
 */
int option_page(const char *option, u64 *bytes, struct iopt_err *err);

/**
 * option_either() - One of two words.
 * @option: as for option_number()
 * @first: a word
 * @second: the other one
 * @is_first: set to whether it is @first; untouched on failure
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -EINVAL when optarg is neither.
 */
int option_either(const char *option, const char *first, const char *second,
		  bool *is_first, struct iopt_err *err);

/**
 * option_refused() - What getopt_long() returned ':' or '?' for.
 * @opt: which of the two
 * @argv: of main()
 * @err: gets the option and what is wrong with it; may be NULL
 *
 * Return: -EINVAL.
 */
int option_refused(int opt, char *const argv[], struct iopt_err *err);

IOPT_END_DECLS

#endif

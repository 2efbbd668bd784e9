/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may go into a Google Benchmark result, and how it reaches the stream:
 * the part of gbench.h that is not C++.
 */
#ifndef IOPT_GBRULES_H
#define IOPT_GBRULES_H

#include <stdio.h>

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * gbrule_counter() - May a row have this counter?
 * @name: lower case letters, digits and underscores, starting with a letter,
 *	not a field that libbenchmark writes
 * @value: its value
 *
 * Return: NULL when it may; else what is wrong, a static string.
 */
const char *gbrule_counter(const char *name, double value);

/**
 * gbrule_context() - May a context have this key?
 * @key: letters, digits and underscores, not one that libbenchmark writes
 *
 * Return: NULL when it may; else what is wrong, a static string.
 */
const char *gbrule_context(const char *key);

/**
 * gbrule_is_time() - Is @ns a time that can be added: finite, not negative?
 * @ns: any number
 */
bool gbrule_is_time(double ns);

/**
 * gbrule_write() - Write text of the library and flush it.
 * @out: stream
 * @text: what libbenchmark printed; its library_build_type is left out
 *
 * Return: 0;
 * -errno of the failed write, -EIO when the system gave none.
 */
int gbrule_write(FILE *out, const char *text);

IOPT_END_DECLS

#endif

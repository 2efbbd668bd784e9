/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes in bytes as people write them: 4K, 2M, 1G, 0x200000. */
#ifndef IOPT_SIZES_H
#define IOPT_SIZES_H

#include "types.h"

#define SZ_1K	0x400ull
#define SZ_4K	0x1000ull
#define SZ_16K	0x4000ull
#define SZ_64K	0x10000ull
#define SZ_1M	0x100000ull
#define SZ_2M	0x200000ull
#define SZ_32M	0x2000000ull
#define SZ_512M 0x20000000ull
#define SZ_1G	0x40000000ull
#define SZ_4T	0x40000000000ull

/* Room for any size_format() result with its NUL. */
#define SIZE_TEXT_MAX 24

IOPT_BEGIN_DECLS

/**
 * size_parse() - Read a size.
 * @text: hexadecimal with 0x, or decimal with an optional K, M, G or T
 * @bytes: set to the value in bytes; untouched on failure
 *
 * Return: 0;
 * -EINVAL when @text is no size, has anything after it, or a sign;
 * -ERANGE when the value does not fit 64 bits.
 */
int size_parse(const char *text, u64 *bytes);

/**
 * size_format() - Write a size with the largest of T, G, M, K that divides it.
 * @bytes: the size
 * @text: caller's buffer; gets the text and a NUL
 *
 * Return: @text.
 */
const char *size_format(u64 bytes, char text[SIZE_TEXT_MAX]);

IOPT_END_DECLS

#endif

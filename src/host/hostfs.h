/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the small text files of /proc and /sys, below a chosen root. */
#ifndef IOPT_HOSTFS_H
#define IOPT_HOSTFS_H

#include "types.h"

#include <stdio.h>

IOPT_BEGIN_DECLS

/**
 * hostfs_open() - Open a file for reading.
 * @root: folder that holds proc and sys, or NULL for the running system
 * @fmt: printf format of the path below @root, with no leading slash
 *
 * Return: a stream that the caller closes; NULL when it cannot be opened.
 */
FILE *hostfs_open(const char *root, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * hostfs_line() - Read the first line of a file, without blanks at its end.
 * @root: as in hostfs_open()
 * @text: gets the line, cut if need be, and a NUL; "" for an empty file
 * @size: bytes in @text
 * @fmt: as in hostfs_open()
 *
 * Return: true; false when the file cannot be read, and @text is untouched.
 */
bool hostfs_line(const char *root, char *text, size_t size, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));

/**
 * hostfs_u64() - Read a decimal number from the start of a file.
 * @root: as in hostfs_open()
 * @v: set to the number
 * @fmt: as in hostfs_open()
 *
 * Return: true; false when there is no number, and @v is untouched.
 */
bool hostfs_u64(const char *root, u64 *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * hostfs_value() - Read what follows a key in lines of "key: v" or "key=v".
 * @f: stream; reading starts where it stands and ends after the line found
 * @key: whole key, with no blanks after it
 * @stop: text that starts the line to give up at, or NULL to read to the end
 * @text: gets the value without blanks and quotes around it
 * @size: bytes in @text
 *
 * Return: true; false when the key is not there, and @text is untouched.
 */
bool hostfs_value(FILE *f, const char *key, const char *stop, char *text,
		  size_t size);

/**
 * hostfs_path() - Put root and path together.
 * @root: as in hostfs_open()
 * @path: path below @root, with no leading slash
 * @text: gets the result
 * @size: bytes in @text
 */
void hostfs_path(const char *root, const char *path, char *text, size_t size);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* An INI file read by libinih, with the line that an error is in. */
#ifndef IOPT_INI_FILE_H
#define IOPT_INI_FILE_H

#include "err.h"
#include "types.h"

struct ini_file;

/**
 * struct ini_hooks - What a reader of one kind of file does with it.
 * @section: a line "[name]" was read; what was open ends here
 * @key: a key and its value were read; a line that starts with a blank comes
 *	as the key before it, see ini_file_is_continuation()
 * @end: the file is over
 *
 * A hook that does not like what it gets calls ini_file_fail(). Nothing is
 * called after that. @arg is what ini_file_read() was given.
 */
struct ini_hooks {
	void (*section)(struct ini_file *ini, void *arg, const char *name);
	void (*key)(struct ini_file *ini, void *arg, const char *key,
		    const char *value);
	void (*end)(struct ini_file *ini, void *arg);
};

IOPT_BEGIN_DECLS

/**
 * ini_file_read() - Read a file.
 * @path: its path
 * @hooks: called for what is in it, in its order
 * @arg: for @hooks
 * @err: gets the reason of a failure with file and line; may be NULL
 *
 * Return: 0;
 * -ENOENT or another negative errno of fopen(3);
 * -EINVAL when a hook refused it, or it is no INI file;
 * -EIO when it could not be read;
 * -ENOMEM when there is no memory.
 */
int ini_file_read(const char *path, const struct ini_hooks *hooks, void *arg,
		  struct iopt_err *err);

/**
 * ini_file_find() - Read a file that was shipped, or one of the user's.
 * @dirs: folders that shipped ones are looked for in, in this order
 * @nr_dirs: entries in @dirs
 * @text: name of a shipped one, without ".ini"; or a path, which has a slash in
 *	it or ends in ".ini"
 * @hooks: as for ini_file_read()
 * @arg: for @hooks
 * @err: gets the reason of a failure with file and line; may be NULL
 *
 * Return: as ini_file_read(); -ENOENT when no folder has it, @err is untouched
 * then if it was no path.
 */
int ini_file_find(const char *const *dirs, size_t nr_dirs, const char *text,
		  const struct ini_hooks *hooks, void *arg,
		  struct iopt_err *err);

/**
 * ini_file_is_path() - Is it a path, and no name of a shipped file?
 * @text: as for ini_file_find()
 */
bool ini_file_is_path(const char *text);

/**
 * ini_file_fail() - Refuse the file; the first refusal stands.
 * @ini: file
 * @line: number of the line that is wrong
 * @fmt: printf format of what was expected, without newline
 *
 * Return: the error of the first refusal, -EINVAL.
 */
int ini_file_fail(struct ini_file *ini, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * ini_file_line() - Number of the line that was read last, from 1.
 * @ini: file
 */
int ini_file_line(const struct ini_file *ini);

/**
 * ini_file_error() - The first refusal, or 0.
 * @ini: file
 */
int ini_file_error(const struct ini_file *ini);

/**
 * ini_file_is_continuation() - Does the line read last continue a value?
 * @ini: file
 */
bool ini_file_is_continuation(const struct ini_file *ini);

IOPT_END_DECLS

#endif

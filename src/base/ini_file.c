// SPDX-License-Identifier: GPL-2.0-only
/* An INI file read by libinih, with the line that an error is in. */
#include "ini_file.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 64

/* A file being read; @fail_line is the line of @ret, the first failure. */
struct ini_file {
	FILE *file;
	const char *path;
	const struct ini_hooks *hooks;
	void *arg;
	struct iopt_err *err;
	int line;
	int fail_line;
	int ret;
	bool is_continuation;
};

int ini_file_fail(struct ini_file *ini, int line, const char *fmt, ...)
{
	char text[192];
	va_list ap;

	if (ini->ret)
		return ini->ret;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ini->fail_line = line;
	ini->ret = iopt_err_set(ini->err, -EINVAL, "%s:%d: %s", ini->path, line,
				text);
	return ini->ret;
}

int ini_file_line(const struct ini_file *ini)
{
	return ini->line;
}

int ini_file_error(const struct ini_file *ini)
{
	return ini->ret;
}

bool ini_file_is_continuation(const struct ini_file *ini)
{
	return ini->is_continuation;
}

/* A line "[name]", from behind the bracket. */
static void section_open(struct ini_file *ini, const char *text)
{
	size_t len = strcspn(text, "]");
	char name[NAME_BYTES];

	if (text[len] != ']' || len >= sizeof(name)) {
		ini_file_fail(ini, ini->line, "a section must read [name]");
		return;
	}
	memcpy(name, text, len);
	name[len] = '\0';
	ini->hooks->section(ini, ini->arg, name);
}

/* libinih's: a key and its value, 0 for an error. */
static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct ini_file *ini = user;

	(void)section;
	if (!ini->ret)
		ini->hooks->key(ini, ini->arg, name, value);
	return 1;
}

/* libinih's: like fgets(); here the lines are counted, and sections opened. */
static char *on_line(char *str, int num, void *stream)
{
	struct ini_file *ini = stream;

	if (ini->ret || !fgets(str, num, ini->file))
		return NULL;
	ini->line++;
	if (strlen(str) == (size_t)num - 1 && str[num - 2] != '\n') {
		ini_file_fail(ini, ini->line,
			      "longer than %d characters: continue it on a "
			      "line that starts with a blank",
			      num - 2);
		return NULL;
	}
	ini->is_continuation = str[0] == ' ' || str[0] == '\t';
	if (str[0] == '[')
		section_open(ini, str + 1);
	else if (str[strspn(str, " \t")] == '[')
		ini_file_fail(ini, ini->line,
			      "a section must start in the first column");
	return str;
}

static int read_stream(struct ini_file *ini)
{
	int ret = ini_parse_stream(on_line, ini, on_key, ini);

	if (ferror(ini->file))
		ini->ret = iopt_err_set(ini->err, -EIO, "%s: could not be read",
					ini->path);
	if (ret > 0 && ini->ret == -EINVAL && ret < ini->fail_line)
		ini->ret = 0; /* libinih stumbled first */
	if (ret > 0)
		ini_file_fail(ini, ret, "must be [section] or key = value");
	if (ret < 0)
		ini->ret = iopt_err_set(ini->err, -ENOMEM, "no memory for %s",
					ini->path);
	if (!ini->ret)
		ini->hooks->end(ini, ini->arg);
	return ini->ret;
}

int ini_file_read(const char *path, const struct ini_hooks *hooks, void *arg,
		  struct iopt_err *err)
{
	struct ini_file ini = {
		.path = path,
		.hooks = hooks,
		.arg = arg,
		.err = err,
	};
	int ret;

	ini.file = fopen(path, "r");
	if (!ini.file) {
		ret = -errno;
		return iopt_err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	ret = read_stream(&ini);
	fclose(ini.file);
	return ret;
}

bool ini_file_is_path(const char *text)
{
	size_t len = strlen(text);

	return strchr(text, '/') ||
	       (len > 4 && !strcmp(text + len - 4, ".ini"));
}

int ini_file_find(const char *const *dirs, size_t nr_dirs, const char *text,
		  const struct ini_hooks *hooks, void *arg,
		  struct iopt_err *err)
{
	struct iopt_err why = { "" };
	char path[1024];
	int ret = -ENOENT;

	if (ini_file_is_path(text))
		return ini_file_read(text, hooks, arg, err);
	for (size_t i = 0; i < nr_dirs && ret == -ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/%s.ini", dirs[i], text);
		ret = ini_file_read(path, hooks, arg, &why);
	}
	if (ret && ret != -ENOENT)
		iopt_err_set(err, ret, "%s", why.msg);
	return ret;
}

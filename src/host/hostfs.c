// SPDX-License-Identifier: GPL-2.0-only
/* Reading the small text files of /proc and /sys, below a chosen root. */
#include "hostfs.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192 /* the flags of an x86 CPU are a long line */

void hostfs_path(const char *root, const char *path, char *text, size_t size)
{
	snprintf(text, size, "%s/%s", root ? root : "", path);
}

static FILE *vopen(const char *root, const char *fmt, va_list ap)
{
	char path[PATH_MAX / 2], full[PATH_MAX];

	vsnprintf(path, sizeof(path), fmt, ap);
	hostfs_path(root, path, full, sizeof(full));
	return fopen(full, "re");
}

FILE *hostfs_open(const char *root, const char *fmt, ...)
{
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	f = vopen(root, fmt, ap);
	va_end(ap);
	return f;
}

/* Cut blanks, line ends and quotes off both ends. */
static char *trimmed(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text) || *text == '"')
		text++;
	len = strlen(text);
	while (len &&
	       (isspace((unsigned char)text[len - 1]) || text[len - 1] == '"'))
		text[--len] = '\0';
	return text;
}

static bool vline(const char *root, char *text, size_t size, const char *fmt,
		  va_list ap)
{
	FILE *f = vopen(root, fmt, ap);
	char line[LINE_MAX_BYTES] = "";
	bool is_read;

	if (!f)
		return false;
	is_read = fgets(line, sizeof(line), f) || !ferror(f);
	fclose(f);
	if (is_read)
		snprintf(text, size, "%s", trimmed(line));
	return is_read;
}

bool hostfs_line(const char *root, char *text, size_t size, const char *fmt,
		 ...)
{
	va_list ap;
	bool is_read;

	va_start(ap, fmt);
	is_read = vline(root, text, size, fmt, ap);
	va_end(ap);
	return is_read;
}

bool hostfs_u64(const char *root, u64 *v, const char *fmt, ...)
{
	char line[64] = "";
	va_list ap;
	bool is_read;

	va_start(ap, fmt);
	is_read = vline(root, line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!is_read || !isdigit((unsigned char)line[0]))
		return false;
	*v = strtoull(line, NULL, 10);
	return true;
}

bool hostfs_value(FILE *f, const char *key, const char *stop, char *text,
		  size_t size)
{
	size_t len = strlen(key);
	char line[LINE_MAX_BYTES];
	const char *p;

	while (fgets(line, sizeof(line), f)) {
		if (stop && !strncmp(line, stop, strlen(stop)))
			return false;
		if (strncmp(line, key, len))
			continue;
		p = line + len + strspn(line + len, " \t");
		if (*p != ':' && *p != '=')
			continue;
		snprintf(text, size, "%s", trimmed(line + (p - line) + 1));
		return true;
	}
	return false;
}

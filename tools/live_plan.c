// SPDX-License-Identifier: GPL-2.0-only
/* What iopt-live is to map and unmap. */
#include "live_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"

#define ADDRESS_END (1ull << 52)

/**
 * struct reader - A plan being read.
 * @name: of the file, for messages
 * @line: number of the line, from 1
 * @page: size of the host's page in bytes
 * @err: gets the reason of a failure
 */
struct reader {
	const char *name;
	unsigned int line;
	u64 page;
	struct iopt_err *err;
};

static int refuse(const struct reader *r, const char *word, const char *want)
{
	return iopt_err_set(r->err, -EINVAL, "%s:%u: '%.60s': must be %s",
			    r->name, r->line, word, want);
}

/* The number up to a character, which is cut off; NULL when it is none. */
static char *number(char *text, char until, u64 *value)
{
	char *end = strchrnul(text, until);
	char *rest = *end ? end + 1 : end;

	*end = '\0';
	return size_parse(text, value) ? NULL : rest;
}

static int parse_range(const struct reader *r, const char *word,
		       struct plan_range *range, bool *has_offset)
{
	char text[128], *rest;

	snprintf(text, sizeof(text), "%s", word);
	*has_offset = strchr(text, '@') != NULL;
	rest = strchr(text, '+') ? number(text, '+', &range->iova) : NULL;
	if (rest)
		rest = number(rest, '@', &range->size);
	if (rest && *has_offset)
		rest = number(rest, '\0', &range->offset);
	if (!rest || strlen(word) >= sizeof(text))
		return refuse(r, word, "IOVA+SIZE or IOVA+SIZE@OFFSET");
	if (!range->size || range->size > ADDRESS_END ||
	    range->iova > ADDRESS_END || range->offset > ADDRESS_END ||
	    (range->iova | range->size | range->offset) & (r->page - 1))
		return refuse(r, word,
			      "of whole pages of the host, below 2^52");
	return 0;
}

static int add_range(const struct reader *r, struct plan_row *row,
		     const char *word)
{
	size_t n = row->nr_ranges;
	struct plan_range range = { 0 }, *grown;
	bool has_offset;
	int ret = parse_range(r, word, &range, &has_offset);

	if (ret)
		return ret;
	if (n && !has_offset)
		range.offset =
			row->ranges[n - 1].offset + row->ranges[n - 1].size;
	if (n && range.iova < row->ranges[n - 1].iova + row->ranges[n - 1].size)
		return refuse(r, word, "above the range before it");
	grown = realloc(row->ranges, (n + 1) * sizeof(*grown));
	if (!grown)
		return iopt_err_set(r->err, -ENOMEM, "no memory for a plan");
	grown[n] = range;
	row->ranges = grown;
	row->nr_ranges = n + 1;
	row->mapped_bytes += range.size;
	if (range.offset + range.size > row->memory_bytes)
		row->memory_bytes = range.offset + range.size;
	return 0;
}

static int parse_row(const struct reader *r, char *line, struct plan_row *row)
{
	static const char blanks[] = " \t\n";
	char *at = NULL;
	const char *name = strtok_r(line, blanks, &at);
	const char *backing = strtok_r(NULL, blanks, &at);
	const char *way = strtok_r(NULL, blanks, &at);
	const char *word = strtok_r(NULL, blanks, &at);
	int ret = 0;

	if (!word)
		return refuse(r, name, "followed by BACKING WAY IOVA+SIZE");
	if (strlen(name) >= sizeof(row->name))
		return refuse(r, name, "a shorter name");
	if (strlen(backing) >= sizeof(row->backing))
		return refuse(r, backing, "4K, thp, or a size such as 2M");
	if (strcmp(way, "range") != 0 && strcmp(way, "all") != 0)
		return refuse(r, way, "range or all");
	strcpy(row->name, name);
	strcpy(row->backing, backing);
	row->is_all = !strcmp(way, "all");
	for (; word && !ret; word = strtok_r(NULL, blanks, &at))
		ret = add_range(r, row, word);
	return ret;
}

static int add_row(const struct reader *r, struct plan *plan, char *line)
{
	struct plan_row *rows;

	line[strcspn(line, "#")] = '\0';
	if (!line[strspn(line, " \t\n")])
		return 0;
	rows = realloc(plan->rows, (plan->nr_rows + 1) * sizeof(*rows));
	if (!rows)
		return iopt_err_set(r->err, -ENOMEM, "no memory for a plan");
	plan->rows = rows;
	rows[plan->nr_rows] = (struct plan_row){ .ranges = NULL };
	return parse_row(r, line, &rows[plan->nr_rows++]);
}

static int read_rows(struct reader *r, FILE *file, struct plan *plan)
{
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	while (!ret && getline(&line, &room, file) >= 0) {
		r->line++;
		ret = add_row(r, plan, line);
	}
	free(line);
	if (!ret && ferror(file))
		ret = iopt_err_set(r->err, -EIO, "%s: could not be read",
				   r->name);
	if (!ret && !plan->nr_rows)
		ret = iopt_err_set(r->err, -EINVAL, "%s: there is no row",
				   r->name);
	return ret;
}

int plan_load(const char *path, u64 page, struct plan *plan,
	      struct iopt_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	struct reader r = {
		.name = is_stdin ? "stdin" : path,
		.page = page,
		.err = err,
	};
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct plan read = { .rows = NULL };
	int ret;

	if (!file) {
		ret = -errno;
		return iopt_err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	ret = read_rows(&r, file, &read);
	if (!is_stdin)
		fclose(file);
	if (ret)
		plan_fini(&read);
	else
		*plan = read;
	return ret;
}

u64 plan_most_mapped(const struct plan *plan)
{
	u64 most = 0;

	for (size_t i = 0; i < plan->nr_rows; i++)
		if (plan->rows[i].mapped_bytes > most)
			most = plan->rows[i].mapped_bytes;
	return most;
}

void plan_frames_path(const char *dir, const struct plan_row *row,
		      char path[PLAN_PATH_MAX])
{
	char name[PLAN_NAME_MAX];

	strcpy(name, row->name);
	for (char *p = name; *p; p++)
		if (*p == '/' || *p == ':')
			*p = '_';
	snprintf(path, PLAN_PATH_MAX, "%s/%s.frames", dir, name);
}

void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < plan->nr_rows; i++)
		free(plan->rows[i].ranges);
	free(plan->rows);
	*plan = (struct plan){ .rows = NULL };
}

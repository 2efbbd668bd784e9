// SPDX-License-Identifier: GPL-2.0-only
/* A plan: which cases to run, in which order, and how often each. */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS	  " \t\r\n"
#define MAX_COUNT 1000000000000ull

static int parse_count(const char *text, u64 *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || !*value ||
	    *value > MAX_COUNT)
		return -EINVAL;
	return 0;
}

/* The words of a line, cut up in place; @e gets what they say. */
static int parse_entry(char *line, struct plan_entry *e, const char *path,
		       struct iopt_err *err)
{
	char *save;
	const char *name = strtok_r(line, BLANKS, &save);
	const char *n = strtok_r(NULL, BLANKS, &save);
	const char *blocks = strtok_r(NULL, BLANKS, &save);

	if (strlen(name) >= sizeof(e->name))
		return iopt_err_set(err, -EINVAL,
				    "%s:%u: a name has at most %zu letters",
				    path, e->line, sizeof(e->name) - 1);
	strcpy(e->name, name);
	if (!n)
		return 0;
	if (!blocks || strtok_r(NULL, BLANKS, &save) || parse_count(n, &e->n) ||
	    parse_count(blocks, &e->nr_blocks))
		return iopt_err_set(err, -EINVAL,
				    "%s:%u: a name, or a name and two numbers "
				    "above 0 are wanted: operations of a "
				    "section, and sections",
				    path, e->line);
	return 0;
}

static int add_line(struct plan *plan, char *line, unsigned int number,
		    struct iopt_err *err)
{
	struct plan_entry e = { .line = number };
	const struct plan_entry *twin;
	void *p;
	int ret;

	line[strcspn(line, "#")] = '\0';
	if (!line[strspn(line, BLANKS)])
		return 0;
	ret = parse_entry(line, &e, plan->path, err);
	if (ret)
		return ret;
	twin = plan_find(plan, e.name);
	if (twin)
		return iopt_err_set(err, -EINVAL, "%s:%u: %s is in line %u too",
				    plan->path, number, e.name, twin->line);
	p = realloc(plan->entries, (plan->nr + 1) * sizeof(e));
	if (!p)
		return iopt_err_set(err, -ENOMEM, "no memory for a plan");
	plan->entries = p;
	plan->entries[plan->nr++] = e;
	return 0;
}

int plan_load(struct plan *plan, const char *path, struct iopt_err *err)
{
	unsigned int number = 0;
	size_t size = 0;
	char *line = NULL;
	FILE *in = fopen(path, "r");
	int ret = 0;

	*plan = (struct plan){ .path = path };
	if (!in)
		return iopt_err_set(err, -errno, "--plan %s: %s", path,
				    strerror(errno));
	errno = 0;
	while (!ret && getline(&line, &size, in) >= 0)
		ret = add_line(plan, line, ++number, err);
	if (!ret && ferror(in))
		ret = iopt_err_set(err, errno ? -errno : -EIO, "--plan %s: %s",
				   path, strerror(errno ? errno : EIO));
	if (!ret && !plan->nr)
		ret = iopt_err_set(err, -EINVAL,
				   "--plan %s: it names no case; a line each "
				   "is wanted",
				   path);
	free(line);
	fclose(in);
	return ret;
}

const struct plan_entry *plan_find(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->nr; i++)
		if (!strcmp(plan->entries[i].name, name))
			return &plan->entries[i];
	return NULL;
}

void plan_fini(struct plan *plan)
{
	free(plan->entries);
	*plan = (struct plan){ .nr = 0 };
}

// SPDX-License-Identifier: GPL-2.0-only
/* What --list prints: a table, or JSON with the names. */
#include "list.h"

#include <errno.h>
#include <string.h>

static size_t nr_wanted(const struct bench_list *list,
			const struct options *opt, const struct bench_family *f)
{
	size_t nr = 0;

	for (size_t i = 0; i < list->nr; i++)
		nr += list->cases[i].family == f &&
		      options_wants(opt, &list->cases[i]);
	return nr;
}

static void print_table(FILE *out, const struct bench_list *list,
			const struct options *opt)
{
	for (size_t i = 0; opt->families[i]; i++)
		fprintf(out, "%-14s %5zu cases  %s\n", opt->families[i]->name,
			nr_wanted(list, opt, opt->families[i]),
			opt->families[i]->question);
}

static void print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

/* The names of the cases that are selected, or of the long ones of them. */
static void print_names(FILE *out, const struct bench_list *list,
			const struct options *opt, const struct bench_family *f,
			bool is_of_long)
{
	const char *separator = "";

	for (size_t i = 0; i < list->nr; i++) {
		if (list->cases[i].family != f ||
		    (is_of_long && !list->cases[i].is_long) ||
		    !options_wants(opt, &list->cases[i]))
			continue;
		fprintf(out, "%s\n    ", separator);
		print_string(out, list->cases[i].name);
		separator = ",";
	}
}

static void print_json(FILE *out, const struct bench_list *list,
		       const struct options *opt)
{
	fputs("{\"families\": [", out);
	for (size_t i = 0; opt->families[i]; i++) {
		fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
		print_string(out, opt->families[i]->name);
		fputs(", \"question\": ", out);
		print_string(out, opt->families[i]->question);
		fputs(", \"cases\": [", out);
		print_names(out, list, opt, opt->families[i], false);
		fputs("], \"long\": [", out);
		print_names(out, list, opt, opt->families[i], true);
		fputs("]}", out);
	}
	fputs("\n]}\n", out);
}

int list_print(FILE *out, const struct bench_list *list,
	       const struct options *opt, struct iopt_err *err)
{
	errno = 0;
	if (opt->wants_json)
		print_json(out, list, opt);
	else
		print_table(out, list, opt);
	if (fflush(out) || ferror(out))
		return iopt_err_set(err, errno ? -errno : -EIO,
				    "the list cannot be written: %s",
				    strerror(errno));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios of iopt-sim: reading them. */
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"
#include "sizes.h"
#include "trace_prog.h"

#define DEFAULT_PHYS 0x100000000ull
#define MAX_WORDS    6
#define BLANKS	     " \t\r\n"

/* An op's word, the form of its line, and how many words it has. */
static const struct form {
	const char *word;
	const char *form;
	size_t min_words, max_words;
} forms[] = {
	[SCENARIO_VFIO_MAP] = { "vfio_map",
				"<iova> <size> run=<size> [phys=<addr>]", 4,
				5 },
	[SCENARIO_VFIO_UNMAP] = { "vfio_unmap", "<iova> <size>", 3, 3 },
	[SCENARIO_IOMMUFD_MAP] = { "iommufd_map",
				   "<iova> <size> run=<size> [phys=<addr>]", 4,
				   5 },
	[SCENARIO_IOMMUFD_UNMAP] = { "iommufd_unmap", "<iova> <size>", 3, 3 },
	[SCENARIO_IOMMU_MAP] = { "iommu_map", "<iova> <paddr> <size>", 4, 4 },
	[SCENARIO_IOMMU_UNMAP] = { "iommu_unmap", "<iova> <size>", 3, 3 },
};

/**
 * struct line - A line being read.
 * @path: its file, for messages
 * @number: from 1
 * @granule: sizes must be multiples of it, in bytes
 * @words: its words
 * @nr_words: how many; MAX_WORDS + 1 for more
 * @err: gets what is wrong
 */
struct line {
	const char *path;
	u64 number;
	u64 granule;
	char *words[MAX_WORDS];
	size_t nr_words;
	struct iopt_err *err;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct line *line,
							const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return iopt_err_set(line->err, -EINVAL, "%s:%" PRIu64 ": %s",
			    line->path, line->number, text);
}

static int read_addr(const struct line *line, const char *what,
		     const char *text, u64 *value)
{
	if (!size_parse(text, value))
		return 0;
	return refuse(
		line,
		"%s \"%.40s\": expected an address like 0x500000000 or 1G",
		what, text);
}

static int read_size(const struct line *line, const char *what,
		     const char *text, u64 *value)
{
	char granule[SIZE_TEXT_MAX];
	u64 size = 0;

	size_format(line->granule, granule);
	if (size_parse(text, &size) || size & (line->granule - 1))
		return refuse(line,
			      "%s \"%.40s\": expected a multiple of %s, like "
			      "64M or 0x4000000",
			      what, text, granule);
	*value = size;
	return 0;
}

static int kind_of(const struct line *line, enum scenario_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (strcmp(forms[i].word, line->words[0]) != 0)
			continue;
		*kind = (enum scenario_kind)i;
		return 0;
	}
	return refuse(line,
		      "\"%.40s\": expected vfio_map, vfio_unmap, iommufd_map, "
		      "iommufd_unmap, iommu_map or iommu_unmap",
		      line->words[0]);
}

/* The last run's end must have a physical address. */
static int check_runs(const struct line *line, const struct scenario_op *op)
{
	u64 nr = div_round_up(op->size, op->run);
	u64 stride, span, end;

	if (op->run >= op->size) {
		stride = op->size;
		nr = 1;
	} else if (op->run >> 63) {
		return refuse(line, "run %s: too large", line->words[3]);
	} else {
		stride = 1ull << lg2_ceil(op->run);
	}
	if (!__builtin_mul_overflow(nr, stride, &span) &&
	    !__builtin_add_overflow(op->paddr, span, &end))
		return 0;
	return refuse(line, "the runs end beyond 2^64: expected a lower phys= "
			    "or a smaller size");
}

static int read_runs(const struct line *line, struct scenario_op *op)
{
	bool has_run = false, has_phys = false;
	int ret;

	op->paddr = DEFAULT_PHYS;
	for (size_t i = 3; i < line->nr_words; i++) {
		const char *word = line->words[i];

		if (!strncmp(word, "run=", 4) && !has_run) {
			has_run = true;
			ret = read_size(line, "run", word + 4, &op->run);
		} else if (!strncmp(word, "phys=", 5) && !has_phys) {
			has_phys = true;
			ret = read_addr(line, "phys", word + 5, &op->paddr);
		} else {
			return refuse(line, "\"%.40s\": expected %s %s", word,
				      line->words[0], forms[op->kind].form);
		}
		if (ret)
			return ret;
	}
	if (!has_run)
		return refuse(line, "no run=: expected %s %s", line->words[0],
			      forms[op->kind].form);
	if (!op->run)
		return refuse(line, "run=0: expected at least one page");
	return check_runs(line, op);
}

static int read_op(const struct line *line, struct scenario_op *op)
{
	const struct form *form;
	size_t size_at = 2;
	int ret = kind_of(line, &op->kind);

	if (ret)
		return ret;
	form = &forms[op->kind];
	if (line->nr_words < form->min_words ||
	    line->nr_words > form->max_words)
		return refuse(line, "expected %s %s", form->word, form->form);
	ret = read_addr(line, "iova", line->words[1], &op->iova);
	if (ret)
		return ret;
	if (op->kind == SCENARIO_IOMMU_MAP) {
		size_at = 3;
		ret = read_addr(line, "paddr", line->words[2], &op->paddr);
		if (ret)
			return ret;
	}
	ret = read_size(line, "size", line->words[size_at], &op->size);
	if (ret)
		return ret;
	if (form->max_words == 5)
		return read_runs(line, op);
	return 0;
}

static int append(struct scenario *s, const struct scenario_op *op)
{
	if (s->nr_ops == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		void *p = realloc(s->ops, room * sizeof(*s->ops));

		if (!p)
			return -ENOMEM;
		s->ops = p;
		s->room = room;
	}
	s->ops[s->nr_ops++] = *op;
	return 0;
}

/* The line without its comment and the blanks at its ends. */
static char *trim(char *text)
{
	size_t len;

	text[strcspn(text, "#")] = '\0';
	text += strspn(text, BLANKS);
	len = strlen(text);
	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static void split(struct line *line, char *text)
{
	char *rest = NULL;
	char *word = strtok_r(text, BLANKS, &rest);

	line->nr_words = 0;
	for (; word; word = strtok_r(NULL, BLANKS, &rest)) {
		if (line->nr_words < MAX_WORDS)
			line->words[line->nr_words] = word;
		line->nr_words++;
	}
}

static int read_line(struct scenario *s, struct line *line, char *text)
{
	struct scenario_op op = { 0 };
	int ret;

	text = trim(text);
	if (!*text)
		return 0;
	op.text = strdup(text);
	if (!op.text)
		return iopt_err_set(line->err, -ENOMEM, "no memory for %s",
				    line->path);
	split(line, text);
	ret = read_op(line, &op);
	if (!ret && append(s, &op))
		ret = iopt_err_set(line->err, -ENOMEM, "no memory for %s",
				   line->path);
	if (ret)
		free(op.text);
	return ret;
}

static int read_file(FILE *file, struct scenario *s, struct line *line)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	while (!ret && (len = getline(&text, &room, file)) >= 0) {
		line->number++;
		if (strlen(text) != (size_t)len)
			ret = refuse(line, "a NUL byte: expected text");
		else
			ret = read_line(s, line, text);
	}
	if (!ret && ferror(file))
		ret = iopt_err_set(line->err, -EIO, "%s: could not be read",
				   line->path);
	free(text);
	return ret;
}

int scenario_load(const char *path, u64 granule, struct scenario **out,
		  struct iopt_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct line line = { .path = is_stdin ? "stdin" : path,
			     .granule = granule,
			     .err = err };
	struct scenario *s;
	int ret;

	if (!file) {
		ret = -errno;
		return iopt_err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	s = calloc(1, sizeof(*s));
	ret = s ? read_file(file, s, &line) :
		  iopt_err_set(err, -ENOMEM, "no memory for %s", path);
	if (!is_stdin)
		fclose(file);
	if (ret)
		scenario_destroy(s);
	else
		*out = s;
	return ret;
}

static int add_call(struct scenario *s, const struct trace_op *call,
		    bool is_map)
{
	struct scenario_op op = {
		.kind = is_map ? SCENARIO_IOMMU_MAP : SCENARIO_IOMMU_UNMAP,
		.iova = call->iova,
		.size = call->size,
		.paddr = is_map ? call->arg : 0,
	};
	int len;

	if (is_map)
		len = asprintf(&op.text,
			       "iommu_map 0x%" PRIx64 " 0x%" PRIx64
			       " 0x%" PRIx64,
			       op.iova, op.paddr, op.size);
	else
		len = asprintf(&op.text, "iommu_unmap 0x%" PRIx64 " 0x%" PRIx64,
			       op.iova, op.size);
	if (len < 0)
		return -ENOMEM;
	if (!append(s, &op))
		return 0;
	free(op.text);
	return -ENOMEM;
}

static int add_calls(struct scenario *s, const struct trace_prog *prog)
{
	for (size_t i = 0; i < prog->nr_runs; i++) {
		const struct trace_run *run = &prog->runs[i];

		for (u32 j = 0; j < run->nr_ops; j++)
			if (add_call(s, &prog->ops[run->first + j],
				     run->kind == TRACE_MAP))
				return -ENOMEM;
	}
	return 0;
}

/* What of a trace was left out or does not add up, in a line. */
static void note_flaws(const struct trace_summary *sum, const char *path,
		       struct iopt_err *note)
{
	const struct {
		const char *what;
		struct trace_flaw flaw;
	} flaws[] = {
		{ "maps over a live range were skipped", sum->over_live },
		{ "unmaps were of what was never mapped", sum->never_mapped },
		{ "events of size 0 were skipped", sum->empty },
		{ "events were lost when it was recorded",
		  { sum->lost.nr_events + sum->lost.nr_gaps,
		    sum->lost.first_line } },
	};
	size_t len = 0;

	note->msg[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(flaws); i++) {
		if (!flaws[i].flaw.nr_events || len >= sizeof(note->msg))
			continue;
		len += (size_t)snprintf(
			note->msg + len, sizeof(note->msg) - len,
			"%s%s%" PRIu64 " %s (first: line %" PRIu64 ")",
			len ? ", " : path, len ? "" : ": ",
			flaws[i].flaw.nr_events, flaws[i].what,
			flaws[i].flaw.first_line);
	}
}

int scenario_load_trace(const char *path, struct scenario **out,
			struct iopt_err *note, struct iopt_err *err)
{
	struct trace_prog *prog = NULL;
	struct scenario *s;
	int ret = trace_prog_load(path, &prog, err);

	if (ret)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s || add_calls(s, prog)) {
		scenario_destroy(s);
		ret = iopt_err_set(err, -ENOMEM, "no memory for %s", path);
	} else {
		note_flaws(&prog->sum, path, note);
		*out = s;
	}
	trace_prog_destroy(prog);
	return ret;
}

void scenario_destroy(struct scenario *scenario)
{
	if (!scenario)
		return;
	for (size_t i = 0; i < scenario->nr_ops; i++)
		free(scenario->ops[i].text);
	free(scenario->ops);
	free(scenario);
}

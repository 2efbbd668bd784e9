// SPDX-License-Identifier: GPL-2.0-only
/* Reading files of recorded frames. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"
#include "sizes.h"
#include "trace_input.h"
#include "vm_frames.h"

/* What a line must be; the order of the file. */
enum expected {
	WANT_MAGIC,
	WANT_PAGE,
	WANT_HOW,
	WANT_KERNEL,
	WANT_THP,
	WANT_RUN,
	WANT_NOTHING,
};

/* How to say so. */
static const char *const lines[] = {
	[WANT_MAGIC] = "iopt-frames 1",
	[WANT_PAGE] = "page SIZE, SIZE being 4K, 16K or 64K",
	[WANT_HOW] = "how TEXT",
	[WANT_KERNEL] = "kernel TEXT",
	[WANT_THP] = "thp TEXT",
	[WANT_RUN] = "ADDRESS SIZE, multiples of the page, or end RUNS BYTES",
	[WANT_NOTHING] = "the end of the file",
};

/**
 * struct reader - A file being read.
 * @frames: what is read
 * @expected: what the next line must be
 */
struct reader {
	struct vm_frames *frames;
	enum expected expected;
};

/* The value of a line "key value", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0 || line[len] != ' ' || !line[len + 1])
		return NULL;
	return line + len + 1;
}

static int read_page(struct reader *r, const char *line)
{
	const char *value = value_of(line, "page");
	u64 page;

	if (!value || size_parse(value, &page) ||
	    (page != SZ_4K && page != SZ_16K && page != SZ_64K))
		return -EINVAL;
	r->frames->page = page;
	return 0;
}

static int read_text(const char *line, const char *key, char to[VM_FRAMES_TEXT])
{
	const char *value = value_of(line, key);

	if (!value || strlen(value) >= VM_FRAMES_TEXT)
		return -EINVAL;
	strcpy(to, value);
	return 0;
}

/* Two sizes with a blank between them. */
static int read_pair(char *line, u64 *first, u64 *second)
{
	char *blank = strchr(line, ' ');

	if (!blank)
		return -EINVAL;
	*blank = '\0';
	if (size_parse(line, first) || size_parse(blank + 1, second))
		return -EINVAL;
	return 0;
}

static int read_end(struct reader *r, char *line)
{
	u64 nr, bytes;

	if (read_pair(line + strlen("end "), &nr, &bytes))
		return -EINVAL;
	if (nr != r->frames->nr_runs || bytes != vm_frames_bytes(r->frames))
		return -EBADMSG;
	r->expected = WANT_NOTHING;
	return 0;
}

static int read_run(struct reader *r, char *line)
{
	u64 paddr, size;

	if (!strncmp(line, "end ", 4))
		return read_end(r, line);
	if (read_pair(line, &paddr, &size))
		return -EINVAL;
	return vm_frames_add(r->frames, paddr, size);
}

static int read_line(struct reader *r, char *line)
{
	struct vm_frames *f = r->frames;
	int ret = -EINVAL;

	switch (r->expected) {
	case WANT_MAGIC:
		ret = strcmp(line, lines[WANT_MAGIC]) ? -EINVAL : 0;
		break;
	case WANT_PAGE:
		ret = read_page(r, line);
		break;
	case WANT_HOW:
		ret = read_text(line, "how", f->how);
		break;
	case WANT_KERNEL:
		ret = read_text(line, "kernel", f->kernel);
		break;
	case WANT_THP:
		ret = read_text(line, "thp", f->thp);
		break;
	case WANT_RUN:
		return read_run(r, line);
	case WANT_NOTHING:
		break;
	}
	if (!ret)
		r->expected++;
	return ret;
}

static int fail(const struct reader *r, struct trace_input *in, int ret,
		struct iopt_err *err)
{
	const char *name = trace_input_name(in);
	u64 line = trace_input_nr_lines(in);
	char bytes[SIZE_TEXT_MAX];

	if (ret == -ENOMEM)
		return iopt_err_set(err, ret, "%s: no memory for its runs",
				    name);
	if (ret == -EBADMSG)
		return iopt_err_set(
			err, -EINVAL,
			"%s:%" PRIu64 ": must be end %zu %s, since "
			"that is what came before",
			name, line, r->frames->nr_runs,
			size_format(vm_frames_bytes(r->frames), bytes));
	return iopt_err_set(err, -EINVAL, "%s:%" PRIu64 ": must be %s", name,
			    line, lines[r->expected]);
}

static int read_lines(struct reader *r, struct trace_input *in,
		      struct iopt_err *err)
{
	struct iopt_err why = { "" };
	char *line;
	int ret;

	while ((ret = trace_input_line(in, &line, err)) > 0) {
		if (!*line || *line == '#')
			continue;
		ret = read_line(r, line);
		if (ret)
			return fail(r, in, ret, err);
	}
	if (ret)
		return ret;
	if (r->expected != WANT_NOTHING)
		return iopt_err_set(err, -EINVAL,
				    "%s:%" PRIu64 ": the file ends here: must "
				    "go on with %s",
				    trace_input_name(in),
				    trace_input_nr_lines(in),
				    lines[r->expected]);
	ret = vm_frames_check(r->frames, &why);
	if (ret)
		iopt_err_set(err, ret, "%s: %s", trace_input_name(in), why.msg);
	return ret;
}

int vm_frames_load(const char *path, struct vm_frames *frames,
		   struct iopt_err *err)
{
	struct trace_input *in;
	struct vm_frames read;
	struct reader r = { .frames = &read };
	int ret = trace_input_open(path, &in, err);

	if (ret)
		return ret;
	vm_frames_init(&read, SZ_4K);
	ret = read_lines(&r, in, err);
	trace_input_close(in);
	if (ret)
		vm_frames_fini(&read);
	else
		*frames = read;
	return ret;
}

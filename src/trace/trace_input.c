// SPDX-License-Identifier: GPL-2.0-only
/* A trace file as lines of text: plain or .xz, from a file or a pipe. */
#include "trace_input.h"

#include "trace_xz.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW_BYTES  65536u
#define TEXT_BYTES (TRACE_LINE_MAX + 2u) /* a line, CR, newline */

/*
 * @raw holds bytes of the file, [@raw_pos, @raw_len) still to be used, of
 * which the file's first @nr_raw have been read. @text holds decompressed
 * text, [@text_pos, @text_len) still to be handed out.
 */
struct trace_input {
	const char *name;
	struct trace_xz *xz;
	int fd;
	bool is_stdin;
	bool is_raw_end;
	bool is_text_end;
	u64 nr_raw;
	u64 nr_lines;
	size_t raw_pos, raw_len;
	size_t text_pos, text_len;
	u8 raw[RAW_BYTES];
	char text[TEXT_BYTES + 1]; /* and a NUL behind a last line */
};

/* Files that people have in hand when they mean a trace. */
static const struct {
	const char *magic;
	size_t len;
	const char *what;
} known_binaries[] = {
	{ "\x17\x08"
	  "Dtracing",
	  10,
	  "trace-cmd's binary trace.dat: give the text of trace-cmd report" },
	{ "PERFILE2", 8,
	  "perf's binary perf.data: give the text of perf script" },
	{ "\x1f\x8b", 2, "compressed with gzip: decompress it, or use xz" },
	{ "\x28\xb5\x2f\xfd", 4,
	  "compressed with zstd: decompress it, or use xz" },
	{ "BZh", 3, "compressed with bzip2: decompress it, or use xz" },
};

static int read_raw(struct trace_input *in, struct iopt_err *err)
{
	ssize_t n;

	do
		n = read(in->fd, in->raw + in->raw_len,
			 sizeof(in->raw) - in->raw_len);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EISDIR)
		return iopt_err_set(err, -EINVAL,
				    "%s: a directory; expected a trace file",
				    in->name);
	if (n < 0)
		return iopt_err_set(err, -errno, "%s: %s", in->name,
				    strerror(errno));
	in->is_raw_end = n == 0;
	in->raw_len += (size_t)n;
	in->nr_raw += (u64)n;
	return 0;
}

static int reject_binary(const struct trace_input *in, struct iopt_err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_binaries); i++) {
		size_t len = known_binaries[i].len;

		if (in->raw_len >= len &&
		    !memcmp(in->raw, known_binaries[i].magic, len))
			return iopt_err_set(err, -EINVAL, "%s: %s", in->name,
					    known_binaries[i].what);
	}
	return 0;
}

/* Read enough to know the format; a pipe may give it in small pieces. */
static int detect_format(struct trace_input *in, struct iopt_err *err)
{
	struct iopt_err sub;
	int ret = 0;

	while (!ret && !in->is_raw_end && in->raw_len < 16)
		ret = read_raw(in, err);
	if (!ret)
		ret = reject_binary(in, err);
	if (ret)
		return ret;
	if (in->raw_len < TRACE_XZ_MAGIC_BYTES ||
	    memcmp(in->raw, TRACE_XZ_MAGIC, TRACE_XZ_MAGIC_BYTES))
		return 0;
	ret = trace_xz_create(&in->xz, &sub);
	return ret ? iopt_err_set(err, ret, "%s: %s", in->name, sub.msg) : 0;
}

int trace_input_open(const char *path, struct trace_input **out,
		     struct iopt_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	struct trace_input *in = malloc(sizeof(*in) + strlen(path) + 8);
	int ret;

	if (!in)
		return iopt_err_set(err, -ENOMEM, "%s: out of memory", path);
	memset(in, 0, offsetof(struct trace_input, raw));
	in->is_stdin = is_stdin;
	in->name = strcpy((char *)(in + 1), is_stdin ? "stdin" : path);
	in->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ret = in->fd < 0 ? iopt_err_set(err, -errno, "%s: %s", path,
					strerror(errno)) :
			   detect_format(in, err);
	if (ret) {
		trace_input_close(in);
		return ret;
	}
	*out = in;
	return 0;
}

/* Add plain bytes to the text. */
static void take_raw(struct trace_input *in)
{
	size_t n = in->raw_len - in->raw_pos;

	if (n > TEXT_BYTES - in->text_len)
		n = TEXT_BYTES - in->text_len;
	memcpy(in->text + in->text_len, in->raw + in->raw_pos, n);
	in->raw_pos += n;
	in->text_len += n;
	in->is_text_end = in->is_raw_end && in->raw_pos == in->raw_len;
}

/* Add decompressed bytes to the text. */
static int take_xz(struct trace_input *in, struct iopt_err *err)
{
	const u8 *next = in->raw + in->raw_pos;
	size_t left = in->raw_len - in->raw_pos;
	size_t n = TEXT_BYTES - in->text_len;
	struct iopt_err sub;
	int ret;

	ret = trace_xz_run(in->xz, &next, &left, in->is_raw_end,
			   (u8 *)in->text + in->text_len, &n, &sub);
	in->raw_pos = in->raw_len - left;
	in->text_len += n;
	in->is_text_end = ret == 1;
	if (ret < 0)
		return iopt_err_set(err, ret, "%s: byte %" PRIu64 ": %s",
				    in->name, in->nr_raw - left, sub.msg);
	return 0;
}

/* Get more text behind what is there, which moves to the front. */
static int fill_text(struct trace_input *in, struct iopt_err *err)
{
	int ret = 0;

	in->text_len -= in->text_pos;
	memmove(in->text, in->text + in->text_pos, in->text_len);
	in->text_pos = 0;
	if (in->raw_pos == in->raw_len && !in->is_raw_end) {
		in->raw_pos = 0;
		in->raw_len = 0;
		ret = read_raw(in, err);
	}
	if (ret)
		return ret;
	if (in->xz)
		return take_xz(in, err);
	take_raw(in);
	return 0;
}

static int reject_long(const struct trace_input *in, struct iopt_err *err)
{
	return iopt_err_set(err, -EINVAL,
			    "%s:%" PRIu64 ": longer than %u bytes: not a line "
			    "of a trace",
			    in->name, in->nr_lines, TRACE_LINE_MAX);
}

/* The line is text[text_pos..end); check it and make it a string. */
static int hand_out(struct trace_input *in, size_t end, char **line,
		    struct iopt_err *err)
{
	char *start = in->text + in->text_pos;
	size_t len = end - in->text_pos;

	in->nr_lines++;
	if (memchr(start, '\0', len))
		return iopt_err_set(err, -EINVAL,
				    "%s:%" PRIu64 ": holds a NUL byte: not "
				    "text; expected the text of a trace",
				    in->name, in->nr_lines);
	if (len && start[len - 1] == '\r')
		len--;
	if (len > TRACE_LINE_MAX)
		return reject_long(in, err);
	start[len] = '\0';
	in->text_pos = end + 1;
	*line = start;
	return 1;
}

int trace_input_line(struct trace_input *in, char **line, struct iopt_err *err)
{
	size_t seen = in->text_pos;
	char *nl;
	int ret;

	for (;;) {
		nl = memchr(in->text + seen, '\n', in->text_len - seen);
		if (nl)
			return hand_out(in, (size_t)(nl - in->text), line, err);
		if (in->text_len - in->text_pos == TEXT_BYTES) {
			in->nr_lines++;
			return reject_long(in, err);
		}
		if (in->is_text_end)
			break;
		seen = in->text_len - in->text_pos;
		ret = fill_text(in, err);
		if (ret)
			return ret;
	}
	if (in->text_pos >= in->text_len)
		return 0;
	/* The last line has no newline; there is room for its NUL. */
	ret = hand_out(in, in->text_len, line, err);
	in->text_pos = in->text_len;
	return ret;
}

const char *trace_input_name(const struct trace_input *in)
{
	return in->name;
}

u64 trace_input_nr_lines(const struct trace_input *in)
{
	return in->nr_lines;
}

void trace_input_close(struct trace_input *in)
{
	if (!in)
		return;
	trace_xz_destroy(in->xz);
	if (in->fd >= 0 && !in->is_stdin)
		close(in->fd);
	free(in);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of traces: what each tool prints, and files that are broken.
 *
 * TRACE_TEST_DATA is the folder of the fixtures.
 */
#include "trace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "trace_input.h"

/* A recording, and what is in it. */
struct fixture_row {
	const char *name;
	u64 nr_maps;
	u64 nr_unmaps;
	u64 nr_lost;
	u64 lost_line;
};

static const struct fixture_row fixtures[] = {
	{ "tracefs.txt", 6, 6, 0, 0 },
	{ "tracefs-tgid.txt", 4, 4, 0, 0 },
	{ "tracefs-latency.txt", 4, 4, 0, 0 },
	{ "tracefs-bare.txt", 4, 4, 0, 0 },
	{ "tracefs-counter.txt", 4, 4, 0, 0 },
	{ "tracefs-overwritten.txt", 4, 4, 678, 3 },
	{ "trace-pipe.txt", 4, 4, 0, 0 },
	{ "trace-pipe-lost.txt", 4, 4, 678, 1 },
	{ "trace-cmd.txt", 6, 6, 0, 0 },
	{ "trace-cmd-lost.txt", 4, 4, 452, 2 },
	{ "trace-cmd-raw.txt", 4, 4, 0, 0 },
	{ "trace-cmd-ts-diff.txt", 4, 4, 0, 0 },
	{ "trace-cmd-latency.txt", 4, 4, 0, 0 },
	{ "trace-cmd-ns.txt", 4, 4, 0, 0 },
	{ "perf-script.txt", 6, 6, 0, 0 },
	{ "perf-script-callchain.txt", 2, 2, 0, 0 },
	{ "perf-script-header.txt", 4, 4, 0, 0 },
	{ "perf-script-fields.txt", 4, 4, 0, 0 },
	{ "perf-script-period.txt", 3, 3, 0, 0 },
	{ "perf-script-lost.txt", 8, 8, 40, 7 },
};

/* A file in memory. */
struct text {
	char *bytes;
	size_t len;
};

static struct text text_read(const char *name)
{
	char path[512];
	struct text t;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", TRACE_TEST_DATA, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		fail_msg("%s: %s", path, strerror(errno));
	t.len = (size_t)st.st_size;
	t.bytes = malloc(t.len + 1);
	assert_non_null(t.bytes);
	assert_int_equal(read(fd, t.bytes, t.len), t.len);
	t.bytes[t.len] = '\0';
	close(fd);
	return t;
}

/* Put bytes in a file that goes away with the process; gives its path. */
static const char *file_with(const void *bytes, size_t len)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("trace", 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* All that a reader says of a file. */
struct sums {
	u64 nr[2]; /* by enum trace_kind */
	u64 hash;
	u64 last_line;
	u64 nr_lines;
	struct trace_lost lost;
	int ret;
	struct iopt_err err;
};

static void hash_add(u64 *hash, u64 value)
{
	*hash = (*hash ^ value) * 0x100000001b3ull;
}

static struct sums read_all(const char *path)
{
	struct sums s = { .hash = 1 };
	struct trace_reader *reader;
	struct trace_event ev;

	s.ret = trace_open(path, &reader, &s.err);
	if (s.ret)
		return s;
	while ((s.ret = trace_next(reader, &ev, &s.err)) > 0) {
		s.nr[ev.kind]++;
		hash_add(&s.hash, ev.kind);
		hash_add(&s.hash, ev.iova);
		hash_add(&s.hash, ev.paddr);
		hash_add(&s.hash, ev.size);
		hash_add(&s.hash, ev.unmapped_size);
		hash_add(&s.hash, ev.line);
		s.last_line = ev.line;
	}
	s.lost = trace_lost(reader);
	s.nr_lines = trace_nr_lines(reader);
	trace_close(reader);
	return s;
}

static void expect_same(const struct sums *got, const struct sums *want,
			const char *what)
{
	if (got->ret != want->ret)
		fail_msg("%s: expected %d, got %d: %s", what, want->ret,
			 got->ret, got->err.msg);
	expect_u64(got->nr[TRACE_MAP], want->nr[TRACE_MAP], "%s: maps", what);
	expect_u64(got->nr[TRACE_UNMAP], want->nr[TRACE_UNMAP], "%s: unmaps",
		   what);
	expect_u64(got->hash, want->hash, "%s: events", what);
	expect_u64(got->lost.nr_events, want->lost.nr_events, "%s: lost", what);
	expect_u64(got->lost.first_line, want->lost.first_line,
		   "%s: lost first at", what);
}

static void test_fixtures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		const struct fixture_row *row = &fixtures[i];
		char path[512];
		struct sums s;

		snprintf(path, sizeof(path), "%s/%s", TRACE_TEST_DATA,
			 row->name);
		s = read_all(path);
		if (s.ret)
			fail_msg("%s: %d: %s", row->name, s.ret, s.err.msg);
		expect_u64(s.nr[TRACE_MAP], row->nr_maps, "%s: maps",
			   row->name);
		expect_u64(s.nr[TRACE_UNMAP], row->nr_unmaps, "%s: unmaps",
			   row->name);
		expect_u64(s.lost.nr_events, row->nr_lost, "%s: lost",
			   row->name);
		expect_u64(s.lost.first_line, row->lost_line,
			   "%s: lost first at", row->name);
		expect_u64(s.lost.nr_gaps, 0, "%s: gaps", row->name);
	}
}

/* The same text from a Windows machine, and with its last newline gone. */
static void test_line_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		struct text t = text_read(fixtures[i].name);
		struct sums want = read_all(file_with(t.bytes, t.len));
		char *crlf = malloc(2 * t.len);
		struct sums got;
		size_t n = 0;

		assert_non_null(crlf);
		for (size_t k = 0; k < t.len; k++) {
			if (t.bytes[k] == '\n')
				crlf[n++] = '\r';
			crlf[n++] = t.bytes[k];
		}
		got = read_all(file_with(crlf, n));
		expect_same(&got, &want, fixtures[i].name);
		got = read_all(file_with(t.bytes, t.len - 1));
		expect_same(&got, &want, fixtures[i].name);
		free(crlf);
		free(t.bytes);
	}
}

/*
 * Lines of every length around the size of the buffer, so that one is cut at
 * each of its bytes; the numbers in them show that none is lost or doubled.
 */
static void test_long_file(void **state)
{
	const size_t nr = 4000;
	size_t len = 0;
	char *big = malloc(nr * 400);
	struct trace_reader *reader;
	struct trace_event ev;
	struct iopt_err err;

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i < nr; i++)
		len += (size_t)sprintf(
			big + len,
			"%*sx-1 [000] 1.0: map: IOMMU: iova=0x%zx "
			"paddr=0x0 size=4096\n",
			(int)(i * 7 % 211), "", i * 4096);
	assert_int_equal(trace_open(file_with(big, len), &reader, &err), 0);
	for (size_t i = 0; i < nr; i++) {
		if (trace_next(reader, &ev, &err) != 1)
			fail_msg("event %zu: %s", i, err.msg);
		expect_u64(ev.iova, i * 4096, "event %zu", i);
		expect_u64(ev.line, i + 1, "line of event %zu", i);
	}
	assert_int_equal(trace_next(reader, &ev, &err), 0);
	assert_int_equal(trace_next(reader, &ev, &err), 0);
	trace_close(reader);
	free(big);
}

static void test_line_length(void **state)
{
	char *line = malloc(TRACE_LINE_MAX + 16);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', TRACE_LINE_MAX + 16);
	for (size_t len = TRACE_LINE_MAX - 1; len <= TRACE_LINE_MAX + 2;
	     len++) {
		static const char *const ends[] = { "", "\n", "\r\n" };

		for (size_t e = 0; e < ARRAY_SIZE(ends); e++) {
			size_t n = len + strlen(ends[e]);
			struct sums s;

			memset(line, 'x', TRACE_LINE_MAX + 16);
			memcpy(line + len, ends[e], strlen(ends[e]));
			s = read_all(file_with(line, n));
			if (s.ret != (len > TRACE_LINE_MAX ? -EINVAL : 0))
				fail_msg("line of %zu bytes, end %zu: %d %s",
					 len, e, s.ret, s.err.msg);
			if (s.ret &&
			    !strstr(s.err.msg, ":1: longer than 65535"))
				fail_msg("message: %s", s.err.msg);
			if (!s.ret)
				expect_u64(s.nr_lines, 1, "lines");
		}
	}
	free(line);
}

struct broken_row {
	const char *what;
	const char *bytes;
	size_t len;
	int ret;
	const char *message; /* a part of it */
};

#define BYTES(s) s, sizeof(s) - 1

#define GOOD_LINE "x-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0x0 size=4096\n"

static const struct broken_row broken[] = {
	{ "nothing", BYTES(""), 0, "" },
	{ "only newlines", BYTES("\n\n\r\n"), 0, "" },
	{ "other text", BYTES("hello\nworld"), 0, "" },
	{ "a NUL", BYTES("# tracer: nop\nab\0cd\n"), -EINVAL,
	  ":2: holds a NUL byte" },
	{ "an ELF file",
	  BYTES("\x7f"
		"ELF\2\1\1\0\0\0\0\0\0\0\0\0"),
	  -EINVAL, ":1: holds a NUL byte" },
	{ "trace.dat",
	  BYTES("\x17\x08"
		"Dtracing7\0\0\x08"),
	  -EINVAL, "trace-cmd report" },
	{ "perf.data", BYTES("PERFILE2h\0\0\0\0\0\0\0"), -EINVAL,
	  "perf script" },
	{ "gzip", BYTES("\x1f\x8b\x08\0\0\0\0\0"), -EINVAL, "gzip" },
	{ "zstd", BYTES("\x28\xb5\x2f\xfd\0\0\0\0"), -EINVAL, "zstd" },
	{ "bzip2", BYTES("BZh91AY&SY"), -EINVAL, "bzip2" },
	{ "an event cut at the end of the file",
	  BYTES(GOOD_LINE GOOD_LINE "x-1 [000] 1.0: map: IOMMU: iova=0x"),
	  -EINVAL, ":3: malformed iommu event" },
	{ "a size that is none",
	  BYTES(GOOD_LINE
		"x-1 [000] 1.0: map: IOMMU: iova=0x0 paddr=0x0 size=4k\n"),
	  -EINVAL, ":2: malformed iommu event: expected size=" },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		const struct broken_row *row = &broken[i];
		const char *path = file_with(row->bytes, row->len);
		struct sums s = read_all(path);

		if (s.ret != row->ret ||
		    (s.ret && (strncmp(s.err.msg, path, strlen(path)) ||
			       !strstr(s.err.msg, row->message) ||
			       strchr(s.err.msg, '\n'))))
			fail_msg("%s: expected %d and \"%s\", got %d and "
				 "\"%s\"",
				 row->what, row->ret, row->message, s.ret,
				 s.err.msg);
	}
}

/* After a malformed event the reader goes on with the next line. */
static void test_goes_on(void **state)
{
	static const char text[] =
		GOOD_LINE "x-1 [000] 1.0: map: IOMMU: iova=\n" GOOD_LINE;
	struct trace_reader *reader;
	struct trace_event ev = { .line = 0 };
	struct iopt_err err;

	(void)state;
	assert_int_equal(trace_open(file_with(BYTES(text)), &reader, &err), 0);
	assert_int_equal(trace_next(reader, &ev, &err), 1);
	assert_int_equal(trace_next(reader, &ev, &err), -EINVAL);
	expect_u64(ev.line, 1, "event after a failure is untouched");
	assert_int_equal(trace_next(reader, &ev, &err), 1);
	expect_u64(ev.line, 3, "line");
	assert_int_equal(trace_next(reader, &ev, &err), 0);
	trace_close(reader);
}

static void test_lost_adds_up(void **state)
{
	static const char text[] =
		"CPU:0 [LOST EVENTS]\n" GOOD_LINE "CPU:1 [LOST 5 EVENTS]\n"
		"CPU:1 [LOST 7 EVENTS]\n"
		"Processed 2 events and lost 1 chunks!\n";
	static const char huge[] = "CPU:1 [LOST 18446744073709551615 EVENTS]\n"
				   "CPU:1 [LOST 1 EVENTS]\n";
	struct sums s = read_all(file_with(BYTES(text)));

	(void)state;
	expect_u64(s.lost.nr_events, 12, "lost");
	expect_u64(s.lost.nr_gaps, 2, "gaps");
	expect_u64(s.lost.first_line, 1, "first line");
	s = read_all(file_with(BYTES(huge)));
	expect_u64(s.lost.nr_events, UINT64_MAX, "lost does not wrap");
}

static void test_no_file(void **state)
{
	struct sums s = read_all("/nonexistent/x.trace");

	(void)state;
	assert_int_equal(s.ret, -ENOENT);
	assert_string_equal(s.err.msg,
			    "/nonexistent/x.trace: No such file or directory");
	s = read_all("/");
	assert_int_equal(s.ret, -EINVAL);
	assert_string_equal(s.err.msg, "/: a directory; expected a trace file");
}

/* Root may read every file: be somebody else for the while. */
static void test_no_rights(void **state)
{
	char path[] = "/tmp/iopt-trace-XXXXXX";
	int fd = mkstemp(path);
	uid_t uid = geteuid();
	struct sums s;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	if (!uid)
		assert_int_equal(seteuid(65534), 0);
	s = read_all(path);
	if (!uid)
		assert_int_equal(seteuid(0), 0);
	close(fd);
	unlink(path);
	assert_int_equal(s.ret, -EACCES);
	assert_non_null(strstr(s.err.msg, ": Permission denied"));
}

/* Standard input, a pipe that gives a few bytes at a time. */
static void pipe_to_stdin(const struct text *t, size_t step)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		for (size_t i = 0; i < t->len; i += step) {
			size_t n = t->len - i < step ? t->len - i : step;

			if (write(fds[1], t->bytes + i, n) != (ssize_t)n)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close(fds[0]);
}

static void test_stdin(void **state)
{
	static const char *const names[] = { "tracefs.txt", "tracefs.txt.xz" };
	static const size_t steps[] = { 1, 5, 4096 };
	struct text plain = text_read("tracefs.txt");
	struct sums want = read_all(file_with(plain.bytes, plain.len));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(steps); i++) {
		struct text t = text_read(names[i / ARRAY_SIZE(steps)]);
		struct sums got;
		int status;

		pipe_to_stdin(&t, steps[i % ARRAY_SIZE(steps)]);
		got = read_all("-");
		wait(&status);
		free(t.bytes);
		if (got.ret == -EOPNOTSUPP) {
			assert_int_equal(strncmp(got.err.msg, "stdin: ", 7), 0);
			continue;
		}
		expect_same(&got, &want, names[i / ARRAY_SIZE(steps)]);
	}
	free(plain.bytes);
}

/* A build without liblzma must say so, and how to get it. */
static bool can_read_xz(const struct text *xz)
{
	struct sums s = read_all(file_with(xz->bytes, xz->len));

	if (s.ret != -EOPNOTSUPP)
		return true;
	assert_non_null(strstr(s.err.msg, "-Dtraces=enabled"));
	print_message("skip: a build without liblzma\n");
	return false;
}

/* A .xz, two of them in one file, and with the padding that xz allows. */
static void test_xz(void **state)
{
	struct text plain = text_read("tracefs.txt");
	struct text xz = text_read("tracefs.txt.xz");
	char *twice = calloc(2, xz.len + 8);
	struct sums want, got;

	(void)state;
	assert_non_null(twice);
	if (!can_read_xz(&xz))
		skip();
	want = read_all(file_with(plain.bytes, plain.len));
	got = read_all(file_with(xz.bytes, xz.len));
	expect_same(&got, &want, "one stream");
	for (size_t pad = 0; pad <= 8; pad += 4) {
		memset(twice, 0, 2 * (xz.len + 8));
		memcpy(twice, xz.bytes, xz.len);
		memcpy(twice + xz.len + pad, xz.bytes, xz.len);
		got = read_all(file_with(twice, 2 * xz.len + pad));
		if (got.ret)
			fail_msg("two streams, padding %zu: %s", pad,
				 got.err.msg);
		expect_u64(got.nr[TRACE_MAP], 2 * want.nr[TRACE_MAP],
			   "two streams, padding %zu: maps", pad);
		expect_u64(got.nr_lines, 2 * want.nr_lines,
			   "two streams, padding %zu: lines", pad);
	}
	free(twice);
	free(plain.bytes);
	free(xz.bytes);
}

/* However short it is cut, it must not pass for a shorter trace. */
static void test_xz_truncated(void **state)
{
	struct text xz = text_read("tracefs.txt.xz");

	(void)state;
	if (!can_read_xz(&xz))
		skip();
	for (size_t len = 6; len < xz.len; len++) {
		const char *path = file_with(xz.bytes, len);
		struct sums s = read_all(path);
		char want[128];

		snprintf(want, sizeof(want), "%s: byte %zu: ", path, len);
		if (s.ret != -EBADMSG ||
		    strncmp(s.err.msg, want, strlen(want)) ||
		    !strstr(s.err.msg, "truncated"))
			fail_msg("cut to %zu of %zu bytes: expected -EBADMSG "
				 "and \"%s\", got %d and \"%s\"",
				 len, xz.len, want, s.ret, s.err.msg);
	}
	free(xz.bytes);
}

/* Any byte that is not what it was is noticed: the format has checksums. */
static void test_xz_damaged(void **state)
{
	struct text xz = text_read("tracefs.txt.xz");
	struct sums s;

	(void)state;
	if (!can_read_xz(&xz))
		skip();
	for (size_t i = 6; i < xz.len; i++) {
		xz.bytes[i] ^= 0x10;
		s = read_all(file_with(xz.bytes, xz.len));
		if (s.ret != -EBADMSG && s.ret != -ENOMEM)
			fail_msg("byte %zu: got %d: %s", i, s.ret, s.err.msg);
		xz.bytes[i] ^= 0x10;
	}
	xz.bytes = realloc(xz.bytes, xz.len + 8);
	assert_non_null(xz.bytes);
	memcpy(xz.bytes + xz.len, "garbage!", 8);
	s = read_all(file_with(xz.bytes, xz.len + 8));
	assert_int_equal(s.ret, -EBADMSG);
	free(xz.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_long_file),
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_lost_adds_up),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_xz),
		cmocka_unit_test(test_xz_truncated),
		cmocka_unit_test(test_xz_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

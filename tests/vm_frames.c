// SPDX-License-Identifier: GPL-2.0-only
/* Recorded frames: kept, written, read back, refused, taken from traces. */
#include "test.h"

#include <unistd.h>

#include "rng.h"
#include "sizes.h"
#include "vm_backing.h"
#include "vm_frames.h"

/* A file of the given text; the path is the caller's to unlink. */
static void make_file(char path[64], const char *text)
{
	int fd;

	strcpy(path, "/tmp/iopt-frames-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int load_text(const char *text, struct vm_frames *f,
		     struct iopt_err *err)
{
	char path[64];
	int ret;

	make_file(path, text);
	ret = vm_frames_load(path, f, err);
	unlink(path);
	return ret;
}

static char *written(const struct vm_frames *f)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert_non_null(file);
	vm_frames_write(f, file);
	fclose(file);
	return text;
}

#define HEAD \
	"iopt-frames 1\npage 4K\nhow thp\nkernel 6.12 aarch64\nthp madvise\n"
#define GOOD HEAD "0x200000 2M\n0x8000 8K\n0x100000 4K\nend 3 2060K\n"

static void test_read(void **unused)
{
	static const struct {
		u64 offset, paddr, len;
	} rows[] = {
		{ 0, SZ_2M, SZ_2M },
		{ SZ_4K, SZ_2M + SZ_4K, SZ_2M - SZ_4K },
		{ SZ_2M - SZ_4K, 2 * SZ_2M - SZ_4K, SZ_4K },
		{ SZ_2M, 0x8000, 2 * SZ_4K },
		{ SZ_2M + SZ_4K, 0x9000, SZ_4K },
		{ SZ_2M + 2 * SZ_4K, SZ_1M, SZ_4K },
	};
	struct vm_frames f;
	struct iopt_err err;
	char *text;

	(void)unused;
	if (load_text("# by hand\n\n" GOOD "\n# the end\n", &f, &err))
		fail_msg("%s", err.msg);
	expect_u64(f.page, SZ_4K, "page");
	assert_string_equal(f.how, "thp");
	assert_string_equal(f.kernel, "6.12 aarch64");
	assert_string_equal(f.thp, "madvise");
	expect_u64(vm_frames_bytes(&f), 2060 * SZ_1K, "bytes");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 paddr;

		expect_u64(vm_frames_run(&f, rows[i].offset, &paddr),
			   rows[i].len, "row %zu", i);
		expect_u64(paddr, rows[i].paddr, "row %zu", i);
	}
	text = written(&f);
	assert_string_equal(text, GOOD);
	free(text);
	vm_frames_fini(&f);
}

/* One row a file that is refused, with its line and what is right. */
static const struct {
	const char *name, *text, *says;
} bad[] = {
	{ "empty", "",
	  ":0: the file ends here: must go on with iopt-frames 1" },
	{ "magic", "iopt-frames 2\n", ":1: must be iopt-frames 1" },
	{ "trace", "a: map: IOMMU\n", ":1: must be iopt-frames 1" },
	{ "page", "iopt-frames 1\npage 2M\n", ":2: must be page SIZE" },
	{ "no page", "iopt-frames 1\nhow x\n", ":2: must be page SIZE" },
	{ "no how", "iopt-frames 1\npage 4K\n\nkernel x\n", ":4: must be how" },
	{ "no text", "iopt-frames 1\npage 4K\nhow \n", ":3: must be how TEXT" },
	{ "cut", HEAD "0x1000 4K\n", ":6: the file ends here: must go on" },
	{ "cut line", HEAD "0x1000 4K\nend 1", ":7: must be ADDRESS SIZE" },
	{ "no runs", HEAD "end 0 0\n", ": there is no run" },
	{ "number", HEAD "0x1000 4X\n", ":6: must be ADDRESS SIZE" },
	{ "one", HEAD "0x1000\n", ":6: must be ADDRESS SIZE" },
	{ "three", HEAD "0x1000 4K 4K\n", ":6: must be ADDRESS SIZE" },
	{ "negative", HEAD "-0x1000 4K\n", ":6: must be ADDRESS SIZE" },
	{ "unaligned", HEAD "0x1800 4K\n", ":6: must be ADDRESS SIZE, multi" },
	{ "size", HEAD "0x1000 6144\n", ":6: must be ADDRESS SIZE, multiples" },
	{ "nothing", HEAD "0x1000 0\n", ":6: must be ADDRESS SIZE" },
	{ "high", HEAD "0x10000000000000 4K\n", ":6: must be ADDRESS SIZE" },
	{ "long", HEAD "0 0xffffffffffff000\n", ":6: must be ADDRESS SIZE" },
	{ "wraps", HEAD "0xffffffffff000 0xfffffffffffff000\n",
	  ":6: must be ADDRESS SIZE" },
	{ "count", HEAD "0x1000 4K\nend 2 4K\n", ":7: must be end 1 4K" },
	{ "sum", HEAD "0x1000 4K\nend 1 8K\n", ":7: must be end 1 4K" },
	{ "touching", HEAD "0x1000 4K\n0x2000 4K\nend 2 8K\n",
	  ":8: must be end 1 8K" },
	{ "twice", HEAD "0x1000 8K\n0x9000 4K\n0x2000 4K\nend 3 16K\n",
	  ": the frame at 0x2000 is in two runs" },
	{ "more", GOOD "0x1000 4K\n", ":10: must be the end of the file" },
};

static void test_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vm_frames f = { .page = 7 };
		struct iopt_err err = { "" };

		expect_int(load_text(bad[i].text, &f, &err), -EINVAL,
			   bad[i].name);
		expect_text(err.msg, bad[i].says, bad[i].name);
		expect_text(err.msg, "/tmp/iopt-frames-", bad[i].name);
		assert_null(strchr(err.msg, '\n'));
		expect_u64(f.page, 7, "%s: untouched", bad[i].name);
	}
}

static void test_missing(void **unused)
{
	struct vm_frames f;
	struct iopt_err err;

	(void)unused;
	expect_int(vm_frames_load("/nonexistent/f", &f, &err), -ENOENT, "none");
	expect_text(err.msg, "/nonexistent/f", "none");
	expect_int(vm_frames_load("/tmp", &f, &err), -EINVAL, "a directory");
}

/* Written, read and written again: the same bytes. */
static void test_round_trip(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (int round = 0; round < 30; round++) {
		struct vm_frames f, back;
		u64 page = SZ_4K << 2 * rng_below(&rng, 3), at = 0;
		struct iopt_err err;
		char *text, *again;

		vm_frames_init(&f, page);
		snprintf(f.how, sizeof(f.how), "round %d", round);
		for (u64 n = 1 + rng_below(&rng, 2000); n; n--) {
			u64 size = page * (1 + rng_below(&rng, 600));

			at += page * (rng_below(&rng, 2) ? 1 : 1 << 20);
			assert_int_equal(vm_frames_add(&f, at, size), 0);
			at += size;
		}
		text = written(&f);
		if (load_text(text, &back, &err))
			fail_msg("%s, seed %" PRIu64, err.msg, seed);
		again = written(&back);
		assert_string_equal(text, again);
		expect_u64(back.nr_runs, f.nr_runs, "seed %" PRIu64, seed);
		assert_memory_equal(back.runs, f.runs,
				    f.nr_runs * sizeof(*f.runs));
		free(text);
		free(again);
		vm_frames_fini(&f);
		vm_frames_fini(&back);
	}
}

static void test_tile(void **unused)
{
	static const u64 rows[][2] = {
		{ SZ_4K, SZ_4K },
		{ 3 * SZ_4K, 2 * SZ_4K },
		{ SZ_1G - SZ_4K, SZ_512M },
		{ SZ_1G, SZ_1G },
		{ 3 * SZ_1G + SZ_4K, 3 * SZ_1G },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_u64(vm_frames_tile(rows[i][0]), rows[i][1], "row %zu",
			   i);
}

/* A VM's trace: the RAM, not the flash below it, nor the BAR. */
#define EVENT " vm-1 [000] ..... 1.000000: "
#define MAP(iova, end, paddr, size)                                    \
	EVENT "map: IOMMU: iova=0x" iova " - 0x" end " paddr=0x" paddr \
	      " size=" size "\n"
#define UNMAP(iova, end, size)                                       \
	EVENT "unmap: IOMMU: iova=0x" iova " - 0x" end " size=" size \
	      " unmapped_size=" size "\n"
static const char probe[] = MAP(
	"0000000000000000", "0000000000002000", "0000000000100000",
	"8192") UNMAP("0000000000000000", "0000000000001000", "4096")
	UNMAP("0000000000001000", "0000000000002000", "4096") MAP(
		"0000000040000000", "0000000040002000", "0000000000900000",
		"8192") UNMAP("0000000040000000", "0000000040002000", "8192")
		MAP("0000000040002000", "0000000040004000", "0000000000300000",
		    "8192") MAP("0000000040000000", "0000000040002000",
				"0000000000200000", "8192")
			MAP("0000000000000000", "0000000000001000",
			    "0000000000400000",
			    "4096") MAP("0000000010000000", "0000000010002000",
					"0000000800000000", "8192")
				UNMAP("0000000000000000", "0000000000001000",
				      "4096") MAP("0000000000000000",
						  "0000000000001000",
						  "0000000000500000", "4096")
					UNMAP("0000000040000000",
					      "0000000040004000", "16384");

static void test_trace(void **unused)
{
	struct vm_frames f;
	struct iopt_err err;
	char path[64];
	u64 paddr;

	(void)unused;
	make_file(path, probe);
	if (vm_frames_from_trace(path, &f, &err))
		fail_msg("%s", err.msg);
	unlink(path);
	expect_u64(f.nr_runs, 2, "runs");
	expect_u64(vm_frames_bytes(&f), SZ_16K, "bytes");
	expect_u64(vm_frames_run(&f, 0, &paddr), 2 * SZ_4K, "first");
	expect_u64(paddr, 0x200000, "first");
	expect_u64(vm_frames_run(&f, 3 * SZ_4K, &paddr), SZ_4K, "last");
	expect_u64(paddr, 0x301000, "last");
	vm_frames_fini(&f);
}

/* Of data/traces, as their README counts them, without flash and BAR. */
static const struct {
	const char *name;
	u64 bytes, page, nr_runs;
} traces[] = {
	{ "vfio-vm-4k-6.12", 4 * SZ_1G, SZ_4K, 3007 },
	{ "vfio-vm-4k-7.3", 4 * SZ_1G, SZ_4K, 2929 },
	{ "vfio-vm-4k-frag-6.12", 512 * SZ_1M, SZ_4K, 51423 },
	{ "vfio-vm-4k-frag-7.3", 512 * SZ_1M, SZ_4K, 26776 },
	{ "vfio-vm-thp-6.12", 4 * SZ_1G, SZ_4K, 0 },
	{ "vfio-vm-thp-frag-7.3", SZ_1G, SZ_4K, 0 },
	{ "vfio-vm-hugetlb2m-7.3", 4 * SZ_1G, SZ_4K, 0 },
	{ "vfio-vm-hugetlb1g-6.12", 4 * SZ_1G, SZ_4K, 0 },
};

static void test_shipped(void **unused)
{
	char path[1024];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		struct vm_frames f;
		struct iopt_err err = { "" };
		int ret;

		snprintf(path, sizeof(path), "%s/%s.trace.xz", TRACE_DIR,
			 traces[i].name);
		ret = vm_frames_from_trace(path, &f, &err);
		if (ret == -EOPNOTSUPP) {
			print_message("skipped: %s\n", err.msg);
			skip();
		}
		if (ret)
			fail_msg("%s", err.msg);
		expect_u64(vm_frames_bytes(&f), traces[i].bytes, "%s",
			   traces[i].name);
		expect_u64(f.page, traces[i].page, "%s", traces[i].name);
		if (traces[i].nr_runs)
			expect_u64(f.nr_runs, traces[i].nr_runs, "%s",
				   traces[i].name);
		vm_frames_fini(&f);
	}
}

/* A file behind a VM with more RAM: copies, each in frames of its own. */
static void test_backing(void **unused)
{
	static const char text[] =
		HEAD "0x40200000 2M\n0x3fe00000 2M\n0x80001000 4K\n"
		     "end 3 4100K\n";
	struct vm_backing *b;
	struct vm_layout *l;
	struct iopt_err err;
	char path[64], word[80];
	const struct vfio_memory *m;

	(void)unused;
	make_file(path, text);
	snprintf(word, sizeof(word), "file:%s", path);
	assert_int_equal(vm_layout_create_word("1G", SZ_4K, &l, &err), 0);
	if (vm_backing_create(word, l, 48, 1, &b, &err))
		fail_msg("%s", err.msg);
	unlink(path);
	expect_text(vm_backing_note(b), "4100K recorded (thp, page 4K", "note");
	expect_text(vm_backing_note(b), "used 256 times", "note");
	m = vm_backing_memory(b, 1);
	for (u64 at = 0; at < SZ_1G; at += 2 * SZ_2M) {
		/* 0 to 2G+8K spans 3G; copies lie that far apart. */
		u64 copy = at / (2 * SZ_2M) * 3 * SZ_1G, first, second;

		expect_u64(m->run(m->arg, at, &first), SZ_2M, "at %" PRIu64,
			   at);
		expect_u64(m->run(m->arg, at + SZ_2M, &second), SZ_2M,
			   "at %" PRIu64, at);
		expect_u64(first - second, 0x400000, "at %" PRIu64, at);
		expect_u64(first & (SZ_1G - 1), 0x200000, "at %" PRIu64, at);
		m->run(m->arg, 0, &second);
		expect_u64(first - second, copy, "at %" PRIu64, at);
	}
	vm_backing_destroy(b);
	vm_layout_destroy(l);
}

static const struct {
	const char *word;
	u64 host_page;
	int ret;
	const char *says;
} refused[] = {
	{ "file:/nonexistent", SZ_4K, -ENOENT, "/nonexistent" },
	{ "trace:no-such", SZ_4K, -ENOENT, "no trace \"no-such\": must be" },
	{ "trace:./no-such", SZ_4K, -ENOENT, "./no-such" },
	{ "trace:vfio-vm-4k-7.3", SZ_16K, -EINVAL,
	  "recorded with pages of 4K, the host's are 16K" },
	{ "live-3K", SZ_4K, -EINVAL, "live 3K: must be" },
};

static void test_words(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct vm_backing *b = NULL;
		struct vm_layout *l;
		struct iopt_err err = { "" };
		int ret;

		assert_int_equal(vm_layout_create_word(
					 "1G", refused[i].host_page, &l, NULL),
				 0);
		ret = vm_backing_create(refused[i].word, l, 48, 1, &b, &err);
		if (ret != -EOPNOTSUPP) {
			expect_int(ret, refused[i].ret, refused[i].word);
			expect_text(err.msg, refused[i].says, refused[i].word);
		}
		assert_null(b);
		vm_layout_destroy(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_tile),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_backing),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

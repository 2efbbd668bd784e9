// SPDX-License-Identifier: GPL-2.0-only
/* Frames of this host: read from a pagemap, measured, and reasons not to. */
#include "test.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagemap.h"
#include "sizes.h"
#include "vm_live.h"

#define PRESENT (1ull << 63)
#define SWAPPED (1ull << 62)

/* A file that reads like the pagemap of some pages from address 0 on. */
static int fake_pagemap(const u64 *entries, size_t nr)
{
	int fd = memfd_create("pagemap", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, entries, nr * 8), nr * 8);
	return fd;
}

/* Pages of every size; frames count in pages. Bits beside them are ignored. */
static void test_pagemap(void **unused)
{
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	static const u64 entries[] = {
		PRESENT | 9,
		PRESENT | 100 | 1ull << 61,
		PRESENT | 101 | 1ull << 55,
		PRESENT | 102 | 1ull << 56,
		PRESENT | 7,
		0,
	};
	int fd = fake_pagemap(entries, ARRAY_SIZE(entries));

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		u64 page = pages[i], paddr;
		struct vm_frames f;
		struct iopt_err err;

		vm_frames_init(&f, page);
		/* From the second page on. */
		if (pagemap_read(fd, page, 4 * page, &f, &err))
			fail_msg("%s", err.msg);
		expect_u64(f.nr_runs, 2, "page %" PRIu64, page);
		expect_u64(vm_frames_run(&f, 0, &paddr), 3 * page, "first");
		expect_u64(paddr, 100 * page, "first");
		expect_u64(vm_frames_run(&f, 3 * page, &paddr), page, "second");
		expect_u64(paddr, 7 * page, "second");
		vm_frames_fini(&f);
	}
	close(fd);
}

/* More pages than are read at once. */
static void test_many(void **unused)
{
	enum { NR = 10000 };
	u64 *entries = malloc(NR * sizeof(*entries)), paddr;
	struct vm_frames f;
	int fd;

	(void)unused;
	assert_non_null(entries);
	for (u64 i = 0; i < NR; i++)
		entries[i] = PRESENT | (NR + 1 - i);
	fd = fake_pagemap(entries, NR);
	vm_frames_init(&f, SZ_4K);
	assert_int_equal(pagemap_read(fd, 0, NR * SZ_4K, &f, NULL), 0);
	expect_u64(f.nr_runs, NR, "descending frames do not merge");
	for (u64 i = 0; i < NR; i++) {
		vm_frames_run(&f, i * SZ_4K, &paddr);
		expect_u64(paddr, (NR + 1 - i) * SZ_4K, "page %" PRIu64, i);
	}
	vm_frames_fini(&f);
	close(fd);
	free(entries);
}

static void test_pagemap_refused(void **unused)
{
	static const struct {
		u64 entry;
		size_t nr;
		int ret;
		const char *says;
	} rows[] = {
		{ PRESENT, 2, -EPERM, "must have CAP_SYS_ADMIN" },
		{ 5, 2, -ENODATA, "the page at 0x1000 is not in memory" },
		{ SWAPPED | 5, 2, -ENODATA, "page at 0x1000 is swapped out" },
		{ PRESENT | ((1ull << 55) - 1), 2, -EINVAL, "above 2^52" },
		{ PRESENT | 5, 1, -EIO, "ends at byte 8" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const u64 entries[] = { PRESENT | 4, rows[i].entry };
		int fd = fake_pagemap(entries, rows[i].nr);
		struct vm_frames f;
		struct iopt_err err;

		vm_frames_init(&f, SZ_4K);
		expect_int(pagemap_read(fd, 0, 2 * SZ_4K, &f, &err),
			   rows[i].ret, rows[i].says);
		expect_text(err.msg, rows[i].says, rows[i].says);
		vm_frames_fini(&f);
		close(fd);
	}
}

static const char *host_page(void)
{
	static char text[SIZE_TEXT_MAX];

	return size_format((u64)sysconf(_SC_PAGESIZE), text);
}

/*
 * With an address space of its own (QEMU_RESERVED_VA) an emulator moves the
 * program, and the pagemap is asked at addresses of before the move.
 */
static void skip_where_moved(void)
{
	if (!test_emulator() || !getenv("QEMU_RESERVED_VA"))
		return;
	print_message("skipped, QEMU_RESERVED_VA: addresses are not those of "
		      "the pagemap\n");
	skip();
}

/* Really, if this host lets us. */
static void measure(const char *how, u64 bytes)
{
	const struct vm_live_cfg cfg = { .how = how,
					 .bytes = bytes,
					 .root = "" };
	struct vm_frames f;
	struct iopt_err err = { "" };
	int ret;

	skip_where_moved();
	ret = vm_live_measure(&cfg, &f, &err);
	if (vm_live_is_skip(ret)) {
		print_message("skipped, %s: %s\n", how, err.msg);
		skip();
	}
	if (ret)
		fail_msg("%s: %s", how, err.msg);
	expect_u64(vm_frames_bytes(&f), bytes, "%s", how);
	expect_u64(f.page, (u64)sysconf(_SC_PAGESIZE), "%s", how);
	assert_string_equal(f.how, how);
	assert_true(strcmp(f.kernel, "-") != 0);
	assert_int_equal(vm_frames_check(&f, &err), 0);
	vm_frames_fini(&f);
}

static void test_pages(void **unused)
{
	(void)unused;
	measure(host_page(), 64 * SZ_1M);
}

static void test_thp(void **unused)
{
	(void)unused;
	/* At least one huge page. */
	measure("thp", sysconf(_SC_PAGESIZE) == SZ_64K ? SZ_512M : 64 * SZ_1M);
}

static void test_hugetlb(void **unused)
{
	(void)unused;
	measure("2M", SZ_2M);
}

/* Exactly what is asked for, and it stays. */
static void test_take(void **unused)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	const struct vm_live_cfg cfg = { .how = host_page(),
					 .bytes = 5 * page,
					 .root = "" };
	struct vm_live_memory memory;
	struct iopt_err err = { "" };
	struct vm_frames f;
	int ret;

	(void)unused;
	skip_where_moved();
	if (vm_live_take(&cfg, &memory, &err))
		fail_msg("%s", err.msg);
	expect_u64(memory.bytes, 5 * page, "as asked for");
	expect_u64((u64)(uintptr_t)memory.at & (SZ_1G - 1), 0, "aligned");
	for (u64 i = 0; i < 5; i++)
		assert_int_equal(memory.at[i * page], 1);
	ret = vm_live_frames(&memory, &f, &err);
	if (!ret) {
		expect_u64(vm_frames_bytes(&f), 5 * page, "frames");
		assert_string_equal(f.how, host_page());
		vm_frames_fini(&f);
	} else if (!vm_live_is_skip(ret)) {
		fail_msg("%s", err.msg);
	}
	vm_live_give_back(&memory);
	assert_null(memory.at);
}

/* Less will not do. */
static void test_take_refused(void **unused)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	const struct {
		const char *how;
		u64 bytes;
		int ret;
		const char *says;
	} rows[] = {
		{ host_page(), page + 1, -EINVAL, "no multiple of its pages" },
		{ host_page(), 0, -EINVAL, "no multiple of its pages" },
		{ host_page(), 1ull << 50, -ENOSPC, "half of" },
		{ "2M", SZ_1M, -EINVAL, "no multiple of its pages" },
		{ "3M", SZ_1M, -EINVAL, "must be" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vm_live_cfg cfg = { .how = rows[i].how,
						 .bytes = rows[i].bytes,
						 .root = "" };
		struct vm_live_memory memory = { .bytes = 77 };
		struct iopt_err err = { "" };

		expect_int(vm_live_take(&cfg, &memory, &err), rows[i].ret,
			   rows[i].says);
		expect_text(err.msg, rows[i].says, rows[i].how);
		expect_u64(memory.bytes, 77, "untouched");
	}
}

/* In a child that may no longer see frames. */
static int measure_without_caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2];
	const struct vm_live_cfg cfg = { .how = host_page(),
					 .bytes = 64 * SZ_1M,
					 .root = "" };
	struct vm_frames f;
	struct iopt_err err = { "" };
	int ret;

	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &head, none))
		return 10;
	ret = vm_live_measure(&cfg, &f, &err);
	/* A kernel without a pagemap has no frames to hide. */
	if (ret != -EPERM && ret != -ENODEV)
		return 11;
	return vm_live_is_skip(ret) && *err.msg ? 0 : 12;
}

static void test_no_caps(void **unused)
{
	int status;
	pid_t pid = fork();

	(void)unused;
	assert_true(pid >= 0);
	if (!pid)
		_exit(measure_without_caps());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("the child said 0x%x", (unsigned int)status);
}

/* A host as files below a folder; NULL: there is no such file. */
struct host {
	const char *meminfo;
	const char *thp;
	const char *free_2m;
};

static void put(const char *root, const char *folders, const char *name,
		const char *text)
{
	char path[512];
	FILE *file;

	if (!text)
		return;
	snprintf(path, sizeof(path), "%s%s", root, folders);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s%s/%s", root, folders, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define PLENTY "MemTotal: 99999999 kB\nMemAvailable: 99999999 kB\n"

static const struct {
	const char *name, *how;
	u64 bytes;
	struct host host;
	int ret;
	const char *says;
} hosts[] = {
	{ "no way",
	  "3M",
	  SZ_1G,
	  { PLENTY, "[always]", NULL },
	  -EINVAL,
	  "live 3M: must be" },
	{ "no word",
	  "huge",
	  SZ_1G,
	  { PLENTY, "[always]", NULL },
	  -EINVAL,
	  "live huge: must be" },
	{ "no memory",
	  "thp",
	  SZ_1G,
	  { "MemAvailable: 1000 kB\n", "[always]", NULL },
	  -ENOSPC,
	  "a quarter of 1000K may be taken" },
	{ "unknown memory",
	  "thp",
	  SZ_1G,
	  { "MemTotal: 1 kB\n", "[always]", NULL },
	  -ENOSPC,
	  "says nothing of MemAvailable" },
	{ "no meminfo",
	  "thp",
	  SZ_1G,
	  { NULL, "[always]", NULL },
	  -ENOSPC,
	  "says nothing of MemAvailable" },
	{ "thp off",
	  "thp",
	  SZ_1G,
	  { PLENTY, "always madvise [never]", NULL },
	  -ENODEV,
	  "transparent huge pages are off" },
	{ "no thp",
	  "thp",
	  SZ_1G,
	  { PLENTY, NULL, NULL },
	  -ENODEV,
	  "transparent huge pages are off" },
	{ "small",
	  "thp",
	  SZ_4K,
	  { PLENTY, "[always]", NULL },
	  -EINVAL,
	  "live thp: 4K are less than a page of" },
	{ "no hugetlb",
	  "2M",
	  SZ_1G,
	  { PLENTY, "[always]", NULL },
	  -ENODEV,
	  "has no hugetlb pages of 2M (no /sys/kernel/mm/hugepages/" },
	{ "none free",
	  "2M",
	  SZ_1G,
	  { PLENTY, "[always]", "0\n" },
	  -ENOSPC,
	  "no hugetlb page of 2M is free: reserve some" },
	{ "less",
	  "2M",
	  SZ_1M,
	  { PLENTY, "[always]", "7\n" },
	  -EINVAL,
	  "live 2M: less than one page" },
};

static void test_hosts(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		char root[] = "/tmp/iopt-host-XXXXXX", command[64];
		struct vm_live_cfg cfg = { .how = hosts[i].how,
					   .bytes = hosts[i].bytes,
					   .root = root };
		struct vm_frames f;
		struct iopt_err err = { "" };

		assert_non_null(mkdtemp(root));
		put(root, "/proc", "meminfo", hosts[i].host.meminfo);
		put(root, "/sys/kernel/mm/transparent_hugepage", "enabled",
		    hosts[i].host.thp);
		put(root, "/sys/kernel/mm/hugepages/hugepages-2048kB",
		    "free_hugepages", hosts[i].host.free_2m);
		expect_int(vm_live_measure(&cfg, &f, &err), hosts[i].ret,
			   hosts[i].name);
		expect_text(err.msg, hosts[i].says, hosts[i].name);
		expect_u64(vm_live_is_skip(hosts[i].ret),
			   hosts[i].ret != -EINVAL, "%s", hosts[i].name);
		snprintf(command, sizeof(command), "rm -r %s", root);
		assert_int_equal(system(command), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pagemap),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_pagemap_refused),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_take_refused),
		cmocka_unit_test(test_thp),
		cmocka_unit_test(test_hugetlb),
		cmocka_unit_test(test_no_caps),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

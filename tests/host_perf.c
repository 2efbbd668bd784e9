// SPDX-License-Identifier: GPL-2.0-only
/* Counters of machines of many kinds, through a kernel made for the test. */
#include "fixture.h"

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "perf.h"

#define MAX_FDS	 32
#define FIRST_FD 100

/*
 * A kernel: what it refuses, how many counters its CPU has, and how long a
 * group ran of each 1000 ns that it was enabled.
 */
struct kernel {
	int hw_errno;	     /* for each event of the CPU */
	int hw_kernel_errno; /* for one that counts in kernel mode too */
	int sw_errno;	     /* likewise for events of the kernel */
	int sw_kernel_errno;
	u32 generic_cache_errno;
	unsigned int nr_counters;  /* 0: as many as are wanted */
	unsigned int ran_permille; /* 0: 1000 */
	int control_errno;
	ssize_t read_error; /* bytes too few, or -errno */
	bool lies_about_nr;
	/* State. */
	struct perf_event_attr attr[MAX_FDS];
	unsigned int nr_open;
	unsigned int nr_closed;
	unsigned int nr_reads;
	u64 nr_enabled;
	bool is_enabled;
	u64 time_enabled, time_running;
};

static bool is_software(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_SOFTWARE;
}

static int kernel_refuses(const struct kernel *k,
			  const struct perf_event_attr *attr)
{
	int always = is_software(attr) ? k->sw_errno : k->hw_errno;
	int in_kernel =
		is_software(attr) ? k->sw_kernel_errno : k->hw_kernel_errno;

	if (always)
		return always;
	if (in_kernel && !attr->exclude_kernel)
		return in_kernel;
	if (attr->type == PERF_TYPE_HW_CACHE)
		return (int)k->generic_cache_errno;
	return 0;
}

static int fake_open(struct perf_event_attr *attr, int group_fd, void *arg)
{
	struct kernel *k = arg;
	int ret = kernel_refuses(k, attr);

	assert_int_equal(attr->size, sizeof(*attr));
	assert_int_equal(attr->read_format,
			 PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED |
				 PERF_FORMAT_TOTAL_TIME_RUNNING);
	assert_true(attr->exclude_hv);
	if (ret)
		return -ret;
	if (k->nr_open == k->nr_closed) {
		k->nr_open = k->nr_closed = 0;
		assert_int_equal(group_fd, -1);
		assert_true(attr->disabled);
	} else {
		assert_int_equal(group_fd, FIRST_FD);
		assert_false(attr->disabled);
	}
	assert_true(k->nr_open < MAX_FDS);
	k->attr[k->nr_open] = *attr;
	return FIRST_FD + (int)k->nr_open++;
}

static unsigned int nr_live(const struct kernel *k)
{
	return k->nr_open - k->nr_closed;
}

static bool does_run(const struct kernel *k)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < nr_live(k); i++)
		nr += !is_software(&k->attr[i]);
	return !k->nr_counters || nr <= k->nr_counters;
}

static int fake_control(int fd, unsigned long request, void *arg)
{
	struct kernel *k = arg;

	if (k->control_errno)
		return -k->control_errno;
	assert_int_equal(fd, FIRST_FD);
	if (request == PERF_EVENT_IOC_ENABLE) {
		assert_false(k->is_enabled);
		k->is_enabled = true;
		return 0;
	}
	assert_int_equal(request, PERF_EVENT_IOC_DISABLE);
	assert_true(k->is_enabled);
	k->is_enabled = false;
	k->nr_enabled++;
	k->time_enabled += 1000;
	if (does_run(k))
		k->time_running += k->ran_permille ? k->ran_permille : 1000;
	return 0;
}

/* Event i of the group counts 10 * (i + 1) each time it is enabled. */
static ssize_t fake_read(int fd, void *buf, size_t size, void *arg)
{
	struct kernel *k = arg;
	u64 *v = buf;

	assert_int_equal(fd, FIRST_FD);
	assert_false(k->is_enabled);
	k->nr_reads++;
	if (k->read_error < 0)
		return k->read_error;
	assert_int_equal(size, (3 + nr_live(k)) * sizeof(*v));
	*v++ = nr_live(k) + k->lies_about_nr;
	*v++ = k->time_enabled;
	*v++ = k->time_running;
	for (unsigned int i = 0; i < nr_live(k); i++)
		*v++ = 10 * (i + 1) * k->nr_enabled;
	return (ssize_t)size - k->read_error;
}

/* Descriptors are closed from the last. */
static void fake_close(int fd, void *arg)
{
	struct kernel *k = arg;

	assert_int_equal(fd, FIRST_FD + (int)nr_live(k) - 1);
	k->nr_closed++;
	if (k->nr_open == k->nr_closed)
		return;
	k->nr_open--;
	k->nr_closed--;
}

static struct host_perf *perf_of(struct kernel *k, const char *root)
{
	const struct host_perf_sys sys = {
		.open = fake_open,
		.control = fake_control,
		.read = fake_read,
		.close = fake_close,
		.arg = k,
	};
	const struct host_perf_cfg cfg = { .root = root,
					   .cpu = 1,
					   .sys = &sys };
	struct host_perf *perf;

	assert_int_equal(host_perf_create(&cfg, &perf, NULL), 0);
	return perf;
}

#define PARANOID "proc/sys/kernel/perf_event_paranoid"

static const struct fixture_file level_2[] = { { PARANOID, "2\n" },
					       { NULL, NULL } };
static const struct fixture_file level_3[] = { { PARANOID, "3\n" },
					       { NULL, NULL } };
static const struct fixture_file no_files[] = { { NULL, NULL } };

/*
 * @hardware, @kernel and @software are how the reasons begin; @nr_hardware and
 * @nr_group are how many events of the CPU and of all are in the group.
 */
static const struct {
	const char *name;
	struct kernel kernel;
	const struct fixture_file *files;
	const char *hardware, *in_kernel, *software;
	unsigned int nr_hardware, nr_group;
} rows[] = {
	{ "all", { 0 }, level_2, "yes", "yes", "yes", 6, 10 },
	{ "user mode alone",
	  { .hw_kernel_errno = EACCES, .sw_kernel_errno = EACCES },
	  level_2,
	  "yes",
	  "paranoid: perf_event_paranoid is 2; as root: sysctl "
	  "kernel.perf_event_paranoid=1",
	  "yes",
	  6,
	  8 },
	{ "no monitor",
	  { .hw_errno = ENOENT },
	  level_2,
	  "no-pmu: ",
	  "yes",
	  "yes",
	  0,
	  4 },
	{ "no monitor, other word",
	  { .hw_errno = EOPNOTSUPP },
	  level_2,
	  "no-pmu: ",
	  "yes",
	  "yes",
	  0,
	  4 },
	{ "no monitor, user mode alone",
	  { .hw_errno = ENOENT, .sw_kernel_errno = EACCES },
	  level_2,
	  "no-pmu: ",
	  "paranoid: perf_event_paranoid is 2",
	  "yes",
	  0,
	  2 },
	{ "paranoid",
	  { .hw_errno = EACCES, .sw_errno = EACCES },
	  level_3,
	  "paranoid: perf_event_paranoid is 3; as root: sysctl "
	  "kernel.perf_event_paranoid=2",
	  "paranoid: ",
	  "paranoid: ",
	  0,
	  0 },
	{ "paranoid, level not told",
	  { .hw_errno = EACCES, .sw_errno = EACCES },
	  no_files,
	  "paranoid: perf_event_paranoid is too high",
	  "paranoid: ",
	  "paranoid: ",
	  0,
	  0 },
	{ "container",
	  { .hw_errno = EPERM, .sw_errno = EPERM },
	  level_2,
	  "seccomp: ",
	  "seccomp: ",
	  "seccomp: ",
	  0,
	  0 },
	{ "container, newer filter",
	  { .hw_errno = ENOSYS, .sw_errno = ENOSYS },
	  level_2,
	  "seccomp: ",
	  "seccomp: ",
	  "seccomp: ",
	  0,
	  0 },
	{ "kernel without perf",
	  { .hw_errno = ENOSYS, .sw_errno = ENOSYS },
	  no_files,
	  "no-perf: ",
	  "no-perf: ",
	  "no-perf: ",
	  0,
	  0 },
	{ "no descriptors",
	  { .hw_errno = EMFILE, .sw_errno = EMFILE },
	  level_2,
	  "files: ",
	  "files: ",
	  "files: ",
	  0,
	  0 },
	{ "somebody else's",
	  { .hw_errno = EBUSY },
	  level_2,
	  "busy: ",
	  "yes",
	  "yes",
	  0,
	  4 },
	{ "unheard of",
	  { .hw_errno = E2BIG },
	  level_2,
	  "refused: perf_event_open(2): Argument list too long",
	  "yes",
	  "yes",
	  0,
	  4 },
	{ "four counters",
	  { .nr_counters = 4 },
	  level_2,
	  "yes",
	  "yes",
	  "yes",
	  4,
	  8 },
	{ "one counter",
	  { .nr_counters = 1 },
	  level_2,
	  "yes",
	  "yes",
	  "yes",
	  1,
	  5 },
	{ "shared counters",
	  { .ran_permille = 900 },
	  level_2,
	  "multiplexed: ",
	  "yes",
	  "refused: ",
	  0,
	  0 },
	{ "no caches",
	  { .generic_cache_errno = ENOENT },
	  level_2,
	  "yes",
	  "yes",
	  "yes",
	  3,
	  7 },
	{ "no switch",
	  { .control_errno = ENOTTY },
	  level_2,
	  "refused: Inappropriate ioctl",
	  "yes",
	  "refused: Inappropriate ioctl",
	  0,
	  0 },
	{ "no read",
	  { .read_error = -EINTR },
	  level_2,
	  "refused: ",
	  "yes",
	  "refused: ",
	  0,
	  0 },
};

static void expect_start(const char *text, const char *start, const char *name)
{
	if (strncmp(text, start, strlen(start)))
		fail_msg("%s: expected \"%s...\", got \"%s\"", name, start,
			 text);
}

static void test_what_is_had(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel k = rows[i].kernel;
		struct host_perf_counts counts;
		unsigned int nr_hardware = 0;
		struct fixture fixture;
		struct host_perf *perf;

		fixture_init(&fixture, rows[i].files);
		perf = perf_of(&k, fixture.root);
		expect_start(host_perf_why(perf, HOST_PERF_HARDWARE),
			     rows[i].hardware, rows[i].name);
		expect_start(host_perf_why(perf, HOST_PERF_KERNEL),
			     rows[i].in_kernel, rows[i].name);
		expect_start(host_perf_why(perf, HOST_PERF_SOFTWARE),
			     rows[i].software, rows[i].name);
		expect_u64(nr_live(&k), rows[i].nr_group, "events, %s",
			   rows[i].name);
		host_perf_begin(perf);
		host_perf_end(perf);
		expect_int(host_perf_read(perf, &counts), 0, rows[i].name);
		for (int e = 0; e < HOST_PERF_NR_EVENTS; e++) {
			bool has = strcmp(host_perf_source(perf, e), "none");

			expect_u64(counts.has[e], has, "event %d of %s", e,
				   rows[i].name);
			nr_hardware += has && e < HOST_PERF_TASK_CLOCK;
		}
		expect_u64(nr_hardware, rows[i].nr_hardware, "of the CPU, %s",
			   rows[i].name);
		host_perf_destroy(perf);
		expect_u64(nr_live(&k), 0, "left open, %s", rows[i].name);
		fixture_fini(&fixture);
	}
}

/* Two sections count twice; what was before the reset does not. */
static void test_counts(void **state)
{
	struct kernel k = { .nr_counters = 2 };
	struct host_perf *perf = perf_of(&k, "/nowhere");
	struct host_perf_counts counts;
	unsigned int nr_reads;

	(void)state;
	host_perf_begin(perf);
	host_perf_end(perf);
	host_perf_reset(perf);
	nr_reads = k.nr_reads;
	host_perf_begin(perf);
	host_perf_end(perf);
	host_perf_begin(perf);
	host_perf_end(perf);
	assert_int_equal(host_perf_read(perf, &counts), 0);
	/* Sections are not read one by one. */
	assert_int_equal(k.nr_reads, nr_reads + 1);
	/* Place in the group: cycles, instructions, then the kernel's four. */
	assert_int_equal(counts.value[HOST_PERF_CYCLES], 20);
	assert_int_equal(counts.value[HOST_PERF_INSTRUCTIONS], 40);
	assert_false(counts.has[HOST_PERF_BRANCH_MISSES]);
	assert_int_equal(counts.value[HOST_PERF_TASK_CLOCK], 60);
	assert_int_equal(counts.value[HOST_PERF_PAGE_FAULTS], 80);
	assert_int_equal(counts.value[HOST_PERF_CONTEXT_SWITCHES], 100);
	assert_int_equal(counts.value[HOST_PERF_CPU_MIGRATIONS], 120);
	host_perf_destroy(perf);
}

/* What happens to a good group later, what reading it says, and again after
 * the reset that follows, when all is well.
 */
static const struct {
	const char *name;
	struct kernel change;
	int ret;
} later[] = {
	{ "well", { 0 }, 0 },
	{ "shared from now on", { .ran_permille = 999 }, -EBUSY },
	{ "short read", { .read_error = 8 }, -EIO },
	{ "failed read", { .read_error = -EINVAL }, -EIO },
	{ "another group", { .lies_about_nr = true }, -EIO },
	{ "failed switch", { .control_errno = EIO }, -EIO },
};

static void test_later(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		struct kernel k = { .nr_counters = 0 };
		struct host_perf *perf = perf_of(&k, "/nowhere");
		struct host_perf_counts counts = { .value = { 77 } };

		k.ran_permille = later[i].change.ran_permille;
		k.read_error = later[i].change.read_error;
		k.lies_about_nr = later[i].change.lies_about_nr;
		k.control_errno = later[i].change.control_errno;
		host_perf_begin(perf);
		host_perf_end(perf);
		expect_int(host_perf_read(perf, &counts), later[i].ret,
			   later[i].name);
		if (later[i].ret)
			expect_u64(counts.value[0], 77, "%s", later[i].name);
		k.ran_permille = 0;
		k.read_error = 0;
		k.lies_about_nr = false;
		k.control_errno = 0;
		host_perf_reset(perf);
		host_perf_begin(perf);
		host_perf_end(perf);
		expect_int(host_perf_read(perf, &counts), 0, later[i].name);
		host_perf_destroy(perf);
	}
}

#define DEVICES "sys/bus/event_source/devices/"
#define ARM	DEVICES "armv8_pmuv3_0/"
#define BIG	DEVICES "armv8_cortex_a76/"

/* Monitors with events in sysfs, and what the kernel is asked for. */
static const struct fixture_file arm_files[] = {
	{ ARM "type", "8\n" },
	{ ARM "cpus", "0-127\n" },
	{ ARM "format/event", "config:0-15\n" },
	{ ARM "events/cpu_cycles", "event=0x0011\n" },
	{ ARM "events/l1d_cache_refill", "event=0x0003\n" },
	{ ARM "events/l1d_tlb_refill", "event=0x0005\n" },
	{ ARM "events/l3d_cache_refill", "event=0x002a\n" },
	{ DEVICES "arm_spe_0/type", "9\n" },
	{ DEVICES "smmuv3_pmcg_0/events/cycles", "event=0x0\n" },
	{ NULL, NULL },
};

static const struct fixture_file big_little_files[] = {
	{ ARM "type", "8\n" },
	{ ARM "cpus", "0,2-3\n" },
	{ ARM "format/event", "config:0-15\n" },
	{ ARM "events/cpu_cycles", "event=0x0011\n" },
	{ BIG "type", "9\n" },
	{ BIG "cpus", "1\n" },
	{ BIG "format/event", "config:0-15\n" },
	{ BIG "events/cpu_cycles", "event=0x0011\n" },
	{ BIG "events/l1d_cache_refill", "event=0x0003\n" },
	{ NULL, NULL },
};

static const struct fixture_file amd_files[] = {
	{ DEVICES "cpu/type", "4\n" },
	{ DEVICES "cpu/format/event", "config:0-7,32-35\n" },
	{ DEVICES "cpu/format/umask", "config:8-15\n" },
	{ DEVICES "cpu/format/edge", "config:18\n" },
	{ DEVICES "cpu/format/ldlat", "config1:0-15\n" },
	{ DEVICES "cpu/events/cpu-cycles", "event=0x76\n" },
	{ DEVICES "cpu/events/cache-misses", "event=0x64,umask=0x9\n" },
	{ DEVICES "cpu/events/l1d_tlb_refill",
	  "event=0x964,umask=0x9,edge,ldlat=3\n" },
	{ "proc/cpuinfo", "processor : 0\nvendor_id : AuthenticAMD\n" },
	{ NULL, NULL },
};

static const struct fixture_file intel_files[] = {
	{ DEVICES "cpu/type", "4\n" },
	{ DEVICES "cpu/format/event", "config:0-7\n" },
	{ DEVICES "cpu/format/umask", "config:8-15\n" },
	{ DEVICES "cpu/events/cpu-cycles", "event=0x3c\n" },
	{ DEVICES "cpu/events/cache-misses", "event=0x2e,umask=0x41\n" },
	{ "proc/cpuinfo", "processor : 0\nvendor_id : GenuineIntel\n" },
	{ NULL, NULL },
};

static const struct fixture_file odd_files[] = {
	{ DEVICES "cpu/type", "4\n" },
	{ DEVICES "cpu/format/event", "config:0-7\n" },
	{ DEVICES "cpu/events/cpu-cycles", "event=0x76\n" },
	{ DEVICES "cpu/events/l1d_cache_refill", "event=0x764\n" },
	{ DEVICES "cpu/events/cache-misses", "event=0x64,strange=1\n" },
	{ DEVICES "cpu/events/l3d_cache_refill", "event=zero\n" },
	{ DEVICES "cpu/events/l1d_tlb_refill", "event=5,\n" },
	{ "proc/cpuinfo", "processor : 0\nvendor_id : GenuineIntel\n" },
	{ NULL, NULL },
};

static const struct {
	const char *name;
	const struct fixture_file *files;
	u32 generic_cache_errno;
	enum host_perf_event event;
	const char *source;
	u32 type;
	u64 config, config1;
} named[] = {
	{ "generic", arm_files, 0, HOST_PERF_L1D_MISSES,
	  "L1-dcache-load-misses", PERF_TYPE_HW_CACHE, 0x10000, 0 },
	{ "arm64", arm_files, ENOENT, HOST_PERF_L1D_MISSES,
	  "armv8_pmuv3_0/l1d_cache_refill/", 8, 0x3, 0 },
	{ "arm64, second choice", arm_files, ENOENT, HOST_PERF_LLC_MISSES,
	  "armv8_pmuv3_0/l3d_cache_refill/", 8, 0x2a, 0 },
	{ "arm64, TLB", arm_files, ENOENT, HOST_PERF_DTLB_MISSES,
	  "armv8_pmuv3_0/l1d_tlb_refill/", 8, 0x5, 0 },
	{ "arm64, cycles", arm_files, 0, HOST_PERF_CYCLES, "cycles",
	  PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0 },
	{ "CPUs that differ", big_little_files, 0, HOST_PERF_INSTRUCTIONS,
	  "instructions", PERF_TYPE_HARDWARE,
	  9ull << 32 | PERF_COUNT_HW_INSTRUCTIONS, 0 },
	{ "CPUs that differ, named", big_little_files, ENOENT,
	  HOST_PERF_L1D_MISSES, "armv8_cortex_a76/l1d_cache_refill/", 9, 0x3,
	  0 },
	{ "CPUs that differ, no name", big_little_files, ENOENT,
	  HOST_PERF_DTLB_MISSES, "none", 0, 0, 0 },
	{ "scattered bits", amd_files, ENOENT, HOST_PERF_DTLB_MISSES,
	  "cpu/l1d_tlb_refill/", 4, 0x900040964, 3 },
	{ "Intel, last level", intel_files, ENOENT, HOST_PERF_LLC_MISSES,
	  "cpu/cache-misses/", 4, 0x412e, 0 },
	{ "AMD, not the last level", amd_files, ENOENT, HOST_PERF_LLC_MISSES,
	  "none", 0, 0, 0 },
	{ "too many bits", odd_files, ENOENT, HOST_PERF_L1D_MISSES, "none", 0,
	  0, 0 },
	{ "odd terms", odd_files, ENOENT, HOST_PERF_LLC_MISSES, "none", 0, 0,
	  0 },
	{ "comma at the end", odd_files, ENOENT, HOST_PERF_DTLB_MISSES,
	  "cpu/l1d_tlb_refill/", 4, 0x5, 0 },
};

static const struct perf_event_attr *find_attr(const struct kernel *k, u32 type,
					       u64 config)
{
	for (unsigned int i = 0; i < nr_live(k); i++)
		if (k->attr[i].type == type && k->attr[i].config == config)
			return &k->attr[i];
	return NULL;
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		struct kernel k = {
			.generic_cache_errno = named[i].generic_cache_errno,
		};
		const struct perf_event_attr *attr;
		struct fixture fixture;
		struct host_perf *perf;

		fixture_init(&fixture, named[i].files);
		perf = perf_of(&k, fixture.root);
		if (strcmp(host_perf_source(perf, named[i].event),
			   named[i].source))
			fail_msg("%s: expected %s, got %s", named[i].name,
				 named[i].source,
				 host_perf_source(perf, named[i].event));
		attr = find_attr(&k, named[i].type, named[i].config);
		if (named[i].type) {
			assert_non_null(attr);
			assert_int_equal(attr->config1, named[i].config1);
		}
		host_perf_destroy(perf);
		fixture_fini(&fixture);
	}
}

/* Names go into results beside the library's own. */
static void test_counter_names(void **state)
{
	(void)state;
	for (int e = 0; e < HOST_PERF_NR_EVENTS; e++)
		expect_start(host_perf_name(e), "perf_", "name");
}

#define NR_PAGES 64

static void touch_pages(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t size = NR_PAGES * page;
	volatile char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	madvise((void *)(uintptr_t)p, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += page)
		p[i] = 1;
	munmap((void *)(uintptr_t)p, size);
}

static void work(void)
{
	const struct timespec nap = { .tv_nsec = 100000 };

	touch_pages();
	nanosleep(&nap, NULL);
}

static void read_here(struct host_perf *perf, struct host_perf_counts *counts)
{
	int ret = host_perf_read(perf, counts);

	if (ret == -EBUSY) {
		print_message("skip: others use the counters\n");
		skip();
	}
	assert_int_equal(ret, 0);
}

/* This machine, whatever it offers: faults and a switch are seen inside. */
static void count_here(const char *root, const struct host_perf_sys *sys)
{
	const struct host_perf_cfg cfg = { .root = root, .sys = sys };
	struct host_perf_counts inside, outside;
	struct host_perf *perf;

	assert_int_equal(host_perf_create(&cfg, &perf, NULL), 0);
	for (int e = 0; e < HOST_PERF_NR_EVENTS; e++)
		print_message("%s: %s\n", host_perf_name(e),
			      host_perf_source(perf, e));
	host_perf_begin(perf);
	work();
	host_perf_end(perf);
	read_here(perf, &inside);
	assert_true(inside.value[HOST_PERF_PAGE_FAULTS] >= NR_PAGES);
	assert_true(inside.value[HOST_PERF_CONTEXT_SWITCHES] >= 1);
	assert_in_range(inside.value[HOST_PERF_TASK_CLOCK], 1000, 1000000000);
	host_perf_reset(perf);
	host_perf_begin(perf);
	host_perf_end(perf);
	work();
	read_here(perf, &outside);
	assert_true(outside.value[HOST_PERF_PAGE_FAULTS] < NR_PAGES);
	host_perf_destroy(perf);
}

static int refuse_open(struct perf_event_attr *attr, int group_fd, void *arg)
{
	(void)attr;
	(void)group_fd;
	(void)arg;
	return -EPERM;
}

static void test_here(void **state)
{
	(void)state;
	count_here(NULL, NULL);
}

static void test_here_without_perf(void **state)
{
	const struct host_perf_sys none = { .open = refuse_open };

	(void)state;
	count_here(NULL, &none);
}

#define NR_STEPS 200000
#define NR_TRIES 5

/* The same instructions a step, whatever the compiler makes of it. */
static void spin(u64 nr_steps)
{
	for (u64 i = 0; i < nr_steps; i++)
		__asm__ volatile("" : "+r"(i));
}

/* The fewest of some tries, as an interrupt only adds. */
static u64 instructions_of(struct host_perf *perf, u64 nr_steps)
{
	struct host_perf_counts counts;
	u64 least = UINT64_MAX;

	for (int i = 0; i < NR_TRIES; i++) {
		host_perf_reset(perf);
		host_perf_begin(perf);
		spin(nr_steps);
		host_perf_end(perf);
		read_here(perf, &counts);
		assert_true(counts.value[HOST_PERF_CYCLES] > 0);
		if (counts.value[HOST_PERF_INSTRUCTIONS] < least)
			least = counts.value[HOST_PERF_INSTRUCTIONS];
	}
	return least;
}

/* Real events, where there are some: twice the steps take twice as many. */
static void test_instructions_here(void **state)
{
	const struct host_perf_cfg cfg = { .cpu = 0 };
	struct host_perf *perf;
	u64 none, once, twice;

	(void)state;
	assert_int_equal(host_perf_create(&cfg, &perf, NULL), 0);
	if (!strcmp(host_perf_source(perf, HOST_PERF_INSTRUCTIONS), "none")) {
		print_message("skip: instructions are not counted here: %s\n",
			      host_perf_why(perf, HOST_PERF_HARDWARE));
		host_perf_destroy(perf);
		skip();
	}
	none = instructions_of(perf, 0);
	once = instructions_of(perf, NR_STEPS) - none;
	twice = instructions_of(perf, 2 * NR_STEPS) - none;
	print_message("%llu instructions, %llu for twice the steps\n",
		      (unsigned long long)once, (unsigned long long)twice);
	assert_in_range(once, 2 * NR_STEPS, 20 * NR_STEPS);
	assert_in_range(100 * twice, 198 * once, 202 * once);
	host_perf_destroy(perf);
}

static void test_migration(void **state)
{
	const struct host_perf_sys none = { .open = refuse_open };
	const struct host_perf_cfg cfg = { .sys = &none };
	struct host_perf_counts counts;
	struct host_perf *perf;
	cpu_set_t before, one;
	int nr = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2) {
		print_message("skip: one CPU, nowhere to migrate to\n");
		skip();
	}
	assert_int_equal(host_perf_create(&cfg, &perf, NULL), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE && nr < 2; cpu++) {
		if (!CPU_ISSET(cpu, &before))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		if (nr++ == 0)
			host_perf_begin(perf);
		else
			host_perf_end(perf);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(host_perf_read(perf, &counts), 0);
	assert_int_equal(counts.value[HOST_PERF_CPU_MIGRATIONS], 1);
	host_perf_destroy(perf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_had),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_counter_names),
		cmocka_unit_test(test_here),
		cmocka_unit_test(test_here_without_perf),
		cmocka_unit_test(test_instructions_here),
		cmocka_unit_test(test_migration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The environment record of machines of many kinds, from trees of files. */
#include "fixture.h"

#include <unistd.h>

#include "cpu_part.h"
#include "environ.h"

#define CPU "sys/devices/system/cpu/"

/* A dual-socket x86 server that was set up for measuring, more or less. */
static const struct fixture_file x86_files[] = {
	{ "proc/cpuinfo",
	  "processor\t: 0\nvendor_id\t: GenuineIntel\n"
	  "model name\t: Some Other CPU\nflags\t\t: fpu vme ht\n\n"
	  "processor\t: 1\nvendor_id\t: GenuineIntel\n"
	  "model name\t: Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz\n"
	  "microcode\t: 0xd0003a5\nflags\t\t: fpu vme ht\n" },
	{ "proc/sys/kernel/arch", "x86_64\n" },
	{ "proc/sys/kernel/osrelease", "6.1.0-28-amd64\n" },
	{ "proc/sys/kernel/randomize_va_space", "2\n" },
	{ "proc/sys/kernel/numa_balancing", "1\n" },
	{ "proc/meminfo", "MemTotal:       263841092 kB\nMemFree: 1 kB\n"
			  "SwapTotal:       8388604 kB\n" },
	{ "proc/loadavg", "0.52 1.58 12.59 2/1034 12345\n" },
	{ "proc/pressure/cpu", "some avg10=1.25 avg60=0.71 avg300=0.12 "
			       "total=1\nfull avg10=0.00 avg60=0 total=0\n" },
	{ "proc/pressure/memory", "some avg10=0.50 avg60=0.71 avg300=0.12\n" },
	{ "proc/self/cgroup", "12:cpuset:/x\n0::/user.slice/job.scope\n" },
	{ "sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n" },
	{ "sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n" },
	{ "proc/sys/kernel/perf_event_paranoid", "2\n" },
	{ CPU "cpu1/thermal_throttle/core_throttle_count", "3\n" },
	{ CPU "cpu1/thermal_throttle/package_throttle_count", "4\n" },
	{ "proc/stat", "cpu  200 0 200 19580 0 0 0 99 0 0\n"
		       "cpu0 100 0 100 9790 0 0 0 89 0 0\n"
		       "cpu1 100 0 100 9790 0 0 0 10 0 0\n" },
	{ "etc/os-release",
	  "NAME=\"Debian GNU/Linux\"\n"
	  "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n" },
	{ CPU "cpu1/cpufreq/scaling_governor", "performance\n" },
	{ CPU "cpu1/cpufreq/scaling_min_freq", "800000\n" },
	{ CPU "cpu1/cpufreq/scaling_max_freq", "3200000\n" },
	{ CPU "cpu0/cpufreq/scaling_governor", "powersave\n" },
	{ CPU "intel_pstate/no_turbo", "1\n" },
	{ CPU "smt/active", "1\n" },
	{ CPU "smt/control", "on\n" },
	{ CPU "isolated", "2-3,10\n" },
	{ CPU "online", "0-62,64\n" },
	{ CPU "nohz_full", "2-3\n" },
	{ CPU "vulnerabilities/meltdown", "Not affected\n" },
	{ CPU "vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS\n" },
	{ CPU "vulnerabilities/spectre_v1", "Mitigation: usercopy\n" },
	{ CPU "vulnerabilities/mmio_stale_data", "Vulnerable: no microcode\n" },
	{ "sys/kernel/mm/transparent_hugepage/enabled",
	  "always [madvise] never\n" },
	{ "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n" },
	{ "sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "0\n" },
	{ "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n" },
	{ "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n" },
	{ "sys/class/dmi/id/sys_vendor", "Dell Inc.\n" },
	{ "sys/class/dmi/id/product_name", "PowerEdge R750\n" },
	{ "sys/devices/system/clocksource/clocksource0/current_clocksource",
	  "tsc\n" },
	{ NULL, NULL },
};

#define ARM_CPUINFO(implementer, variant, part, revision)                      \
	"processor\t: 0\nBogoMIPS\t: 50.00\n"                                  \
	"Features\t: fp asimd evtstrm aes\nCPU implementer\t: " implementer    \
	"\nCPU architecture: 8\nCPU variant\t: " variant "\nCPU part\t: " part \
	"\nCPU revision\t: " revision "\n\n"

/* An Ampere Altra: CPU 0 is told as another part, to see whose is taken. */
static const struct fixture_file altra_files[] = {
	{ "proc/cpuinfo", ARM_CPUINFO("0x41", "0x0", "0xd03",
				      "4") "processor\t: 1\nCPU implementer\t: "
					   "0x41\nCPU architecture: 8\n"
					   "CPU variant\t: 0x3\nCPU part\t: "
					   "0xd0c\nCPU revision\t: 1\n" },
	{ "proc/sys/kernel/arch", "aarch64\n" },
	{ "proc/sys/kernel/osrelease", "6.12.9-64k\n" },
	{ "proc/sys/kernel/numa_balancing", "0\n" },
	{ CPU "cpufreq/boost", "1\n" },
	{ CPU "cpu1/cpufreq/scaling_governor", "schedutil\n" },
	{ CPU "smt/active", "0\n" },
	{ CPU "smt/control", "notsupported\n" },
	{ CPU "isolated", "\n" },
	{ CPU "online", "\n" },
	{ CPU "nohz_full", "(null)\n" },
	{ CPU "vulnerabilities/meltdown", "Not affected\n" },
	{ "sys/kernel/mm/transparent_hugepage/enabled",
	  "always madvise [never]\n" },
	{ "sys/kernel/mm/hugepages/hugepages-524288kB/nr_hugepages", "0\n" },
	{ "sys/class/dmi/id/sys_vendor", "WIWYNN\n" },
	{ "sys/class/dmi/id/product_name", "Mt.Jade Server System B81.03\n" },
	{ "sys/devices/system/clocksource/clocksource0/current_clocksource",
	  "arch_sys_counter\n" },
	{ "proc/meminfo", "SwapTotal: 0 kB\n" },
	{ "proc/self/cgroup", "0::/\n" },
	{ CPU "cpu1/cpufreq/scaling_max_freq", "2000000\n" },
	{ CPU "cpu1/cpufreq/cpuinfo_max_freq", "3000000\n" },
	{ NULL, NULL },
};

/* A board with a device tree and neither DMI nor frequency scaling. */
static const struct fixture_file board_files[] = {
	{ "proc/cpuinfo",
	  ARM_CPUINFO("0x41", "0x0", "0xd08",
		      "3") "processor\t: 1\nCPU implementer\t: 0x41\n"
			   "CPU architecture: 8\nCPU variant\t: 0x0\nCPU "
			   "part\t: 0xd08\n"
			   "CPU revision\t: 3\nModel\t: a board\n" },
	{ "proc/device-tree/model", "SolidRun LX2160A Honeycomb" },
	{ NULL, NULL },
};

static const struct fixture_file graviton_files[] = {
	{ "proc/cpuinfo", "processor : 1\nCPU implementer : 0x41\n"
			  "CPU variant : 0x1\nCPU part : 0xd40\n"
			  "CPU revision : 1\n" },
	{ "sys/class/dmi/id/sys_vendor", "Amazon EC2\n" },
	{ "sys/class/dmi/id/product_name", "c7g.16xlarge\n" },
	{ NULL, NULL },
};

static const struct fixture_file metal_files[] = {
	{ "sys/class/dmi/id/sys_vendor", "Amazon EC2\n" },
	{ "sys/class/dmi/id/product_name", "c7g.metal\n" },
	{ NULL, NULL },
};

static const struct fixture_file grace_files[] = {
	{ "proc/cpuinfo", "processor : 1\nCPU implementer : 0x41\n"
			  "CPU variant : 0x0\nCPU part : 0xd4f\n"
			  "CPU revision : 0\n" },
	{ "sys/devices/soc0/soc_id", "jep106:036b:0241\n" },
	{ "sys/class/dmi/id/sys_vendor", "NVIDIA\n" },
	{ "sys/class/dmi/id/product_name", "Grace CPU P4247\n" },
	{ NULL, NULL },
};

static const struct fixture_file kunpeng_files[] = {
	{ "proc/cpuinfo", "processor : 1\nCPU implementer : 0x48\n"
			  "CPU variant : 0x1\nCPU part : 0xd01\n"
			  "CPU revision : 0\n" },
	{ NULL, NULL },
};

static const struct fixture_file new_part_files[] = {
	{ "proc/cpuinfo", "processor : 1\nCPU implementer : 0xc0\n"
			  "CPU variant : 0x0\nCPU part : 0x001\n"
			  "CPU revision : 2\n" },
	{ NULL, NULL },
};

static const struct fixture_file guest_files[] = {
	{ "proc/cpuinfo", "processor : 1\nmodel name : QEMU Virtual CPU\n"
			  "flags : fpu hypervisor lahf_lm\n" },
	{ "proc/sys/kernel/randomize_va_space", "0\n" },
	{ "proc/sys/kernel/numa_balancing", "9\n" },
	{ "proc/self/cgroup", "0::/box\n" },
	{ "sys/fs/cgroup/cpu.max", "75000 100000\n" },
	{ "sys/fs/cgroup/box/cpu.max", "200000 100000\n" },
	{ CPU "cpu1/cpufreq/scaling_max_freq", "3000000\n" },
	{ CPU "cpu1/cpufreq/cpuinfo_max_freq", "3000000\n" },
	{ "proc/loadavg", "\n" },
	{ "proc/stat", "\n" },
	{ CPU "cpu1/cpufreq/scaling_governor", "\n" },
	{ NULL, NULL },
};

/* The first version has the controller, beside the second or alone. */
static const struct fixture_file hybrid_files[] = {
	{ "proc/self/cgroup", "5:cpuset,cpuacct:/a\n4:io,cpu:/a/b\n0::/a\n" },
	{ "sys/fs/cgroup/io,cpu/a/b/cpu.cfs_quota_us", "-1\n" },
	{ "sys/fs/cgroup/io,cpu/a/b/cpu.cfs_period_us", "100000\n" },
	{ "sys/fs/cgroup/io,cpu/a/cpu.cfs_quota_us", "125000\n" },
	{ "sys/fs/cgroup/io,cpu/a/cpu.cfs_period_us", "50000\n" },
	{ "sys/fs/cgroup/io,cpu/cpu.cfs_quota_us", "-1\n" },
	{ "sys/fs/cgroup/io,cpu/cpu.cfs_period_us", "100000\n" },
	{ "sys/fs/cgroup/a/cpu.max", "50000 100000\n" },
	{ NULL, NULL },
};

static const struct fixture_file first_version_files[] = {
	{ "proc/self/cgroup", "0::/\n4:cpu,cpuacct:/a\n" },
	{ "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n" },
	{ "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n" },
	{ NULL, NULL },
};

/* Mounted somewhere else. */
static const struct fixture_file hidden_files[] = {
	{ "proc/self/cgroup", "4:cpu:/a\n0::/a\n" },
	{ NULL, NULL },
};

/* A cloud's bare metal: DMI tells the cloud, the CPU that it is no guest. */
static const struct fixture_file cloud_metal_files[] = {
	{ "proc/cpuinfo", "processor : 1\nflags : fpu vmx\n" },
	{ "sys/class/dmi/id/sys_vendor", "Google\n" },
	{ "sys/class/dmi/id/product_name", "Google Compute Engine\n" },
	{ NULL, NULL },
};

static const struct fixture_file xen_files[] = {
	{ "proc/cpuinfo", "processor : 1\nflags : fpu\n" },
	{ "sys/hypervisor/type", "xen\n" },
	{ NULL, NULL },
};

static const struct fixture_file no_files[] = { { NULL, NULL } };

/* One row a machine and a fact; those of one machine follow each other. */
static const struct {
	const struct fixture_file *files;
	const char *key, *value;
} rows[] = {
	{ x86_files, "machine", "Dell Inc. PowerEdge R750" },
	{ x86_files, "cpu_model", "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz" },
	{ x86_files, "microcode", "0xd0003a5" },
	{ x86_files, "arch", "x86_64" },
	{ x86_files, "os", "Debian GNU/Linux 12 (bookworm)" },
	{ x86_files, "kernel", "6.1.0-28-amd64" },
	{ x86_files, "hypervisor", "none" },
	{ x86_files, "governor", "performance" },
	{ x86_files, "frequency", "800-3200 MHz" },
	{ x86_files, "turbo", "off" },
	{ x86_files, "smt", "on" },
	{ x86_files, "isolated", "2-3,10" },
	{ x86_files, "nohz_full", "2-3" },
	{ x86_files, "cpus_online", "64" },
	{ x86_files, "mitigations",
	  "mitigated: spectre_v1 spectre_v2; vulnerable: mmio_stale_data" },
	{ x86_files, "memory", "257657 MiB" }, /* 263841092 / 1024 */
	{ x86_files, "thp", "madvise" },
	{ x86_files, "hugepages", "2M 500/512" },
	{ x86_files, "swap", "8191 MiB" },
	{ x86_files, "numa_balancing", "on" },
	{ x86_files, "aslr", "full" },
	{ x86_files, "clocksource", "tsc" },
	{ x86_files, "load", "0.52 1.58 12.59" },
	{ x86_files, "psi_cpu", "1.25 %" },
	{ x86_files, "psi_memory", "0.50 %" },
	{ x86_files, "psi_io", "unknown" },
	{ x86_files, "cpu_quota", "1.50 CPUs" },
	{ altra_files, "cpu_quota", "none" },
	{ board_files, "cpu_quota", "unknown" },
	{ guest_files, "cpu_quota", "0.75 CPUs" },
	{ hybrid_files, "cpu_quota", "2.50 CPUs" },
	{ first_version_files, "cpu_quota", "none" },
	{ hidden_files, "cpu_quota", "unknown" },
	{ x86_files, "throttling", "7 times since boot" },
	{ altra_files, "throttling", "held at 2000 of 3000 MHz" },
	{ guest_files, "throttling", "none" },
	{ board_files, "throttling", "unknown" },
	{ x86_files, "perf_event_paranoid", "2" },
	/* 10 of 10000 ticks */
	{ x86_files, "steal", "0.10 %: 0.10 of 100.00 s since boot" },
	{ x86_files, "cores", "unknown" }, /* no topology was given */
	{ altra_files, "cpu_model", "Neoverse-N1 r3p1" },
	{ altra_files, "arch", "aarch64" },
	{ altra_files, "machine", "WIWYNN Mt.Jade Server System B81.03" },
	{ altra_files, "hypervisor", "none" },
	{ altra_files, "governor", "schedutil" },
	{ altra_files, "turbo", "on" },
	{ altra_files, "smt", "notsupported" },
	{ altra_files, "isolated", "none" },
	{ altra_files, "nohz_full", "none" },
	{ altra_files, "cpus_online", "unknown" },
	{ board_files, "cpus_online", "unknown" },
	{ altra_files, "mitigations", "none needed" },
	{ altra_files, "thp", "never" },
	{ altra_files, "hugepages", "none" },
	{ altra_files, "numa_balancing", "off" },
	{ altra_files, "clocksource", "arch_sys_counter" },
	{ altra_files, "swap", "none" },
	{ altra_files, "microcode", "unknown" },
	{ altra_files, "memory", "unknown" },
	{ altra_files, "steal", "unknown" },
	{ board_files, "cpu_model", "Cortex-A72 r0p3" },
	{ board_files, "machine", "SolidRun LX2160A Honeycomb" },
	{ board_files, "hypervisor", "unknown" },
	{ board_files, "governor", "unknown" },
	{ board_files, "turbo", "unknown" },
	{ graviton_files, "cpu_model", "Neoverse-V1 r1p1" },
	{ graviton_files, "hypervisor", "Amazon Nitro" },
	{ metal_files, "hypervisor", "none" },
	{ metal_files, "cpu_model", "unknown" },
	{ grace_files, "cpu_model", "Neoverse-V2 r0p0 (Grace)" },
	{ kunpeng_files, "cpu_model", "Kunpeng-920 r1p0" },
	{ new_part_files, "cpu_model", "implementer 0xc0 part 0x001 r0p2" },
	{ guest_files, "hypervisor", "unnamed" },
	{ guest_files, "aslr", "off" },
	{ guest_files, "numa_balancing", "unknown" },
	{ guest_files, "load", "unknown" },
	{ guest_files, "steal", "unknown" },
	{ guest_files, "governor", "unknown" },
	{ cloud_metal_files, "hypervisor", "none" },
	{ xen_files, "hypervisor", "xen" },
};

static void environ_of(const struct fixture_file *files,
		       struct host_environ *env)
{
	struct host_source src = { .cpu = 1 };
	struct fixture fixture;

	fixture_init(&fixture, files);
	src.root = fixture.root;
	host_environ_read(&src, env);
	fixture_fini(&fixture);
}

static void test_facts(void **state)
{
	const struct fixture_file *files = NULL;
	struct host_environ env;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got;

		if (files != rows[i].files)
			environ_of(rows[i].files, &env);
		files = rows[i].files;
		got = host_environ_get(&env, rows[i].key);
		if (strcmp(got, rows[i].value))
			fail_msg("row %zu, %s: expected \"%s\", got \"%s\"", i,
				 rows[i].key, rows[i].value, got);
		expect_u64(host_environ_knows(&env, rows[i].key),
			   strcmp(rows[i].value, "unknown") != 0, "%s",
			   rows[i].key);
	}
}

/* With nothing to read only what the process itself knows is known. */
static void test_nothing_to_read(void **state)
{
	struct host_environ env;
	size_t nr_known = 0;

	(void)state;
	environ_of(no_files, &env);
	for (size_t i = 0; i < HOST_NR_FACTS; i++) {
		const char *key = env.facts[i].key;

		assert_true(env.facts[i].value[0]);
		if (!host_environ_knows(&env, key))
			continue;
		nr_known++;
		assert_string_equal(key, "page_size");
	}
	assert_int_equal(nr_known, 1);
	assert_string_equal(host_environ_get(&env, "no such key"), "unknown");
	assert_false(host_environ_knows(&env, "no such key"));
}

static void test_keys_are_unique(void **state)
{
	struct host_environ env;

	(void)state;
	environ_of(no_files, &env);
	for (size_t i = 0; i < HOST_NR_FACTS; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(env.facts[i].key,
						env.facts[k].key);
}

static void test_topology_facts(void **state)
{
	struct host_source src = { .root = "/nowhere", .cpu = 3 };
	struct host_topology *topo;
	struct host_environ env;

	(void)state;
	setenv("HWLOC_SYNTHETIC", "pack:2 numa:2 l3:1(size=32MiB) core:16 pu:2",
	       1);
	assert_int_equal(host_topology_create(src.root, &topo, NULL), 0);
	unsetenv("HWLOC_SYNTHETIC");
	src.topo = topo;
	host_environ_read(&src, &env);
	assert_string_equal(host_environ_get(&env, "packages"), "2");
	assert_string_equal(host_environ_get(&env, "numa_nodes"), "4");
	assert_string_equal(host_environ_get(&env, "cores"), "64");
	assert_string_equal(host_environ_get(&env, "pus"), "128");
	assert_string_equal(host_environ_get(&env, "caches"), "L3 32M");
	host_topology_destroy(topo);
}

/* What every Linux tells, wherever the tests run. */
static const char *const everywhere[] = { "arch",   "kernel", "page_size",
					  "memory", "load",   "hwloc",
					  "pus" };

static void test_this_machine(void **state)
{
	struct host_source src = { .cpu = 0 };
	struct host_topology *topo;
	struct host_environ env;

	(void)state;
	assert_int_equal(host_topology_create(NULL, &topo, NULL), 0);
	src.topo = topo;
	host_environ_read(&src, &env);
	for (size_t i = 0; i < HOST_NR_FACTS; i++)
		print_message("%s: %s\n", env.facts[i].key, env.facts[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++)
		expect_u64(host_environ_knows(&env, everywhere[i]), true, "%s",
			   everywhere[i]);
	host_topology_destroy(topo);
}

static const struct {
	unsigned int implementer, part;
	const char *name;
} parts[] = {
	{ 0x41, 0xd08, "Cortex-A72" },	{ 0x41, 0xd0c, "Neoverse-N1" },
	{ 0x41, 0xd49, "Neoverse-N2" }, { 0x41, 0xd40, "Neoverse-V1" },
	{ 0x41, 0xd4f, "Neoverse-V2" }, { 0x48, 0xd01, "Kunpeng-920" },
	{ 0xc0, 0xac3, "Ampere-1" },	{ 0xc0, 0xac4, "Ampere-1a" },
	{ 0x46, 0x001, "A64FX" },	{ 0x6d, 0xd49, "Azure-Cobalt-100" },
	{ 0x41, 0x001, NULL },		{ 0x00, 0xd0c, NULL },
};

static void test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *name =
			cpu_part_name(parts[i].implementer, parts[i].part);

		if (!parts[i].name)
			assert_null(name);
		else
			assert_string_equal(name, parts[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_nothing_to_read),
		cmocka_unit_test(test_keys_are_unique),
		cmocka_unit_test(test_topology_facts),
		cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_parts),
	};

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The environment record: what a reader must know of the machine. */
#include "environ.h"

#include "environ_facts.h"
#include "hostfs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct fact_reader readers[] = {
	{ "machine", fact_machine },
	{ "cpu_model", fact_cpu_model },
	{ "microcode", fact_microcode },
	{ "arch", fact_arch },
	{ "os", fact_os },
	{ "kernel", fact_kernel },
	{ "hypervisor", fact_hypervisor },
	{ "packages", fact_packages },
	{ "numa_nodes", fact_numa_nodes },
	{ "cores", fact_cores },
	{ "pus", fact_pus },
	{ "cpus_online", fact_cpus_online },
	{ "caches", fact_caches },
	{ "governor", fact_governor },
	{ "frequency", fact_frequency },
	{ "throttling", fact_throttling },
	{ "turbo", fact_turbo },
	{ "smt", fact_smt },
	{ "isolated", fact_isolated },
	{ "nohz_full", fact_nohz_full },
	{ "mitigations", fact_mitigations },
	{ "page_size", fact_page_size },
	{ "memory", fact_memory },
	{ "thp", fact_thp },
	{ "hugepages", fact_hugepages },
	{ "swap", fact_swap },
	{ "numa_balancing", fact_numa_balancing },
	{ "aslr", fact_aslr },
	{ "clocksource", fact_clocksource },
	{ "perf_event_paranoid", fact_perf_event_paranoid },
	{ "load", fact_load },
	{ "psi_cpu", fact_psi_cpu },
	{ "psi_memory", fact_psi_memory },
	{ "psi_io", fact_psi_io },
	{ "cpu_quota", fact_cpu_quota },
	{ "steal", fact_steal },
	{ "hwloc", fact_hwloc },
};

_Static_assert(ARRAY_SIZE(readers) == HOST_NR_FACTS, "HOST_NR_FACTS");

void host_environ_read(const struct host_source *src, struct host_environ *env)
{
	for (size_t i = 0; i < HOST_NR_FACTS; i++) {
		struct host_fact *fact = &env->facts[i];

		fact->key = readers[i].key;
		if (!readers[i].read(src, fact->value) || !fact->value[0])
			fact_format(fact->value, HOST_UNKNOWN);
	}
}

const char *host_environ_get(const struct host_environ *env, const char *key)
{
	for (size_t i = 0; i < HOST_NR_FACTS; i++)
		if (!strcmp(env->facts[i].key, key))
			return env->facts[i].value;
	return HOST_UNKNOWN;
}

bool host_environ_knows(const struct host_environ *env, const char *key)
{
	return strcmp(host_environ_get(env, key), HOST_UNKNOWN) != 0;
}

bool fact_format(char *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, HOST_VALUE_MAX, fmt, ap);
	va_end(ap);
	return true;
}

bool fact_line(const struct host_source *src, const char *path,
	       const char *empty, char *value)
{
	if (!hostfs_line(src->root, value, HOST_VALUE_MAX, "%s", path))
		return false;
	return value[0] || fact_format(value, "%s", empty);
}

bool fact_chosen(const struct host_source *src, const char *path, char *value)
{
	char line[HOST_VALUE_MAX];
	char *start, *end;

	if (!hostfs_line(src->root, line, sizeof(line), "%s", path))
		return false;
	start = strchr(line, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end)
		return fact_format(value, "%s", line);
	*end = '\0';
	return fact_format(value, "%s", start + 1);
}

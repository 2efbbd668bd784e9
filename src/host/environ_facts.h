/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The readers of single facts, one group a file; private to src/host.
 *
 * Each writes one line to @value and returns true, or returns false when the
 * fact cannot be read; @value does not count then.
 */
#ifndef IOPT_ENVIRON_FACTS_H
#define IOPT_ENVIRON_FACTS_H

#include "environ.h"

/**
 * struct fact_reader - How a fact is read.
 * @key: its key
 * @read: its reader
 */
struct fact_reader {
	const char *key;
	bool (*read)(const struct host_source *src, char *value);
};

IOPT_BEGIN_DECLS

/**
 * fact_format() - Write a value.
 * @value: HOST_VALUE_MAX bytes
 * @fmt: printf format
 *
 * Return: true, so that a reader ends in it.
 */
bool fact_format(char *value, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * fact_line() - The first line of a file, or @empty where that is empty.
 * @src: where from
 * @path: path below the root
 * @empty: what an empty file means
 * @value: gets the line
 *
 * Return: whether the file could be read.
 */
bool fact_line(const struct host_source *src, const char *path,
	       const char *empty, char *value);

/**
 * fact_chosen() - The word in brackets of a line such as "always [never]".
 * @src: where from
 * @path: path below the root
 * @value: gets the word, or the whole line when there are no brackets
 *
 * Return: whether the file could be read.
 */
bool fact_chosen(const struct host_source *src, const char *path, char *value);

/* environ_cpu.c */
bool fact_cpu_model(const struct host_source *src, char *value);
bool fact_microcode(const struct host_source *src, char *value);
bool fact_governor(const struct host_source *src, char *value);
bool fact_frequency(const struct host_source *src, char *value);
bool fact_throttling(const struct host_source *src, char *value);
bool fact_turbo(const struct host_source *src, char *value);
bool fact_smt(const struct host_source *src, char *value);
bool fact_isolated(const struct host_source *src, char *value);
bool fact_nohz_full(const struct host_source *src, char *value);
bool fact_mitigations(const struct host_source *src, char *value);

/* environ_machine.c */
bool fact_machine(const struct host_source *src, char *value);
bool fact_hypervisor(const struct host_source *src, char *value);

/* environ_memory.c */
bool fact_page_size(const struct host_source *src, char *value);
bool fact_memory(const struct host_source *src, char *value);
bool fact_thp(const struct host_source *src, char *value);
bool fact_hugepages(const struct host_source *src, char *value);
bool fact_swap(const struct host_source *src, char *value);
bool fact_numa_balancing(const struct host_source *src, char *value);

/* environ_system.c */
bool fact_arch(const struct host_source *src, char *value);
bool fact_kernel(const struct host_source *src, char *value);
bool fact_os(const struct host_source *src, char *value);
bool fact_aslr(const struct host_source *src, char *value);
bool fact_clocksource(const struct host_source *src, char *value);
bool fact_perf_event_paranoid(const struct host_source *src, char *value);
bool fact_load(const struct host_source *src, char *value);
bool fact_psi_cpu(const struct host_source *src, char *value);
bool fact_psi_memory(const struct host_source *src, char *value);
bool fact_psi_io(const struct host_source *src, char *value);
bool fact_cpu_quota(const struct host_source *src, char *value);
bool fact_steal(const struct host_source *src, char *value);

/* environ_topology.c */
bool fact_caches(const struct host_source *src, char *value);
bool fact_numa_nodes(const struct host_source *src, char *value);
bool fact_packages(const struct host_source *src, char *value);
bool fact_cores(const struct host_source *src, char *value);
bool fact_pus(const struct host_source *src, char *value);
bool fact_cpus_online(const struct host_source *src, char *value);
bool fact_hwloc(const struct host_source *src, char *value);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The environment record: what a reader must know of the machine. */
#ifndef IOPT_ENVIRON_H
#define IOPT_ENVIRON_H

#include "topology.h"
#include "types.h"

#define HOST_VALUE_MAX 512
#define HOST_UNKNOWN   "unknown"

/**
 * struct host_fact - One thing known of the machine.
 * @key: lower case with underscores, a static string: "cpu_model"
 * @value: one line; "unknown" when it cannot be read
 */
struct host_fact {
	const char *key;
	char value[HOST_VALUE_MAX];
};

#define HOST_NR_FACTS 37

/**
 * struct host_environ - All facts, always the same keys in the same order.
 * @facts: by number
 */
struct host_environ {
	struct host_fact facts[HOST_NR_FACTS];
};

/**
 * struct host_source - Where facts come from.
 * @root: folder that holds proc and sys; NULL for the running system, and
 *	then the process and the CPU themselves are asked too
 * @topo: topology; NULL when there is none, its facts are unknown then
 * @cpu: CPU that is measured on; governor, caches, model and steal are of it
 * @page: page size of the kernel in bytes; 0 asks the system
 */
struct host_source {
	const char *root;
	const struct host_topology *topo;
	unsigned int cpu;
	size_t page;
};

IOPT_BEGIN_DECLS

/**
 * host_environ_read() - Read all facts.
 * @src: where from
 * @env: filled in
 */
void host_environ_read(const struct host_source *src, struct host_environ *env);

/**
 * host_environ_get() - The value of a fact.
 * @env: environment
 * @key: any key
 *
 * Return: the value, in @env; "unknown" also when there is no such key.
 */
const char *host_environ_get(const struct host_environ *env, const char *key);

/**
 * host_environ_knows() - Is there a fact of that key with a known value?
 * @env: environment
 * @key: any key
 */
bool host_environ_knows(const struct host_environ *env, const char *key);

IOPT_END_DECLS

#endif

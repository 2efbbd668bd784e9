// SPDX-License-Identifier: GPL-2.0-only
/* The context of a result. */
#include "context.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "barrier.h"
#include "build_id.h"
#include "families.h"
#include "sizes.h"
#include "trace_set.h"

#define VALUE_MAX 4096

/* Keys are added until one fails; the rest is then left out. */
struct adder {
	struct gb *gb;
	struct iopt_err *err;
	int ret;
};

static void __attribute__((format(printf, 3, 4)))
add(struct adder *a, const char *key, const char *fmt, ...)
{
	char value[VALUE_MAX];
	va_list ap;

	if (a->ret)
		return;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	a->ret = gb_context_add(a->gb, key, value, a->err);
}

static void append(char *text, const char *fmt, const char *a, const char *b)
{
	size_t len = strlen(text);

	snprintf(text + len, VALUE_MAX - len, fmt, len ? " " : "", a, b);
}

static void add_counters(char *text, const struct bench_counter *c)
{
	for (; c && c->name; c++)
		append(text, "%s%s:%s", c->name,
		       c->is_exact			 ? "exact" :
		       bench_counter_is_bounded(c->name) ? "bounded" :
							   "noisy");
}

static void add_classes(struct adder *a,
			const struct bench_family *const *families)
{
	char text[VALUE_MAX] = "";

	add_counters(text, bench_counters);
	for (; *families; families++)
		add_counters(text, (*families)->counters);
	add(a, "iopt_counter_classes", "%s", text);
}

static void add_families(struct adder *a,
			 const struct bench_family *const *families)
{
	char text[VALUE_MAX] = "";

	for (; *families; families++)
		append(text, "%s%s%s", (*families)->name, "");
	add(a, "iopt_family", "%s", text);
}

/* Which there are, and what is to be done about each. */
static void add_doubts(struct adder *a, const struct host_doubts *doubts)
{
	char text[VALUE_MAX] = "";
	char key[64];

	for (size_t i = 0; i < doubts->nr; i++)
		append(text, "%s%s%s", doubts->list[i].key, "");
	add(a, "iopt_doubts", "%s", text);
	for (size_t i = 0; i < doubts->nr; i++) {
		snprintf(key, sizeof(key), "iopt_doubt_%s",
			 doubts->list[i].key);
		add(a, key, "%s", doubts->list[i].text);
	}
}

/* Where page tables lie, if the kernel was asked and agreed. */
static void add_node(struct adder *a, const struct machine *m)
{
	if (m->choice.node == HOST_NODE_ANY)
		add(a, "iopt_node", HOST_UNKNOWN);
	else
		add(a, "iopt_node", "%d", m->choice.node);
	if (!m->bind_ret)
		add(a, "iopt_node_bound", "yes");
	else
		add(a, "iopt_node_bound", "no: %s",
		    m->bind_ret > 0 ? "nobody asked" : strerror(-m->bind_ret));
}

static void add_machine(struct adder *a, const struct machine *m)
{
	const char *hwloc = host_hwloc_version(m->topo);
	char topology[HOST_TOPOLOGY_MAX];

	add(a, "iopt_cpu", "%u", m->choice.cpu);
	add(a, "iopt_cpu_reason", "%s", m->choice.reason);
	add(a, "iopt_cpu_bound", m->is_bound ? "yes" : "no");
	add_node(a, m);
	host_topology_text(m->topo, topology);
	add(a, "iopt_topology", "%s", topology);
	add(a, "iopt_clock", "%s", m->clock.name);
	add(a, "iopt_clock_overhead_ns", "%.1f", m->clock.overhead_ns);
	add(a, "iopt_clock_resolution_ns", "%" PRIu64, m->clock.resolution_ns);
	add_doubts(a, &m->doubts);
	add(a, "iopt_lib_hwloc", "%s", hwloc ? hwloc : HOST_UNKNOWN);
}

static void add_host(struct adder *a, const struct host_environ *environ)
{
	char key[64];

	for (size_t i = 0; i < HOST_NR_FACTS; i++) {
		snprintf(key, sizeof(key), "iopt_host_%s",
			 environ->facts[i].key);
		add(a, key, "%s", environ->facts[i].value);
	}
}

/* What is counted beside time, by what, and what an empty section counts. */
static void add_perf(struct adder *a, const struct bench_context *context)
{
	static const char *const parts[HOST_PERF_NR_PARTS] = {
		[HOST_PERF_HARDWARE] = "iopt_perf_hardware",
		[HOST_PERF_KERNEL] = "iopt_perf_kernel",
		[HOST_PERF_SOFTWARE] = "iopt_perf_software",
	};
	const struct host_perf *perf = context->machine->perf;
	char text[VALUE_MAX] = "";
	char key[64];

	for (int i = 0; i < HOST_PERF_NR_PARTS; i++)
		add(a, parts[i], "%s",
		    perf ? host_perf_why(perf, i) : "off: --no-perf");
	for (int e = 0; perf && e < HOST_PERF_NR_EVENTS; e++) {
		const char *name = host_perf_name(e);

		append(text, "%s%s=%s", name, host_perf_source(perf, e));
		if (!context->perf_overhead.has[e])
			continue;
		snprintf(key, sizeof(key), "iopt_overhead_%s", name);
		add(a, key, "%" PRIu64, context->perf_overhead.value[e]);
	}
	if (perf)
		add(a, "iopt_perf_events", "%s", text);
}

/* Only of a run that replays. */
static void add_traces(struct adder *a, const struct bench_context *context)
{
	const struct bench_family *const *f = context->families;
	char *text;

	while (*f && *f != &replay_family)
		f++;
	if (!*f || !context->env->trace_set)
		return;
	text = trace_set_describe(context->env->trace_set);
	add(a, "iopt_traces", "%s", text ? text : "unknown");
	free(text);
}

/* Only of a run that has several CPUs contend. */
static void add_places(struct adder *a, const struct bench_context *context)
{
	const struct bench_family *const *f = context->families;
	char text[VALUE_MAX];

	while (*f && *f != &contention_family)
		f++;
	if (!*f)
		return;
	contention_places(context->env, text, sizeof(text));
	if (text[0])
		add(a, "iopt_contention_cpus", "%s", text);
}

/* Which tree an engine is, and how it was built; only where there is one. */
static void add_kernels(struct adder *a, const struct kernel_set *kernels)
{
	const struct kmodule *module;
	char text[VALUE_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; (module = kernel_set_module(kernels, i, false)) &&
			   len < sizeof(text);
	     i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%skernel-%s: %s, %s, %s, %s",
					i ? "; " : "", module->label,
					module->version, module->revision,
					module->cc, module->cflags);
	if (len)
		add(a, "iopt_kernels", "%s", text);
}

/* What the pages are is known once they were touched. */
static const char *backing(struct arena *arena)
{
	void *p = arena_alloc(arena, SZ_2M);
	const char *name;

	if (!p)
		return "unknown";
	memset(p, 1, SZ_2M);
	name = arena_backing_name(arena_backing(arena));
	arena_free(arena, p, SZ_2M);
	return name;
}

int context_add_all(struct gb *gb, const struct bench_context *context,
		    struct iopt_err *err)
{
	struct adder a = { .gb = gb, .err = err };

	add(&a, "iopt_version", "%s", IOPT_VERSION);
	add_families(&a, context->families);
	add(&a, "iopt_round", "%" PRIu64, context->round);
	add(&a, "iopt_seed", "%" PRIu64, context->env->seed);
	add_machine(&a, context->machine);
	if (!a.ret)
		a.ret = gb_context_add(gb, "iopt_order", context->order, err);
	add_traces(&a, context);
	add_places(&a, context);
	add_kernels(&a, context->kernels);
	add(&a, "iopt_harness_overhead_ns", "%.1f", context->overhead_ns);
	add_perf(&a, context);
	add(&a, "iopt_arena_backing", "%s", backing(context->env->arena));
	add(&a, "iopt_cache_clean", "%s", cache_clean_name());
	add_classes(&a, context->families);
	add(&a, "iopt_cc", "%s", IOPT_CC);
	add(&a, "iopt_cflags", "%s", IOPT_CFLAGS);
	add(&a, "iopt_lib_benchmark", "%s", gb_version());
	add_host(&a, &context->machine->environ);
	return a.ret;
}

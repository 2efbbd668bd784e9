// SPDX-License-Identifier: GPL-2.0-only
/* A table of the model beside one of a Linux tree. */
#include "kernel_pair.h"

#include <glob.h>

#include "arena.h"
#include "kernel_trace.h"
#include "lpae_fmt.h"
#include "pte_count.h"
#include "sizes.h"
#include "test.h"

#define ARENA_BYTES ((size_t)1 << 30)
#define MAX_KERNELS 32

/**
 * struct side - One of the two.
 * @engine: engine
 * @params: creation parameters
 * @arena: its memory
 * @pgt: table, between creation and the end of a run
 * @trace: what the operation that runs does
 * @gathers: an ordinary and a queued one
 */
struct side {
	const struct pgtable_engine *engine;
	struct pgtable_params params;
	struct arena *arena;
	struct pgtable *pgt;
	struct trace trace;
	struct gather gathers[2];
};

/**
 * struct reached - What operations came upon.
 * @nr: of each
 */
struct reached {
	u64 nr[16];
};

enum {
	MAP_OK,
	MAP_EEXIST,
	MAP_OVER_TABLE,
	MAP_REFUSED,
	NO_MEMORY,
	UNMAP_ALL,
	UNMAP_LESS,
	UNMAP_NOTHING,
	PARTIAL,
	NR_REACHED,
};

static const char *const reached_names[NR_REACHED] = {
	"maps",		  "-EEXIST",	"maps over tables",
	"maps refused",	  "no memory",	"unmaps",
	"unmaps of less", "of nothing", "partial ones",
};

struct pair {
	struct side model;
	struct side kernel;
	bool is_counted;
	struct reached reached;
};

/* What an operation gave. */
struct result {
	s64 ret;
	u64 mapped;
	u64 warnings;
	struct pte_count count;
};

struct pair *pair_create(const struct pgtable_engine *engine, bool is_counted)
{
	const struct arena_cfg cfg = { .size = ARENA_BYTES };
	struct pair *pair = calloc(1, sizeof(*pair));
	struct iopt_err err = { "" };
	char name[32];

	if (!pair || arena_create(&cfg, &pair->model.arena, &err) ||
	    arena_create(&cfg, &pair->kernel.arena, &err))
		fail_msg("no memory: %s", err.msg);
	snprintf(name, sizeof(name), "lpae-%s", engine->rule);
	pair->model.engine = pgtable_engine_find(name);
	assert_non_null(pair->model.engine);
	pair->kernel.engine = engine;
	pair->model.params = pair->kernel.params = engine->params;
	pair->is_counted = is_counted;
	return pair;
}

static void side_fini(struct side *s)
{
	trace_fini(&s->trace);
	assert_int_equal(arena_destroy(s->arena), 0);
}

void pair_destroy(struct pair *pair)
{
	side_fini(&pair->model);
	side_fini(&pair->kernel);
	free(pair);
}

static int side_create(struct side *s, const struct pair_cfg *c,
		       bool is_counted, struct iopt_err *err)
{
	const struct pgtable_cfg cfg = {
		.params = s->params,
		.stage = c->stage,
		.granule = c->granule,
		.ias = c->ias,
		.oas = c->oas,
		.coherent_walk = c->coherent_walk,
		.arena = s->arena,
		.tlb = &trace_ops,
		.cookie = &s->trace,
	};
	int ret;

	trace_reset(&s->trace, true);
	gather_init(&s->gathers[0]);
	gather_init(&s->gathers[1]);
	trace_into(&s->trace);
	ret = is_counted ?
		      pgtable_create_counted(s->engine, &cfg, &s->pgt, err) :
		      pgtable_create(s->engine, &cfg, &s->pgt, err);
	trace_into(NULL);
	return ret;
}

static void side_free(struct side *s)
{
	trace_reset(&s->trace, false);
	trace_into(&s->trace);
	s->pgt->ops.free(s->pgt);
	trace_into(NULL);
}

static s64 do_op(struct side *s, const struct pair_op *op, size_t *mapped)
{
	struct gather *gather = op->gather == PAIR_NONE ?
					NULL :
					&s->gathers[op->gather == PAIR_QUEUED];
	const struct pgtable_ops *ops = &s->pgt->ops;

	switch (op->kind) {
	case PAIR_MAP:
		return ops->map_pages(s->pgt, op->iova, op->paddr, op->pgsize,
				      op->pgcount, op->prot, mapped);
	case PAIR_UNMAP:
		return (s64)ops->unmap_pages(s->pgt, op->iova, op->pgsize,
					     op->pgcount, gather);
	case PAIR_IOVA_TO_PHYS:
		return (s64)ops->iova_to_phys(s->pgt, op->iova);
	default:
		gather_sync(&s->gathers[0], &trace_ops, &s->trace);
		return 0;
	}
}

static struct result side_run(struct side *s, const struct pair_op *op,
			      bool is_counted)
{
	size_t mapped = SZ_4K; /* is added to, not set */
	struct result r = { .warnings = s->pgt->nr_warnings };

	s->gathers[1].queued = true; /* a sync ends that */
	trace_reset(&s->trace, false);
	trace_into(&s->trace);
	arena_fail_at(s->arena, op->fail_at);
	if (is_counted)
		pte_count_start(&r.count, s->arena);
	r.ret = do_op(s, op, &mapped);
	pte_count_stop();
	arena_fail_at(s->arena, 0);
	trace_into(NULL);
	r.mapped = mapped;
	r.warnings = s->pgt->nr_warnings - r.warnings;
	return r;
}

static const u64 *table_at(const struct side *s, u64 desc)
{
	return (const u64 *)(uintptr_t)(lpae_desc_paddr(&s->pgt->geo, desc) -
					arena_pa_offset(s->arena));
}

/* Entry by entry; addresses of tables are followed, not compared. */
static bool same_tables(const struct pair *pair, const u64 *model,
			const u64 *kernel, unsigned int level, u64 iova,
			char *why)
{
	const struct pgtable_geometry *geo = &pair->model.pgt->geo;
	u64 nr = 1ull << lpae_table_bits(geo, level);

	for (u64 i = 0; i < nr; i++) {
		u64 at = iova + i * lpae_block_size(geo, level);
		u64 mask = ~0ull;

		if (lpae_is_table(model[i], level) &&
		    lpae_is_table(kernel[i], level))
			mask = ~LPAE_ADDR_MASK;
		if ((model[i] ^ kernel[i]) & mask) {
			snprintf(why, PAIR_TEXT_MAX,
				 "level %u at %#" PRIx64 ": kernel %#" PRIx64
				 ", model %#" PRIx64,
				 level, at, kernel[i], model[i]);
			return false;
		}
		if (mask != ~0ull &&
		    !same_tables(pair, table_at(&pair->model, model[i]),
				 table_at(&pair->kernel, kernel[i]), level + 1,
				 at, why))
			return false;
	}
	return true;
}

static bool same_roots(const struct pair *pair, char *why)
{
	return same_tables(pair, pair->model.pgt->root, pair->kernel.pgt->root,
			   pair->model.pgt->geo.start_level, 0, why);
}

static bool differs(char *why, const char *what, u64 kernel, u64 model)
{
	if (kernel == model)
		return false;
	snprintf(why, PAIR_TEXT_MAX, "%s: kernel %#" PRIx64 ", model %#" PRIx64,
		 what, kernel, model);
	return true;
}

static void note_unmap(struct pair *pair, const struct pair_op *op, u64 ret)
{
	struct pgtable *pgt = pair->kernel.pgt;
	u64 *nr = pair->reached.nr;

	nr[UNMAP_ALL] += ret && ret == op->pgsize * op->pgcount;
	nr[UNMAP_LESS] += ret && ret < op->pgsize * op->pgcount;
	nr[UNMAP_NOTHING] += !ret;
	/* A split allocates; a refusal leaves the address mapped. */
	nr[PARTIAL] += trace_count(&pair->kernel.trace, TRACE_ALLOC) ||
		       (!ret && pgt->ops.iova_to_phys(pgt, op->iova));
}

static void note(struct pair *pair, const struct pair_op *op, s64 ret)
{
	const struct trace *t = &pair->kernel.trace;
	u64 *nr = pair->reached.nr;

	for (size_t i = 0; i < t->nr; i++)
		nr[NO_MEMORY] += t->events[i].kind == TRACE_ALLOC &&
				 t->events[i].a == ~0ull;
	if (op->kind == PAIR_MAP) {
		nr[MAP_OK] += !ret;
		nr[MAP_EEXIST] += ret == -EEXIST;
		nr[MAP_REFUSED] += ret == -EINVAL || ret == -ERANGE;
		nr[MAP_OVER_TABLE] += trace_count(t, TRACE_WALK) != 0;
	} else if (op->kind == PAIR_UNMAP) {
		note_unmap(pair, op, (u64)ret);
	}
}

static bool same_gathers(const struct pair *pair, char *why)
{
	for (int i = 0; i < 2; i++) {
		const struct gather *m = &pair->model.gathers[i];
		const struct gather *k = &pair->kernel.gathers[i];

		if (differs(why, "gather starts at", k->start, m->start) ||
		    differs(why, "gather's last", k->last, m->last) ||
		    differs(why, "gather's page", k->pgsize, m->pgsize))
			return false;
	}
	return true;
}

static bool same_step(struct pair *pair, const struct pair_op *op, char *why)
{
	struct result k = side_run(&pair->kernel, op, pair->is_counted);
	struct result m = side_run(&pair->model, op, pair->is_counted);

	note(pair, op, k.ret);
	return !differs(why, "returns", (u64)k.ret, (u64)m.ret) &&
	       !differs(why, "mapped", k.mapped, m.mapped) &&
	       !differs(why, "warnings", k.warnings, m.warnings) &&
	       trace_diff(&pair->model.trace, &pair->kernel.trace, why,
			  PAIR_TEXT_MAX) &&
	       same_gathers(pair, why) &&
	       !differs(why, "stores", k.count.writes, m.count.writes);
}

static bool same_shape(const struct pair *pair, char *why)
{
	const struct pgtable_geometry *m = &pair->model.pgt->geo;
	const struct pgtable_geometry *k = &pair->kernel.pgt->geo;

	return !differs(why, "start level", k->start_level, m->start_level) &&
	       !differs(why, "top bits", k->top_bits, m->top_bits) &&
	       !differs(why, "bits a level", k->bits_per_level,
			m->bits_per_level) &&
	       !differs(why, "leaf sizes", k->pgsizes, m->pgsizes);
}

/*
 * At creation a top table that is smaller than a page is cleaned as a page by
 * kernels that clean pages (iommu-pages.c), as a table by others and by us.
 */
static bool same_creation(struct pair *pair, char *why)
{
	struct trace *m = &pair->model.trace, *k = &pair->kernel.trace;

	for (size_t i = 0; i < m->nr && i < k->nr; i++)
		if (m->events[i].kind == TRACE_CLEAN &&
		    k->events[i].kind == TRACE_CLEAN &&
		    m->events[i].c < SZ_4K && k->events[i].c == SZ_4K)
			m->events[i].c = SZ_4K;
	return trace_diff(m, k, why, PAIR_TEXT_MAX) && same_shape(pair, why) &&
	       same_roots(pair, why);
}

static bool run_ops(struct pair *pair, const struct pair_op *ops, size_t nr,
		    size_t every, size_t *at, char *why)
{
	*at = nr;
	if (!same_creation(pair, why))
		return false;
	for (size_t i = 0; i < nr; i++) {
		*at = i;
		if (!same_step(pair, &ops[i], why))
			return false;
		if (((i + 1) % every == 0 || i + 1 == nr) &&
		    !same_roots(pair, why))
			return false;
	}
	*at = nr;
	return true;
}

bool pair_run(struct pair *pair, const struct pair_cfg *cfg,
	      const struct pair_op *ops, size_t nr, size_t every, size_t *at,
	      char why[PAIR_TEXT_MAX])
{
	struct iopt_err err = { "" };
	bool is_same;

	*why = '\0';
	*at = nr;
	if (side_create(&pair->model, cfg, pair->is_counted, &err)) {
		snprintf(why, PAIR_TEXT_MAX, "model: %s", err.msg);
		return false;
	}
	if (side_create(&pair->kernel, cfg, pair->is_counted, &err)) {
		side_free(&pair->model);
		snprintf(why, PAIR_TEXT_MAX, "kernel: %s", err.msg);
		return false;
	}
	is_same = run_ops(pair, ops, nr, every, at, why);
	side_free(&pair->model);
	side_free(&pair->kernel);
	if (is_same)
		is_same = trace_diff(&pair->model.trace, &pair->kernel.trace,
				     why, PAIR_TEXT_MAX) &&
			  !differs(why, "blocks left",
				   pair->kernel.trace.nr_blocks, 0);
	return is_same;
}

bool pair_reached(const struct pair *pair, char text[PAIR_TEXT_MAX])
{
	bool is_all = true;
	size_t len = 0;

	for (size_t i = 0; i < NR_REACHED; i++) {
		len += (size_t)snprintf(text + len, PAIR_TEXT_MAX - len,
					"%s%" PRIu64 " %s", i ? ", " : "",
					pair->reached.nr[i], reached_names[i]);
		is_all = is_all && pair->reached.nr[i];
	}
	return is_all;
}

const char *pair_op_text(const struct pair_op *op, char text[PAIR_TEXT_MAX])
{
	static const char *const names[] = { "map_pages", "unmap_pages",
					     "iova_to_phys", "sync" };
	static const char *const gathers[] = { "gather", "queued gather",
					       "no gather" };

	snprintf(text, PAIR_TEXT_MAX,
		 "%s iova %#" PRIx64 " paddr %#" PRIx64
		 " pgsize %#zx pgcount %zu prot %#x %s, allocation %u fails",
		 names[op->kind], op->iova, op->paddr, op->pgsize, op->pgcount,
		 (unsigned int)op->prot, gathers[op->gather], op->fail_at);
	return text;
}

struct kernel_set *pair_kernels(void)
{
	const char *paths[MAX_KERNELS];
	char *given = getenv("IOPT_KERNELS");
	struct kernel_set *set = NULL;
	struct iopt_err err = { "" };
	glob_t found = { .gl_pathc = 0 };
	size_t nr = 0;

	given = given ? strdup(given) : NULL;
	for (char *p = given ? strtok(given, ":") : NULL; p && nr < MAX_KERNELS;
	     p = strtok(NULL, ":"))
		paths[nr++] = p;
	if (!given && !glob(KERNEL_DIR "/*/kernel.so", 0, NULL, &found))
		while (nr < found.gl_pathc && nr < MAX_KERNELS) {
			paths[nr] = found.gl_pathv[nr];
			nr++;
		}
	if (!nr)
		printf("skipped: no Linux tree is built; make kernel "
		       "KERNEL=debian:6.12 builds one, IOPT_KERNELS names "
		       "others\n");
	else if (kernel_set_create(paths, nr, &set, &err))
		fail_msg("%s", err.msg);
	globfree(&found);
	free(given);
	return set;
}

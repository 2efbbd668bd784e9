// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that race in one table: splits of one block, installations of one
 * table, levels that amdv1 adds, and translations beside all of them.
 *
 * A lost race frees a table again, and nothing else here frees one: so the
 * arena's count of frees tells whether the threads really met.
 */
#include "support.h"

#include "sink.h"
#include "sizes.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define PROT	     (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define MAX_THREADS  4
#define EXIT_SKIPPED 77
#define SZ_512G	     (1ull << 39)
/* Where a block's memory lies: not at 0, which would read as a hole. */
#define PADDR (1ull << 45)

/**
 * struct scene - What the threads do, and what must be true after it.
 * @granule: bytes
 * @block: size in bytes of the leaf that is there before, or 0 for none
 * @nr_tables: tables below the top one after it
 * @nr_threads: threads, at most MAX_THREADS
 * @nr_rounds: how often
 * @engine: its word; NULL for the first
 * @step: bytes from one thread's page to the next, 0 for neighbours
 */
struct scene {
	size_t granule;
	u64 block;
	unsigned int nr_tables;
	unsigned int nr_threads;
	unsigned int nr_rounds;
	const char *engine;
	u64 step;
};

/* Under an emulator races are lost as often; a few rounds of many show it. */
static unsigned int rounds_of(const struct scene *scene)
{
	return scene->nr_rounds / (unsigned int)test_nth(4);
}

static const struct pgtable_engine *engine_of(const struct scene *scene)
{
	return scene->engine ? pgtable_engine_find(scene->engine) :
			       pgtable_engine_at(0);
}

struct crew;

typedef u64 body_fn(struct crew *crew, unsigned int thread);

/**
 * struct crew - Threads in step; the first is the test itself.
 * @scene: what they do
 * @body: one thread's part in a round; it may not assert
 * @pgt: table of this round
 * @nr_arrived: threads that have come to the barrier, since the start
 * @ret: what each thread's part returned
 * @nr_lost: races lost so far: tables freed again
 * @why: what was wrong first; "" while nothing is
 */
struct crew {
	const struct scene *scene;
	body_fn *body;
	struct pgtable *pgt;
	u64 nr_arrived;
	u64 ret[MAX_THREADS];
	u64 nr_lost;
	char why[160];
};

struct member {
	struct crew *crew;
	unsigned int thread;
};

/* All go on at once, as closely as they can: they spin. */
static void meet(struct crew *crew)
{
	u64 nr = crew->scene->nr_threads, target;
	unsigned int nr_spins = 0;

	target = __atomic_fetch_add(&crew->nr_arrived, 1, __ATOMIC_ACQ_REL);
	target = (target / nr + 1) * nr;
	while (__atomic_load_n(&crew->nr_arrived, __ATOMIC_ACQUIRE) < target)
		if (++nr_spins % 4096 == 0)
			sched_yield();
}

static void take_part(struct crew *crew, unsigned int thread)
{
	meet(crew);
	crew->ret[thread] = crew->body(crew, thread);
	meet(crew);
}

static void *run_member(void *arg)
{
	const struct member *member = arg;

	for (unsigned int i = 0; i < rounds_of(member->crew->scene); i++)
		take_part(member->crew, member->thread);
	return NULL;
}

/* The page of each thread: neighbours, where the table's end is near. */
static u64 page_of(const struct scene *scene, unsigned int thread)
{
	if (scene->step)
		return (thread + 1) * scene->step;
	return (scene->granule / 8 - 1 - thread) * scene->granule;
}

static struct pgtable *create(const struct scene *scene, bool coherent_walk,
			      struct arena *arena)
{
	const struct pgtable_engine *engine = engine_of(scene);
	const struct pgtable_cfg cfg = {
		.params = { .policy = PGTABLE_SPLIT,
			    .clear = PGTABLE_CLEAR_RUN },
		.stage = 1,
		.granule = scene->granule,
		.ias = scene->granule == SZ_64K ? 52 : 48,
		.oas = scene->granule == SZ_64K ? 52 : 48,
		.coherent_walk = coherent_walk,
		.arena = arena,
		.tlb = inval_sink(gather_rule_find(engine->rule)),
	};
	struct iopt_err err = { "" };
	struct pgtable *pgt = NULL;
	size_t mapped = 0;

	if (pgtable_create(engine, &cfg, &pgt, &err))
		fail_msg("%s", err.msg);
	if (scene->block)
		assert_int_equal(pgt->ops.map_pages(pgt, 0, PADDR, scene->block,
						    1, PROT, &mapped),
				 0);
	return pgt;
}

/*
 * Says what is wrong and goes on: threads wait for the next round, so that no
 * assertion may leave it. The first word is the last.
 */
__attribute__((format(printf, 2, 3))) static void blame(struct crew *crew,
							const char *fmt, ...)
{
	va_list ap;

	if (crew->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(crew->why, sizeof(crew->why), fmt, ap);
	va_end(ap);
}

/* Each table on the way down has the software bit, or none has. */
static void check_software_bit(struct crew *crew)
{
	const struct pgtable *pgt = crew->pgt;
	u64 bit = pgt->cfg.coherent_walk ? 0 : 1ull << 55;
	const u64 *table = pgt->root;

	if (engine_of(crew->scene)->is_fixed)
		return;
	for (unsigned int i = 0; i < crew->scene->nr_tables; i++) {
		u64 addr = table[0] & 0xfffffffff000;

		if (table[0] != (addr | bit | 3)) {
			blame(crew, "table %u: descriptor 0x%" PRIx64, i,
			      table[0]);
			return;
		}
		addr -= arena_pa_offset(pgt->cfg.arena);
		table = (const u64 *)(uintptr_t)addr;
	}
}

static void check_page(struct crew *crew, u64 iova, bool is_mapped)
{
	u64 got = crew->pgt->ops.iova_to_phys(crew->pgt, iova);
	u64 want = is_mapped ? PADDR + iova : 0;

	if (got != want)
		blame(crew,
		      "iova_to_phys(0x%" PRIx64 "): expected 0x%" PRIx64
		      ", got 0x%" PRIx64,
		      iova, want, got);
}

/* Pages that lie apart are mapped, what is behind each is not. */
static void check_pages_apart(struct crew *crew)
{
	const struct scene *scene = crew->scene;

	for (unsigned int i = 0; i < scene->nr_threads; i++) {
		u64 behind = page_of(scene, i) + scene->granule;

		check_page(crew, page_of(scene, i), true);
		check_page(crew, behind, behind < scene->block);
	}
}

/* The threads' pages are holes; or, mapped, are all there is. */
static void check_pages(struct crew *crew, bool is_hole)
{
	const struct scene *scene = crew->scene;
	u64 end = page_of(scene, 0) + scene->granule;

	if (end < scene->block)
		end = scene->block;
	for (u64 iova = 0; iova < end; iova += scene->granule) {
		bool is_own = iova <= page_of(scene, 0) &&
			      iova >= page_of(scene, scene->nr_threads - 1);

		check_page(crew, iova, is_own != is_hole);
	}
}

/* Is one round's table right? Counts the races that were lost. */
static void check_round(struct crew *crew, struct arena_stats before,
			bool is_hole)
{
	struct arena_stats after = arena_stats(crew->pgt->cfg.arena);
	const struct scene *scene = crew->scene;
	u64 nr_lost = after.nr_frees - before.nr_frees;
	u64 nr_tables = after.nr_allocs - before.nr_allocs - nr_lost - 1;

	for (unsigned int i = 0; i < scene->nr_threads; i++)
		if (crew->ret[i] != scene->granule)
			blame(crew, "thread %u returns %" PRIu64, i,
			      crew->ret[i]);
	if (nr_tables != scene->nr_tables)
		blame(crew, "expected %u tables, got %" PRIu64,
		      scene->nr_tables, nr_tables);
	if (crew->pgt->nr_warnings)
		blame(crew, "%" PRIu64 " warnings", crew->pgt->nr_warnings);
	check_software_bit(crew);
	if (scene->step)
		check_pages_apart(crew);
	else
		check_pages(crew, is_hole);
	crew->nr_lost += nr_lost;
}

/*
 * cmocka's handler would jump from the stack of a thread that crashes to that
 * of the test, which nothing defines. It is set anew for each test.
 */
static void crash_for_good(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
}

/* All rounds of a scene. */
static void run_scene(struct crew *crew, bool coherent_walk, bool is_hole)
{
	struct arena *arena = test_arena(32 * SZ_1M);
	unsigned int nr_threads = crew->scene->nr_threads;
	struct member members[MAX_THREADS];
	pthread_t threads[MAX_THREADS];

	crash_for_good();
	for (unsigned int i = 1; i < nr_threads; i++) {
		members[i] = (struct member){ crew, i };
		if (pthread_create(&threads[i], NULL, run_member, &members[i]))
			fail_msg("no thread");
	}
	for (unsigned int i = 0; i < rounds_of(crew->scene); i++) {
		struct arena_stats before = arena_stats(arena);

		crew->pgt = create(crew->scene, coherent_walk, arena);
		take_part(crew, 0);
		check_round(crew, before, is_hole);
		crew->pgt->ops.free(crew->pgt);
	}
	for (unsigned int i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	if (arena_destroy(arena))
		blame(crew, "tables are left in the arena");
	if (crew->why[0])
		fail_msg("%s, granule %zuK, %u threads, %scoherent: %s",
			 engine_of(crew->scene)->name,
			 crew->scene->granule / 1024, nr_threads,
			 coherent_walk ? "" : "non-", crew->why);
}

/* A scene until a race was lost in it, or long enough; how many were. */
static u64 race_scene(const struct scene *scene, body_fn *body,
		      bool coherent_walk)
{
	u64 nr_rounds = 0, nr_lost = 0;

	while (!nr_lost && nr_rounds < 10ull * rounds_of(scene)) {
		struct crew crew = { .scene = scene, .body = body };

		run_scene(&crew, coherent_walk, scene->block);
		nr_lost = crew.nr_lost;
		nr_rounds += rounds_of(scene);
	}
	print_message("%s, granule %zuK, %u threads, %scoherent: %" PRIu64
		      " races lost in %" PRIu64 " rounds\n",
		      engine_of(scene)->name, scene->granule / 1024,
		      scene->nr_threads, coherent_walk ? "" : "non-", nr_lost,
		      nr_rounds);
	return nr_lost;
}

/* Set when threads never met: then main() says that it was no test. */
static bool is_skipped;

static void race_scenes(const struct scene *scenes, size_t nr, body_fn *body)
{
	u64 nr_lost = 0;

	for (size_t i = 0; i < nr; i++) {
		nr_lost += race_scene(&scenes[i], body, true);
		if (!engine_of(&scenes[i])->is_fixed)
			nr_lost += race_scene(&scenes[i], body, false);
	}
	if (nr_lost)
		return;
	print_message("skipped: all was right, but no race was lost; this "
		      "needs two free CPUs\n");
	is_skipped = true;
	skip();
}

static void run_scenes(const struct scene *scenes, size_t nr, body_fn *body)
{
	for (size_t i = 0; i < nr; i++)
		for (int coherent_walk = engine_of(&scenes[i])->is_fixed;
		     coherent_walk < 2; coherent_walk++) {
			struct crew crew = { .scene = &scenes[i],
					     .body = body };

			run_scene(&crew, coherent_walk, scenes[i].block);
		}
}

static u64 split_own_page(struct crew *crew, unsigned int thread)
{
	const struct scene *scene = crew->scene;
	struct pgtable *pgt = crew->pgt;
	struct gather gather;

	gather_init(&gather);
	return pgt->ops.unmap_pages(pgt, page_of(scene, thread), scene->granule,
				    1, &gather);
}

static void splits_of_one_block(void **state)
{
	static const struct scene scenes[] = {
		/* 3 or 2 tables down to the block's, then those of the split.
		 */
		{ SZ_4K, SZ_2M, 2 + 1, 2, 200, NULL, 0 },
		{ SZ_4K, SZ_2M, 2 + 1, 4, 100, NULL, 0 },
		{ SZ_4K, SZ_1G, 1 + 2, 2, 50, NULL, 0 },
		{ SZ_16K, SZ_32M, 2 + 1, 2, 50, NULL, 0 },
		{ SZ_64K, SZ_512M, 1 + 1, 2, 20, NULL, 0 },
		{ SZ_64K, SZ_512M, 1 + 1, 3, 20, NULL, 0 },
	};

	(void)state;
	race_scenes(scenes, ARRAY_SIZE(scenes), split_own_page);
}

static u64 map_own_page(struct crew *crew, unsigned int thread)
{
	const struct scene *scene = crew->scene;
	u64 iova = page_of(scene, thread);
	struct pgtable *pgt = crew->pgt;
	size_t mapped = 0;

	if (pgt->ops.map_pages(pgt, iova, PADDR + iova, scene->granule, 1, PROT,
			       &mapped))
		return 0;
	return mapped;
}

static void installations_of_one_table(void **state)
{
	static const struct scene scenes[] = {
		{ SZ_4K, 0, 3, 2, 400, NULL, 0 },
		{ SZ_4K, 0, 3, 4, 200, NULL, 0 },
		{ SZ_16K, 0, 3, 2, 200, NULL, 0 },
		{ SZ_64K, 0, 2, 2, 100, NULL, 0 },
		{ SZ_4K, 0, 2, 2, 400, "amdv1", 0 },
		{ SZ_4K, 0, 2, 4, 200, "amdv1", 0 },
	};

	(void)state;
	race_scenes(scenes, ARRAY_SIZE(scenes), map_own_page);
}

/*
 * A page in a 512G of its own for each, which want a fourth level: the new top
 * has the old one and three tables for each page below it.
 */
static void levels_of_one_table(void **state)
{
	static const struct scene scenes[] = {
		{ SZ_4K, 0, 1 + 3 * 2, 2, 400, "amdv1", SZ_512G },
		{ SZ_4K, 0, 1 + 3 * 4, 4, 200, "amdv1", SZ_512G },
	};

	(void)state;
	race_scenes(scenes, ARRAY_SIZE(scenes), map_own_page);
}

/* How often a reader looks while the first thread works. */
#define NR_LOOKS 200

/* What must read as @want at any time; the granule when it did. */
static u64 look(struct crew *crew, u64 iova, u64 want)
{
	struct pgtable *pgt = crew->pgt;

	for (unsigned int i = 0; i < NR_LOOKS; i++)
		if (pgt->ops.iova_to_phys(pgt, iova) != want)
			return 0;
	return crew->scene->granule;
}

/*
 * All but the first thread read, and say that their own page went well. What
 * is read is never the leaf that is being written: the kernel, too, leaves
 * that to the caller.
 */
static u64 split_beside_readers(struct crew *crew, unsigned int thread)
{
	if (thread == 0)
		for (unsigned int i = 0; i < crew->scene->nr_threads; i++)
			if (!split_own_page(crew, i))
				return 0;
	return look(crew, thread * crew->scene->granule,
		    PADDR + thread * crew->scene->granule);
}

static void translations_beside_a_split(void **state)
{
	static const struct scene scenes[] = {
		{ SZ_4K, SZ_2M, 2 + 1, 2, 200, NULL, 0 },
		{ SZ_4K, SZ_1G, 1 + 2, 3, 50, NULL, 0 },
		{ SZ_64K, SZ_512M, 1 + 1, 2, 20, NULL, 0 },
	};

	(void)state;
	run_scenes(scenes, ARRAY_SIZE(scenes), split_beside_readers);
}

static u64 map_beside_readers(struct crew *crew, unsigned int thread)
{
	if (thread == 0)
		for (unsigned int i = 0; i < crew->scene->nr_threads; i++)
			if (!map_own_page(crew, i))
				return 0;
	/* A hole in the table that is being installed. */
	return look(crew, thread * crew->scene->granule, 0);
}

static void translations_beside_an_installation(void **state)
{
	static const struct scene scenes[] = {
		{ SZ_4K, 0, 3, 2, 200, NULL, 0 },
		{ SZ_16K, 0, 3, 3, 100, NULL, 0 },
		{ SZ_64K, 0, 2, 2, 50, NULL, 0 },
	};

	(void)state;
	run_scenes(scenes, ARRAY_SIZE(scenes), map_beside_readers);
}

/* The first thread adds the level while the others read the block below. */
static u64 grow_beside_readers(struct crew *crew, unsigned int thread)
{
	if (thread == 0)
		for (unsigned int i = 0; i < crew->scene->nr_threads; i++)
			if (!map_own_page(crew, i))
				return 0;
	return look(crew, thread * crew->scene->granule,
		    PADDR + thread * crew->scene->granule);
}

static void translations_beside_a_new_level(void **state)
{
	static const struct scene scenes[] = {
		{ SZ_4K, SZ_2M, 1 + 1 + 3 * 2, 2, 200, "amdv1", SZ_512G },
		{ SZ_4K, SZ_2M, 1 + 1 + 3 * 3, 3, 100, "amdv1", SZ_512G },
	};

	(void)state;
	run_scenes(scenes, ARRAY_SIZE(scenes), grow_beside_readers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_of_one_block),
		cmocka_unit_test(installations_of_one_table),
		cmocka_unit_test(levels_of_one_table),
		cmocka_unit_test(translations_beside_a_split),
		cmocka_unit_test(translations_beside_an_installation),
		cmocka_unit_test(translations_beside_a_new_level),
	};

	int ret = cmocka_run_group_tests(tests, NULL, NULL);

	return ret || !is_skipped ? ret : EXIT_SKIPPED;
}

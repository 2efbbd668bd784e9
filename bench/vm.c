// SPDX-License-Identifier: GPL-2.0-only
/* A virtual machine's memory, mapped and torn down. */
#include "vm.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "sizes.h"
#include "vm_live.h"

/* The same frames in every process: what is counted must not differ. */
#define BACKING_SEED 1

#define MAX_PROBES (1ull << 20)

/* With more leaves stores are not counted: it would take minutes. */
#define MAX_COUNTED_LEAVES (4ull << 20)

/* BARs of a layout, somewhat more: they are scanned, and may come apart. */
#define BAR_BYTES (18 * SZ_1G)

/* An unmap by itself takes as long as so many lookups. */
#define UNMAP_STEPS 16

/* Calls of a hook between two looks at the clock. */
#define RESCHED_MASK 0x3ff

/* RAM of a value of the key vm: what stands before a dash. */
static u64 ram_bytes(const struct bench_case *c)
{
	const char *word = bench_value(c, "vm");
	char text[16];
	u64 bytes;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(word, "-"), word);
	return size_parse(text, &bytes) ? 0 : bytes;
}

/* Size of the hugetlb pages that a backing is made of; 0 when of none. */
static u64 huge_page(const struct bench_case *c)
{
	const char *word = bench_value(c, "backing");
	u64 bytes;

	if (!strncmp(word, "live-", 5))
		word += 5;
	return size_parse(word, &bytes) || bytes < SZ_2M ? 0 : bytes;
}

/* Does the strategy ask for less than the leaf it finds? */
static bool asks_for_pages(const struct vfio_strategy *strategy)
{
	return !strcmp(strategy->name, "page") || strategy->wants_unfixed;
}

/* Do tables for single pages come to be where larger leaves were mapped? */
static bool makes_tables(const struct bench_case *c)
{
	const struct vfio_strategy *strategy =
		vfio_strategy_find(bench_value(c, "strategy"));
	const struct pgtable_engine *e =
		pgtable_engine_find(bench_value(c, "engine"));

	if (bench_is(c, "strategy", "unmap-remap"))
		return true;
	return asks_for_pages(strategy) &&
	       (!e || e->params.policy == PGTABLE_SPLIT);
}

u64 vm_table_bytes(const struct bench_case *c)
{
	u64 page = bench_size(c, "page");
	u64 entries = page / sizeof(u64);
	u64 leaf = huge_page(c);
	u64 mapped = ram_bytes(c);
	u64 bytes;

	if (makes_tables(c)) {
		leaf = page;
		mapped += BAR_BYTES;
	}
	if (!leaf)
		leaf = page;
	bytes = (mapped / (leaf * entries) + VM_MAX_RANGES) * page;
	return bytes + 2 * bytes / entries + VM_MAX_RANGES * page;
}

u64 vm_steps(const struct bench_case *c)
{
	u64 page = bench_size(c, "page");
	u64 leaf = huge_page(c);
	/* Mapping it takes as long as unmapping it. */
	u64 leaves = ram_bytes(c) / (leaf ? leaf : page) * UNMAP_STEPS;
	u64 pages = ram_bytes(c) / page;

	if (bench_is(c, "strategy", "whole-range") ||
	    bench_is(c, "strategy", "leafwalk"))
		return leaves;
	if (!bench_is(c, "strategy", "iommufd"))
		pages += BAR_BYTES / page;
	return pages > leaves ? pages : leaves;
}

/* Of the pinned bytes, those in whole, aligned huge pages. */
static u64 huge_bytes(const struct vm *vm)
{
	u64 sum = 0;

	for (size_t i = 0; i < vm->layout->nr_ranges; i++) {
		const struct vm_range *range = &vm->layout->ranges[i];
		const struct vfio_memory *memory =
			vm_backing_memory(vm->backing, i);
		u64 at = 0, paddr;

		while (range->kind == VM_RAM && at < range->size) {
			u64 len = memory->run(memory->arg, at, &paddr);
			u64 skip = -paddr & (SZ_2M - 1);

			if (len > skip)
				sum += (len - skip) & ~(SZ_2M - 1);
			at += len;
		}
	}
	return sum;
}

/*
 * The word of vm_backing.h for a value of the key: values have no colon and no
 * slash.
 */
static void backing_word(const struct bench_env *env, const char *value,
			 char *word, size_t size)
{
	size_t i = 0;

	while (i < env->nr_frames && strcmp(env->frames[i].value, value))
		i++;
	if (i < env->nr_frames)
		snprintf(word, size, "file:%s", env->frames[i].path);
	else if (!strncmp(value, "trace-", 6))
		snprintf(word, size, "trace:%s", value + 6);
	else
		snprintf(word, size, "%s", value);
}

static int make_memory(struct vm *vm, const struct bench_case *c,
		       struct iopt_err *err)
{
	char word[PATH_MAX + 8];
	int ret = vm_layout_create_word(bench_value(c, "vm"), vm->host_page,
					&vm->layout, err);

	if (ret)
		return ret;
	backing_word(vm->t.env, bench_value(c, "backing"), word, sizeof(word));
	ret = vm_backing_create(word, vm->layout, vm->t.cfg.oas, BACKING_SEED,
				&vm->backing, err);
	return ret && vm_live_is_skip(ret) ? -ECANCELED : ret;
}

static int init_memory(struct vm *vm, const struct bench_case *c,
		       const struct vm *like, struct iopt_err *err)
{
	const char *value = bench_value(c, "backing");
	int ret = 0;

	if (like) {
		vm->is_borrowed = true;
		vm->layout = like->layout;
		vm->backing = like->backing;
	} else {
		ret = make_memory(vm, c, err);
	}
	if (ret)
		return ret;
	for (size_t i = 0; i < vm->layout->nr_ranges; i++) {
		const struct vm_range *range = &vm->layout->ranges[i];

		vm->mapped_bytes += range->size;
		if (range->kind != VM_BAR)
			vm->pinned_bytes += range->size;
	}
	if (huge_page(c) || strstr(value, "thp") || !strncmp(value, "file-", 5))
		vm->huge_bytes = huge_bytes(vm);
	return 0;
}

/*
 * A domain that remembers the leaf it looked up last. Nothing is counted of a
 * lookup but that it was made, so a counting pass need not walk for each page:
 * at 1T it takes a quarter of the time. Never timed.
 */
struct vm_quick {
	struct iommu_domain domain;
	const struct iommu_domain_ops *real;
	struct pgtable_leaf leaf;
};

static struct vm_quick *quick_of(struct iommu_domain *domain)
{
	return (struct vm_quick *)domain;
}

static int quick_map(struct iommu_domain *domain, u64 iova, u64 paddr,
		     size_t pgsize, size_t pgcount, int prot, size_t *mapped)
{
	struct vm_quick *q = quick_of(domain);

	q->leaf.size = 0;
	return q->real->map_pages(domain, iova, paddr, pgsize, pgcount, prot,
				  mapped);
}

static size_t quick_unmap(struct iommu_domain *domain, u64 iova, size_t pgsize,
			  size_t pgcount, struct gather *gather)
{
	struct vm_quick *q = quick_of(domain);

	q->leaf.size = 0;
	return q->real->unmap_pages(domain, iova, pgsize, pgcount, gather);
}

static u64 quick_iova_to_phys(struct iommu_domain *domain, u64 iova)
{
	struct vm_quick *q = quick_of(domain);

	if (iova - q->leaf.iova < q->leaf.size)
		return q->leaf.paddr + (iova - q->leaf.iova);
	if (q->real->leaf_walk(domain, iova, &q->leaf))
		q->leaf.size = 0;
	if (iova - q->leaf.iova < q->leaf.size)
		return q->leaf.paddr + (iova - q->leaf.iova);
	return 0;
}

static int quick_leaf_walk(struct iommu_domain *domain, u64 iova,
			   struct pgtable_leaf *leaf)
{
	return quick_of(domain)->real->leaf_walk(domain, iova, leaf);
}

static const struct iommu_domain_ops quick_ops = {
	.map_pages = quick_map,
	.unmap_pages = quick_unmap,
	.iova_to_phys = quick_iova_to_phys,
	.leaf_walk = quick_leaf_walk,
};

/* The domain of a container: the table's own, or one that remembers. */
static void choose_domain(struct vm *vm, size_t i)
{
	struct iommu_domain *domain = &vm->t.domain[i];

	vm->domains[i] = domain;
	if (!vm->is_quick || !domain->pgt->ops.leaf_walk)
		return;
	vm->quick[i] =
		(struct vm_quick){ .domain = *domain, .real = domain->ops };
	vm->quick[i].domain.ops = &quick_ops;
	vm->domains[i] = &vm->quick[i].domain;
}

/* Leaves that go one by one: what the counted twin has to do. */
static u64 nr_leaves(const struct bench_case *c)
{
	u64 leaf = huge_page(c);

	if (!leaf || makes_tables(c))
		leaf = bench_size(c, "page");
	return ram_bytes(c) / leaf;
}

int vm_init(struct vm *vm, const struct bench_env *env,
	    const struct bench_case *c, enum bench_phase phase,
	    const struct vm *like, struct iopt_err *err)
{
	const char *word = bench_value(c, "strategy");
	u64 page = bench_size(c, "page");
	int ret;

	*vm = (struct vm){ .host_page = page };
	ret = tables_init(&vm->t, env, bench_value(c, "engine"), page, page,
			  phase, err);
	if (ret)
		return ret;
	/* A table for each time, made by tables_grow(). */
	vm->t.layout =
		(struct tables_layout){ .slots = 1, .max_slots = SIZE_MAX };
	if (nr_leaves(c) > MAX_COUNTED_LEAVES)
		vm->t.is_counted = false;
	vm->strategy = vfio_strategy_find(word);
	if (!vm->strategy)
		return iopt_err_set(err, -EINVAL, "there is no strategy %s",
				    word);
	if (vm->strategy->wants_unfixed)
		vm->t.cfg.params.walk = PGTABLE_WALK_UNFIXED;
	vm->can_stick = asks_for_pages(vm->strategy) &&
			(tables_is_given(env, c) ||
			 vm->t.cfg.params.policy == PGTABLE_NOSPLIT);
	vm->is_quick = phase == BENCH_COUNT && !vm->strategy->wants_unfixed;
	return init_memory(vm, c, like, err);
}

void vm_unmap(struct vm *vm)
{
	for (size_t i = 0; i < vm->nr; i++)
		vfio_fini(&vm->containers[i]);
	vm->nr = 0;
	tables_clear(&vm->t);
}

void vm_fini(struct vm *vm)
{
	vm_unmap(vm);
	free(vm->containers);
	free(vm->domains);
	free(vm->quick);
	tables_fini(&vm->t);
	if (vm->is_borrowed)
		return;
	vm_backing_destroy(vm->backing);
	vm_layout_destroy(vm->layout);
}

/* While it is mapped: a run was. */
static void tell(void *arg)
{
	struct vm *vm = arg;
	const struct arena *arena = vm->t.cfg.arena;
	char text[SIZE_TEXT_MAX];

	if (++vm->nr_resched & RESCHED_MASK ||
	    !progress_is_due(vm->t.env->progress))
		return;
	progress_say(vm->t.env->progress, "mapping, %s of tables so far",
		     size_format(arena_stats(arena).live_bytes & ~(SZ_1M - 1),
				 text));
}

static int make_room(struct vm *vm, size_t n, struct iopt_err *err)
{
	void *p = realloc(vm->containers, n * sizeof(*vm->containers));

	if (p) {
		vm->containers = p;
		p = realloc(vm->domains, n * sizeof(*vm->domains));
	}
	if (p) {
		vm->domains = p;
		p = realloc(vm->quick, n * sizeof(*vm->quick));
	}
	if (!p)
		return iopt_err_set(err, -ENOMEM, "no memory for containers");
	vm->quick = p;
	return 0;
}

static int map_one(struct vm *vm, size_t i, struct iopt_err *err)
{
	const struct vfio_cfg cfg = {
		.abi = strcmp(vm->strategy->name, "iommufd") ? VFIO_TYPE1V2 :
							       VFIO_IOMMUFD,
		.strategy = vm->strategy,
		.domains = &vm->domains[i],
		.nr_domains = 1,
		.host_page = vm->host_page,
		.last_iova = (1ull << vm->t.cfg.ias) - 1,
		.resched = tell,
		.resched_arg = vm,
	};
	struct vfio *vfio = &vm->containers[i];
	int ret;

	choose_domain(vm, i);
	ret = vfio_init(vfio, &cfg, err);
	if (ret)
		return ret;
	vm->nr++;
	for (size_t r = 0; r < vm->layout->nr_ranges; r++) {
		const struct vm_range *range = &vm->layout->ranges[r];

		ret = vfio_map(vfio, range->iova, range->size,
			       vm_backing_memory(vm->backing, r));
		if (ret)
			return iopt_err_set(err, ret,
					    "%s at %#" PRIx64 ", %" PRIu64
					    " bytes, cannot be mapped: %s",
					    range->name, range->iova,
					    range->size, strerror(-ret));
	}
	vfio->cfg.resched = NULL;
	vfio->counts = (struct vfio_counts){ .nr_maps = 0 };
	vfio->stretch = 0;
	return 0;
}

int vm_map(struct vm *vm, size_t n, struct iopt_err *err)
{
	int ret;

	vm_unmap(vm);
	ret = make_room(vm, n, err);
	if (!ret)
		ret = tables_grow(&vm->t, n, err);
	for (size_t i = 0; i < n && !ret; i++)
		ret = map_one(vm, i, err);
	return ret;
}

void vm_watch(struct vm *vm, void (*fn)(void *arg), void *arg)
{
	for (size_t i = 0; i < vm->nr; i++) {
		vm->containers[i].cfg.resched = fn;
		vm->containers[i].cfg.resched_arg = arg;
	}
}

u64 vm_scan(struct vm *vm, size_t i)
{
	u64 nr = 0;

	for (size_t r = 0; r < vm->layout->nr_ranges; r++)
		nr += vfio_scan(&vm->containers[i], vm->strategy,
				vm->layout->ranges[r].iova,
				vm->layout->ranges[r].size);
	return nr;
}

/*
 * Before 4.0 a lookup lost the offset inside of a block: there the tables are
 * read leaf by leaf.
 */
static u64 translate(const struct vm *vm, size_t i, u64 iova)
{
	struct pgtable *pgt = vm->t.pgt[i];
	struct pgtable_leaf leaf;

	if (!vm->strategy->wants_unfixed)
		return iommu_iova_to_phys(vm->domains[i], iova);
	if (pgt->ops.leaf_walk(pgt, iova, &leaf) || leaf.iova > iova)
		return 0;
	return leaf.paddr + (iova - leaf.iova);
}

/* The addresses of one range, each @step bytes. */
static int check_range(struct vm *vm, size_t i, size_t r, u64 step,
		       struct iopt_err *err)
{
	const struct vm_range *range = &vm->layout->ranges[r];
	const struct vfio_memory *memory = vm_backing_memory(vm->backing, r);

	for (u64 at = 0; at < range->size; at += step) {
		u64 got = translate(vm, i, range->iova + at);
		u64 want;

		memory->run(memory->arg, at, &want);
		if (got != want)
			return iopt_err_set(err, -EINVAL,
					    "%s: %#" PRIx64 " maps to %#" PRIx64
					    ", expected %#" PRIx64,
					    range->name, range->iova + at, got,
					    want);
	}
	return 0;
}

int vm_check_mapped(struct vm *vm, size_t i, struct iopt_err *err)
{
	u64 step = vm->host_page;
	int ret = 0;

	while (vm->mapped_bytes / step > MAX_PROBES)
		step *= 2;
	/* Odd: not always the same place in a huge page. */
	if (step > vm->host_page)
		step += vm->host_page;
	for (size_t r = 0; r < vm->layout->nr_ranges && !ret; r++)
		ret = check_range(vm, i, r, step, err);
	return ret;
}

/* Of an engine that cannot tell its leaves: page by page. */
static u64 left_pages(const struct vm *vm, size_t i)
{
	u64 sum = 0;

	for (size_t r = 0; r < vm->layout->nr_ranges; r++) {
		const struct vm_range *range = &vm->layout->ranges[r];

		for (u64 at = 0; at < range->size; at += vm->host_page)
			if (iommu_iova_to_phys(vm->domains[i],
					       range->iova + at))
				sum += vm->host_page;
	}
	return sum;
}

static u64 left_bytes(const struct vm *vm, size_t i)
{
	struct pgtable *pgt = vm->t.pgt[i];
	struct pgtable_leaf leaf;
	u64 at = 0, sum = 0;

	if (!pgt->ops.leaf_walk)
		return left_pages(vm, i);
	while (!pgt->ops.leaf_walk(pgt, at, &leaf)) {
		sum += leaf.size;
		at = leaf.iova + leaf.size;
	}
	return sum;
}

int vm_check_ended(struct vm *vm, size_t i, struct vm_ends *ends,
		   struct iopt_err *err)
{
	const struct vfio *vfio = &vm->containers[i];

	ends->left_bytes = left_bytes(vm, i);
	ends->outcome = vfio_outcome(vfio);
	ends->counts = vfio->counts;
	if (vfio->counts.is_stuck && !vm->can_stick)
		return iopt_err_set(err, -EINVAL,
				    "it got stuck: an unmap did nothing where "
				    "%" PRIu64 " bytes are mapped",
				    ends->left_bytes);
	if (!vfio->counts.is_stuck && ends->left_bytes)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " of %" PRIu64 " bytes are left",
				    ends->left_bytes, vm->mapped_bytes);
	if (!vfio->counts.is_stuck &&
	    vfio->counts.unpinned_bytes != vm->pinned_bytes)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " bytes were unpinned, expected "
				    "%" PRIu64,
				    vfio->counts.unpinned_bytes,
				    vm->pinned_bytes);
	return 0;
}

u64 vm_unpin_ps(const struct vm *vm, const struct cost_profile *profile)
{
	const struct cost_value *items = profile->items;

	return vm->huge_bytes / SZ_2M * items[COST_UNPIN_2M].ps +
	       (vm->pinned_bytes - vm->huge_bytes) / vm->host_page *
		       items[COST_UNPIN_4K].ps;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings of user memory: the type1 container and iommufd, and the ways in
 * which they walk a page table to tear a range down.
 *
 * Models: vfio_dma_do_map(), vfio_dma_do_unmap(), vfio_iommu_map(),
 *	vfio_remove_dma() and vfio_lock_acct() of type1 v1 and v2, its test for
 *	fine-grained superpages up to 6.12; iopt_map_user_pages(),
 *	iopt_area_fill_domains(), iopt_unmap_iova(), iopt_unmap_all() and
 *	do_update_pinned() of iommufd; what they do with several domains; their
 *	errors.
 * Does not model: pinning (pages are counted), emulated devices, dirty
 *	tracking, reserved IOVAs but for the aperture, accesses that hold pages
 *	of an area, domains that come or go while something is mapped, two
 *	users at a time.
 * Source: drivers/vfio/vfio_iommu_type1.c of Linux 6.1, 6.12 and 7.3;
 *	drivers/iommu/iommufd/pages.c and io_pagetable.c of Linux 6.12 and 7.3
 *	(6.1 has no iommufd).
 */
#ifndef IOPT_VFIO_H
#define IOPT_VFIO_H

#include "err.h"
#include "iommu.h"
#include "types.h"

/* Whose rules hold. */
enum vfio_abi {
	VFIO_TYPE1,   /* v1: an unmap removes whole maps */
	VFIO_TYPE1V2, /* v2: an unmap may not bisect a map */
	VFIO_IOMMUFD,
};

/**
 * struct vfio_memory - What is mapped, as runs that are physically contiguous.
 * @run: sets *@paddr to the physical address of a byte at @offset; returns how
 *	many bytes from there on are contiguous, a multiple of the host's page
 *	and not 0, as long as @offset is inside
 * @arg: for @run
 * @is_bar: registers of a device: its pages are neither pinned nor counted
 */
struct vfio_memory {
	u64 (*run)(const void *arg, u64 offset, u64 *paddr);
	const void *arg;
	bool is_bar;
};

/**
 * struct vfio_runs - Memory of equal runs that never merge; arg of a
 *	struct vfio_memory whose run is vfio_runs_run().
 * @size: bytes
 * @run: bytes of a run; the last may be shorter. One single run when it is
 *	not below @size
 * @base: physical address of the last run, or of the single one
 *
 * Run i of n lies at @base + (n - 1 - i) * R, R being @run rounded up to a
 * power of two: descending, so that no two merge.
 */
struct vfio_runs {
	u64 size;
	u64 run;
	u64 base;
};

/**
 * struct vfio_counts - What was done besides the page table's own work.
 * @nr_maps: iommu_map() calls
 * @nr_unmaps: iommu_unmap() and iommu_unmap_fast() calls
 * @nr_lookups: iommu_iova_to_phys() and iommu_leaf_walk() calls
 * @nr_resched: points where the CPU could have been given away
 * @max_lookups: most lookups between two such points
 * @unpinned_bytes: bytes of pages that were unpinned
 * @nr_unpin_runs: contiguous runs that they were unpinned in
 * @nr_warnings: how often the kernel would have warned
 * @is_stuck: an unmap did nothing where something is mapped, and the kernel
 *	left that range as it was
 * @is_fgsp: a scan was left out because the domain has fine-grained superpages
 */
struct vfio_counts {
	u64 nr_maps;
	u64 nr_unmaps;
	u64 nr_lookups;
	u64 nr_resched;
	u64 max_lookups;
	u64 unpinned_bytes;
	u64 nr_unpin_runs;
	u64 nr_warnings;
	bool is_stuck;
	bool is_fgsp;
};

/**
 * struct vfio_range - A map that was made, or an iommufd area.
 * @iova: start in bytes
 * @size: bytes
 * @is_bar: its pages are not pinned
 */
struct vfio_range {
	u64 iova;
	u64 size;
	bool is_bar;
};

struct vfio;

/**
 * struct vfio_strategy - A way to tear a range down.
 * @name: as in benchmark names and on command lines
 * @unmap: unmap what is mapped of a range in every domain
 * @scan: do the lookups of @unmap, and nothing else; returns how many
 * @wants_unfixed: the page table is to be created with PGTABLE_WALK_UNFIXED,
 *	which is for who creates it to see to
 * @wants_fgsp: the container looks for fine-grained superpages
 * @wants_leaf_walk: the page table must have leaf_walk
 */
struct vfio_strategy {
	const char *name;
	void (*unmap)(struct vfio *vfio, const struct vfio_range *range);
	u64 (*scan)(const struct vfio *vfio, const struct vfio_range *range);
	bool wants_unfixed;
	bool wants_fgsp;
	bool wants_leaf_walk;
};

/**
 * struct vfio_cfg - How to create a container, or an IOAS.
 * @abi: whose rules hold
 * @strategy: how ranges are torn down
 * @domains: domains, the first being the one that is walked; not owned, they
 *	and the array outlive the container
 * @nr_domains: how many; may be 0, nothing is mapped then
 * @host_page: page size of the CPU's kernel in bytes, at least the granule; 0
 *	means the smallest page size of the first domain
 * @last_iova: highest address of the aperture
 * @max_ranges: most maps of a type1 container at a time; 0 means 65535, the
 *	kernel's dma_entry_limit
 * @lock_limit: most host pages that may be pinned, as RLIMIT_MEMLOCK says; 0
 *	for a user with CAP_IPC_LOCK, who has no limit
 * @test_fgsp: look for fine-grained superpages, as VFIO did up to 6.12: where
 *	the first domain has them, no strategy of type1 scans for contiguity
 * @resched: called at each point where the kernel may give the CPU away, after
 *	it was counted; NULL for none
 * @resched_arg: for @resched
 * @wrap_errno: what a range beyond 2^64 returns in type1: EINVAL up to 6.12,
 *	EOVERFLOW in 7.3; 0 means EINVAL
 */
struct vfio_cfg {
	enum vfio_abi abi;
	const struct vfio_strategy *strategy;
	struct iommu_domain *const *domains;
	size_t nr_domains;
	u64 host_page;
	u64 last_iova;
	size_t max_ranges;
	u64 lock_limit;
	bool test_fgsp;
	void (*resched)(void *arg);
	void *resched_arg;
	int wrap_errno;
};

/**
 * struct vfio - A container, or an IOAS; the caller owns it.
 * @cfg: as created, defaults filled in
 * @ranges: maps in rising order, the container's memory
 * @nr_ranges: entries in @ranges
 * @room: room in @ranges
 * @counts: since vfio_init(), or since the caller set them to 0
 * @stretch: lookups since the last point of rescheduling
 * @locked_pages: host pages that are accounted as pinned
 * @unlocked_bytes: unpinned in the range in work, not yet taken off
 *	@locked_pages
 * @is_bar: the range in work is a device's, nothing of it is unpinned
 * @is_fgsp: the first domain was found to have fine-grained superpages
 */
struct vfio {
	struct vfio_cfg cfg;
	struct vfio_range *ranges;
	size_t nr_ranges;
	size_t room;
	struct vfio_counts counts;
	u64 stretch;
	u64 locked_pages;
	u64 unlocked_bytes;
	bool is_bar;
	bool is_fgsp;
};

IOPT_BEGIN_DECLS

/**
 * vfio_strategy_find() - A strategy by its name.
 * @name: one of
 *	"page": a page a call, on by what the call returns (type1, Linux 3.11);
 *	"chunked": what a scan finds contiguous a call (4.0);
 *	"chunked-fast": the same, a sync each 512 calls (4.17 on);
 *	"chunked-unfixed", "chunked-fast-unfixed": where the lookup of a block
 *	loses the offset inside (before commit 7c6d90e2bb1a);
 *	"fgsp": no scan, where the domain has fine-grained superpages;
 *	"iommufd": batches of 5461 runs;
 *	"unmap-remap": whole leaves out, what shall stay back in, page by page;
 *	"whole-range": a call a range;
 *	"leafwalk": chunked-fast whose scan costs a lookup a leaf
 *
 * Return: a static strategy; NULL when there is none of that name.
 */
const struct vfio_strategy *vfio_strategy_find(const char *name);

/**
 * vfio_strategy_at() - Strategies by number, for listing them.
 * @i: from 0
 *
 * Return: a static strategy; NULL past the last.
 */
const struct vfio_strategy *vfio_strategy_at(size_t i);

/**
 * vfio_init() - Start an empty container.
 * @vfio: caller's
 * @cfg: see there; copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @cfg is not as described;
 * -EOPNOTSUPP when the strategy needs what the engine of a domain has not.
 */
int vfio_init(struct vfio *vfio, const struct vfio_cfg *cfg,
	      struct iopt_err *err);

/**
 * vfio_fini() - Free what a container holds; what is mapped stays mapped.
 * @vfio: container
 */
void vfio_fini(struct vfio *vfio);

/**
 * vfio_map() - Map user memory.
 * @vfio: container
 * @iova: input address in bytes
 * @size: bytes
 * @memory: what is mapped there
 *
 * Cost: one iommu_map() for each contiguous run and domain.
 *
 * Return: 0;
 * -EINVAL when @iova or @size is not a multiple of the smallest page, @size is
 * 0, or the range leaves the aperture;
 * -EOVERFLOW (or -EINVAL, as cfg.wrap_errno says) when it goes beyond 2^64;
 * -EEXIST when a part of it is mapped, or a page table has a leaf there;
 * -ENOSPC when a type1 container holds too many maps;
 * -ERANGE when a physical address is above the table's output size;
 * -ENOMEM when there is no memory, or too much would be pinned.
 */
int vfio_map(struct vfio *vfio, u64 iova, u64 size,
	     const struct vfio_memory *memory);

/**
 * vfio_unmap() - Unmap ranges that were mapped.
 * @vfio: container
 * @iova: input address in bytes
 * @size: bytes
 *
 * Return: bytes of the maps that went; 0 in type1 when there were none;
 * -EINVAL in type1 when the arguments are not aligned, @size is 0, or with v2
 * a map is bisected; nothing is unmapped then. In iommufd when @size is 0;
 * -ENOENT in iommufd when there is none, or when an area is bisected, those
 * before it being gone;
 * -EOVERFLOW when the range goes beyond 2^64, but see cfg.wrap_errno.
 */
s64 vfio_unmap(struct vfio *vfio, u64 iova, u64 size);

/**
 * vfio_unmap_all() - Unmap all that is mapped.
 * @vfio: container
 *
 * Source: VFIO_DMA_UNMAP_FLAG_ALL of vfio_dma_do_unmap(); iopt_unmap_all().
 *
 * Return: bytes of the maps that went; 0 when there were none.
 */
s64 vfio_unmap_all(struct vfio *vfio);

/**
 * vfio_scan() - Do the lookups of a teardown, and nothing else.
 * @vfio: container; its counts stay as they are
 * @strategy: whose lookups
 * @iova: start of a range that is mapped, in bytes
 * @size: its size in bytes
 *
 * The table stays as it is: lookups that a teardown makes in what it has torn
 * already (a block that was split) are made in the whole here.
 *
 * Return: lookups made.
 */
u64 vfio_scan(struct vfio *vfio, const struct vfio_strategy *strategy, u64 iova,
	      u64 size);

/**
 * vfio_outcome() - How the teardowns counted in a container ended.
 * @vfio: container
 *
 * Return: "stuck" when a range could not be unmapped; "no-fgsp" when the
 * strategy wants superpages that the domain does not have, so that it was
 * chunked-fast; "ok" otherwise.
 */
const char *vfio_outcome(const struct vfio *vfio);

/**
 * vfio_runs_run() - The run function of a struct vfio_runs.
 * @arg: the struct vfio_runs
 * @offset: in bytes, below its size
 * @paddr: set to the physical address of @offset
 *
 * Return: bytes to the end of the run.
 */
u64 vfio_runs_run(const void *arg, u64 offset, u64 *paddr);

IOPT_END_DECLS

#endif

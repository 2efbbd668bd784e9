/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings of user memory: the type1 container and iommufd, and the ways in
 * which they walk a page table to tear a range down.
 *
 * Models: vfio_dma_do_map(), vfio_dma_do_unmap(), vfio_iommu_map() and
 *	vfio_remove_dma() of type1 v1 and v2; iopt_map_user_pages(),
 *	iopt_area_fill_domains(), iopt_unmap_iova() of iommufd; what they do
 *	with several domains; their errors.
 * Does not model: pinning (pages are counted), accounting against
 *	RLIMIT_MEMLOCK, emulated devices, dirty tracking, reserved IOVAs but for
 *	the aperture, accesses that hold pages of an area, two users at a time.
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
 * struct vfio_memory - User memory, as runs that are physically contiguous.
 * @run: sets *@paddr to the physical address of a byte at @offset; returns how
 *	many bytes from there on are contiguous, a multiple of the host's page
 *	and not 0, as long as @offset is inside
 * @arg: for @run
 */
struct vfio_memory {
	u64 (*run)(const void *arg, u64 offset, u64 *paddr);
	const void *arg;
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
 * @nr_lookups: iommu_iova_to_phys() calls
 * @nr_resched: points where the CPU could have been given away
 * @max_lookups: most lookups between two such points
 * @unpinned_bytes: bytes of pages that were unpinned
 * @nr_unpin_runs: contiguous runs that they were unpinned in
 * @nr_warnings: how often the kernel would have warned
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
};

/**
 * struct vfio_range - A map that was made, or an iommufd area.
 * @iova: start in bytes
 * @size: bytes
 */
struct vfio_range {
	u64 iova;
	u64 size;
};

struct vfio;

/**
 * struct vfio_strategy - A way to tear a range down.
 * @name: as in benchmark names and on command lines
 * @unmap: unmap what is mapped of [@iova, @iova + @size) in every domain
 */
struct vfio_strategy {
	const char *name;
	void (*unmap)(struct vfio *vfio, u64 iova, u64 size);
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
 * @has_fgsp: the domains unmap any power of two as a whole (AMD), so that
 *	scanning for contiguity is left out
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
	bool has_fgsp;
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
 */
struct vfio {
	struct vfio_cfg cfg;
	struct vfio_range *ranges;
	size_t nr_ranges;
	size_t room;
	struct vfio_counts counts;
	u64 stretch;
};

IOPT_BEGIN_DECLS

/**
 * vfio_strategy_find() - A strategy by its name.
 * @name: "chunked-fast" (type1 since 2018) or "iommufd"
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
 * -EINVAL when @cfg is not as described.
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
 * -ENOMEM when there is no memory.
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine's memory, mapped for a device through VFIO or iommufd, as
 * often as a timed section needs it.
 *
 * Models: the DMA ranges of a QEMU guest (vm_layout.h), what is behind them
 *	(vm_backing.h), and the container that holds them until all is torn
 *	down, as closing its file descriptor does.
 */
#ifndef IOPT_VM_H
#define IOPT_VM_H

#include "bench.h"
#include "tables.h"
#include "vfio.h"
#include "vm_backing.h"
#include "vm_layout.h"

/**
 * struct vm_ends - What teardowns left and did.
 * @left_bytes: mapped still
 * @outcome: "ok", or a word as of vfio_outcome()
 * @counts: of the container
 */
struct vm_ends {
	u64 left_bytes;
	const char *outcome;
	struct vfio_counts counts;
};

struct vm_quick;

/**
 * struct vm - A virtual machine, mapped @nr times; the caller owns it.
 * @t: page tables, one for each time
 * @layout: DMA ranges
 * @backing: what is behind them
 * @strategy: how it is torn down
 * @containers: a container for each time
 * @domains: the domain of each
 * @quick: domains whose lookups are quick, for a counting pass
 * @is_borrowed: layout and backing are another's
 * @is_quick: lookups are only counted: leaf by leaf will do
 * @nr: entries in @containers and @domains
 * @host_page: of the host's kernel and of the table, in bytes
 * @mapped_bytes: of one time, BARs included
 * @pinned_bytes: of one time
 * @huge_bytes: of @pinned_bytes, what lies in huge pages of 2M or more
 * @can_stick: the engine refuses what the strategy asks for
 * @nr_resched: points of rescheduling since progress was last looked at
 */
struct vm {
	struct tables t;
	struct vm_layout *layout;
	struct vm_backing *backing;
	const struct vfio_strategy *strategy;
	struct vfio *containers;
	struct iommu_domain **domains;
	struct vm_quick *quick;
	bool is_borrowed;
	bool is_quick;
	size_t nr;
	u64 host_page;
	u64 mapped_bytes;
	u64 pinned_bytes;
	u64 huge_bytes;
	bool can_stick;
	u64 nr_resched;
};

IOPT_BEGIN_DECLS

/**
 * vm_init() - Set up what the keys vm backing page engine strategy say.
 * @vm: set up; freed by vm_fini(), also on failure. Must not move after
 * @env: of the process; must outlive @vm
 * @c: case with these keys
 * @phase: counted twin, recorder or sink, as tables_init()
 * @like: whose memory to use, for the same machine; must outlive @vm. NULL for
 *	memory of its own: what is live is never twice the same
 * @err: gets the reason of a failure; may be NULL
 *
 * Nothing is mapped yet.
 *
 * Return: 0;
 * -ECANCELED when this host cannot provide the memory, see bench.h;
 * -EINVAL when a word is not known, or the words do not go together;
 * -ENOMEM when there is no memory.
 */
int vm_init(struct vm *vm, const struct bench_env *env,
	    const struct bench_case *c, enum bench_phase phase,
	    const struct vm *like, struct iopt_err *err);

/**
 * vm_fini() - Free all.
 * @vm: virtual machine
 */
void vm_fini(struct vm *vm);

/**
 * vm_map() - Map it from anew.
 * @vm: virtual machine; what is left of tables and containers is freed
 * @n: how often
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * what vfio_init() or vfio_map() returned.
 */
int vm_map(struct vm *vm, size_t n, struct iopt_err *err);

/**
 * vm_unmap() - Free tables and containers; nothing is reported of it.
 * @vm: virtual machine
 */
void vm_unmap(struct vm *vm);

/**
 * vm_watch() - Be called where the kernel could reschedule.
 * @vm: virtual machine that is mapped
 * @fn: called at each point of a teardown from now on; NULL for no more
 * @arg: for @fn
 */
void vm_watch(struct vm *vm, void (*fn)(void *arg), void *arg);

/**
 * vm_tear_down() - The operation: all ranges of one container go.
 * @vm: virtual machine that is mapped
 * @i: which container
 */
static inline void vm_tear_down(struct vm *vm, size_t i)
{
	vfio_unmap_all(&vm->containers[i]);
}

/**
 * vm_scan() - Do the lookups of a teardown, and nothing else.
 * @vm: virtual machine that is mapped
 * @i: which container
 *
 * Return: lookups.
 */
u64 vm_scan(struct vm *vm, size_t i);

/**
 * vm_check_mapped() - Is each range mapped to what is behind it?
 * @vm: virtual machine that is mapped
 * @i: which container
 * @err: gets the address that is not; may be NULL
 *
 * Cost: a lookup of each page, of a million evenly spread ones if there are
 * more.
 *
 * Return: 0;
 * -EINVAL when it is not.
 */
int vm_check_mapped(struct vm *vm, size_t i, struct iopt_err *err);

/**
 * vm_check_ended() - Is a teardown done, or stuck as it must be?
 * @vm: virtual machine
 * @i: which container
 * @ends: set to what is left and was done
 * @err: gets what is wrong; may be NULL
 *
 * Cost: a walk over the tables that are left.
 *
 * Return: 0;
 * -EINVAL when something is mapped still though nothing refused, when it got
 * stuck though the engine can do what the strategy asks for, or when other
 * pages were unpinned than those that are gone.
 */
int vm_check_ended(struct vm *vm, size_t i, struct vm_ends *ends,
		   struct iopt_err *err);

/**
 * vm_unpin_ps() - What unpinning its pages takes, by a profile.
 * @vm: virtual machine
 * @profile: prices
 *
 * Huge pages of 2M and more cost unpin_2m for each 2M, other memory unpin_4k
 * for each of the host's pages.
 *
 * Return: picoseconds for all of @pinned_bytes.
 */
u64 vm_unpin_ps(const struct vm *vm, const struct cost_profile *profile);

/**
 * vm_table_bytes() - Most memory of its tables, before there is one.
 * @c: case with these keys
 *
 * Return: bytes: exact but for the few tables of the upper levels, which are
 * counted as in the worst case.
 */
u64 vm_table_bytes(const struct bench_case *c);

/**
 * vm_steps() - About how long a teardown takes, or the mapping before it, in
 *	lookups of a page.
 * @c: case with these keys
 */
u64 vm_steps(const struct bench_case *c);

IOPT_END_DECLS

#endif

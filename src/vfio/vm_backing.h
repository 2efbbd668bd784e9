/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies behind a virtual machine's memory: for each byte of its DMA ranges
 * a physical address of the host, and how far the host's memory is contiguous
 * there.
 *
 * Words (the key backing of benchmarks):
 *	4K 16K 64K	the host's pages, each of them somewhere else; the word
 *			is the size of the host's page
 *	buddy<NN>	the host's pages as its page allocator hands them out
 *			when NN % of the free memory is in blocks smaller than a
 *			huge page; buddy0 is a host just booted
 *	thp<NN>		NN % of the huge-page sized chunks are huge pages, the
 *			others pages of a buddy100
 *	2M 1G		hugetlb pages on a host of 4K pages, each somewhere else
 *	32M		the same on a host of 16K pages
 *	512M		the same on a host of 64K pages
 *	live-4K live-thp live-2M live-1G, and so on for other hosts:
 *			memory allocated on this host that way, its frames read
 *			from /proc/self/pagemap
 *	file:PATH	frames that were recorded so, see vm_frames.h
 *	trace:NAME	frames of the guest's RAM in a recorded trace, one of
 *			data/traces or a file, which has a slash in it or ends
 *			in ".trace" or ".xz"
 *
 * Models: the contiguity of the host's memory, and that the host's virtual and
 *	the guest's physical addresses are congruent, as QEMU aligns its memory,
 *	so that huge pages can be mapped as blocks. ROMs and video memory are
 *	single host pages in every model.
 * Does not model: NUMA nodes of the host, memory that moves or is swapped,
 *	pages that are shared; see docs/layouts.md on each model.
 * Source: mm/page_alloc.c, mm/huge_memory.c, mm/hugetlb.c of Linux 6.12; the
 *	recorded frames in data/traces.
 */
#ifndef IOPT_VM_BACKING_H
#define IOPT_VM_BACKING_H

#include "err.h"
#include "types.h"
#include "vfio.h"
#include "vm_layout.h"

struct vm_backing;

IOPT_BEGIN_DECLS

/**
 * vm_backing_create() - Put memory behind a layout.
 * @word: how, see above
 * @layout: whose ranges; borrowed until vm_backing_destroy(). Its host_page is
 *	the host's
 * @oas: output address size in bits: all addresses are below 2^@oas
 * @seed: makes the places; the same seed gives the same places everywhere
 * @out: set to the backing; owned by the caller until vm_backing_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * No frame lies behind two addresses. Memory stays below 32 MiB for any layout,
 * but for frames that were recorded, which take 16 bytes a run. When a guest
 * has more RAM than was recorded, the recording is repeated in other frames;
 * when it has less, the beginning is taken. Recorded frames are moved to where
 * the models have the host's memory, and stay what they were modulo 1G.
 *
 * Return: 0;
 * -EINVAL when there is no such word, the host's pages are of another size
 * than it needs, the RAM is no multiple of its pages, a file is refused, or a
 * BAR lies where the host has its memory, from 64G on;
 * -ERANGE when an address would be above @oas;
 * -ENOENT when there is no such file;
 * -ENOMEM when there is no memory;
 * as vm_live_measure(), vm_frames_load() and vm_frames_from_trace() otherwise.
 * What vm_live_is_skip() says yes to is a reason to leave a live word out.
 */
int vm_backing_create(const char *word, const struct vm_layout *layout,
		      unsigned int oas, u64 seed, struct vm_backing **out,
		      struct iopt_err *err);

/**
 * vm_backing_memory() - The memory behind one range.
 * @backing: backing
 * @range: index into the layout's ranges
 *
 * Offsets of its run() count from the start of the range; a run ends at the end
 * of the range. It keeps no state.
 *
 * Cost: a run takes a hundred or so instructions, however large the layout is;
 * a binary search for recorded frames.
 *
 * Return: memory owned by @backing.
 */
const struct vfio_memory *vm_backing_memory(const struct vm_backing *backing,
					    size_t range);

/**
 * vm_backing_bytes() - Memory that the description itself takes.
 * @backing: backing
 */
u64 vm_backing_bytes(const struct vm_backing *backing);

/**
 * vm_backing_note() - What a result must say of this backing.
 * @backing: backing
 *
 * Return: a line, such as how much memory was recorded and where; "" when the
 * word says it all. Owned by @backing.
 */
const char *vm_backing_note(const struct vm_backing *backing);

/**
 * vm_backing_word_at() - The models' words for a host page, for listing them.
 * @host_page: in bytes
 * @i: from 0
 *
 * Return: a static word; NULL past the last.
 */
const char *vm_backing_word_at(u64 host_page, size_t i);

/**
 * vm_backing_destroy() - Free a backing.
 * @backing: from vm_backing_create(), or NULL
 */
void vm_backing_destroy(struct vm_backing *backing);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flush queue: unmapped ranges that wait, in lazy mode, for one
 * invalidation of the whole domain.
 *
 * Models: __iommu_dma_unmap(), the gather of which is queued in lazy mode;
 *	queue_iova() with its ring, which is full with one entry left free;
 *	fq_ring_free(), fq_flush_iotlb() and their flush counters.
 * Does not model: the timer, which flushes 10 ms after the first entry, or 1 s
 *	with a single queue: every flush here is that of a full queue, as under
 *	a load that fills it before; one queue a CPU and the lock of each; the
 *	list of freed tables, which is empty with Arm's page tables; the IOVA
 *	allocator, so that a freed range is only counted; bounce buffers and
 *	cache maintenance of the data.
 * Source: drivers/iommu/dma-iommu.c of Linux 6.1, 6.12 and 7.3: equal but for
 *	the single queue of 6.12 and later, for devices that are slow to flush.
 */
#ifndef IOPT_FLUSH_QUEUE_H
#define IOPT_FLUSH_QUEUE_H

#include "err.h"
#include "iommu.h"

/* Entries of a CPU's queue; of the single queue of 6.12 and later. */
#define FLUSH_QUEUE_ENTRIES	   256u
#define FLUSH_QUEUE_SINGLE_ENTRIES 32768u

/**
 * struct flush_queue_entry - A range that may still be in a TLB.
 * @iova: start in bytes
 * @size: bytes
 * @counter: flushes begun when it was added: one that began later covers it
 */
struct flush_queue_entry {
	u64 iova;
	u64 size;
	u64 counter;
};

/**
 * struct flush_queue - A queue; read only outside this module.
 * @domain: what is flushed; not owned
 * @nr_started: flushes begun
 * @nr_finished: flushes done
 * @nr_freed: entries ever taken out: from then on their IOVAs are used again
 * @head: index of the oldest entry
 * @tail: index behind the newest
 * @mask: entries in @entries, less 1
 * @entries: the ring; owned
 */
struct flush_queue {
	struct iommu_domain *domain;
	u64 nr_started;
	u64 nr_finished;
	u64 nr_freed;
	unsigned int head;
	unsigned int tail;
	unsigned int mask;
	struct flush_queue_entry *entries;
};

IOPT_BEGIN_DECLS

/**
 * flush_queue_create() - Create an empty queue.
 * @domain: domain; outlives the queue
 * @nr_entries: entries of the ring, a power of two from 2 up; one less fit in
 * @out: set to it, owned by the caller until flush_queue_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when @nr_entries is no such number;
 * -ENOMEM when there is no memory.
 */
int flush_queue_create(struct iommu_domain *domain, unsigned int nr_entries,
		       struct flush_queue **out, struct iopt_err *err);

/**
 * flush_queue_destroy() - Free a queue; what waits in it is not flushed.
 * @fq: from flush_queue_create(), or NULL
 *
 * A domain that goes away is invalidated whole, so the kernel does not flush
 * here either.
 */
void flush_queue_destroy(struct flush_queue *fq);

/**
 * flush_queue_add() - Add an unmapped range; flush first if the queue is full.
 * @fq: queue
 * @iova: start in bytes
 * @size: bytes
 *
 * The range does not gain from that flush: it waits for the next one.
 *
 * Cost: a full barrier and an entry; no allocation.
 *
 * Source: drivers/iommu/dma-iommu.c, queue_iova().
 */
void flush_queue_add(struct flush_queue *fq, u64 iova, u64 size);

/**
 * flush_queue_flush() - What the timer does: flush, and free all that waits.
 * @fq: queue
 *
 * Source: drivers/iommu/dma-iommu.c, fq_flush_timeout().
 */
void flush_queue_flush(struct flush_queue *fq);

/**
 * flush_queue_nr() - Entries that wait.
 * @fq: queue
 */
static inline unsigned int flush_queue_nr(const struct flush_queue *fq)
{
	return (fq->tail - fq->head) & fq->mask;
}

/**
 * iommu_dma_unmap() - Unmap a buffer as the DMA API does.
 * @domain: domain
 * @fq: its queue in lazy mode; NULL in strict mode, where the call syncs
 * @iova: input address in bytes
 * @size: bytes
 *
 * An engine that had to sync in the midst of a lazy unmap leaves a gather that
 * is queued no more: then the call syncs and queues nothing.
 *
 * Return: as iommu_unmap_fast(); the kernel warns when it is not @size.
 *
 * Source: drivers/iommu/dma-iommu.c, __iommu_dma_unmap().
 */
size_t iommu_dma_unmap(struct iommu_domain *domain, struct flush_queue *fq,
		       u64 iova, size_t size);

IOPT_END_DECLS

#endif

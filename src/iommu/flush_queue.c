// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flush queue of the DMA API's lazy mode.
 *
 * Models, Does not model, Source: see flush_queue.h.
 */
#include "flush_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "barrier.h"

int flush_queue_create(struct iommu_domain *domain, unsigned int nr_entries,
		       struct flush_queue **out, struct iopt_err *err)
{
	struct flush_queue *fq;

	if (nr_entries < 2 || nr_entries & (nr_entries - 1))
		return iopt_err_set(err, -EINVAL,
				    "a flush queue of %u entries: must be a "
				    "power of two from 2 up",
				    nr_entries);
	fq = calloc(1, sizeof(*fq));
	if (fq)
		fq->entries = calloc(nr_entries, sizeof(*fq->entries));
	if (!fq || !fq->entries) {
		free(fq);
		return iopt_err_set(err, -ENOMEM,
				    "no memory for a flush queue of %u entries",
				    nr_entries);
	}
	fq->domain = domain;
	fq->mask = nr_entries - 1;
	*out = fq;
	return 0;
}

void flush_queue_destroy(struct flush_queue *fq)
{
	if (!fq)
		return;
	free(fq->entries);
	free(fq);
}

static bool is_full(const struct flush_queue *fq)
{
	return ((fq->tail + 1) & fq->mask) == fq->head;
}

/* Entries are in the order of their counters: stop at the first too young. */
static void free_flushed(struct flush_queue *fq)
{
	while (fq->head != fq->tail &&
	       fq->entries[fq->head].counter < fq->nr_finished) {
		fq->head = (fq->head + 1) & fq->mask;
		fq->nr_freed++;
	}
}

static void flush(struct flush_queue *fq)
{
	fq->nr_started++;
	iommu_flush_iotlb_all(fq->domain);
	fq->nr_finished++;
}

void flush_queue_add(struct flush_queue *fq, u64 iova, u64 size)
{
	/* A flush by any CPU from here on covers the cleared descriptors. */
	smp_mb();
	free_flushed(fq);
	if (is_full(fq)) {
		flush(fq);
		free_flushed(fq);
	}
	fq->entries[fq->tail] = (struct flush_queue_entry){
		.iova = iova,
		.size = size,
		.counter = fq->nr_started,
	};
	fq->tail = (fq->tail + 1) & fq->mask;
}

void flush_queue_flush(struct flush_queue *fq)
{
	flush(fq);
	free_flushed(fq);
}

size_t iommu_dma_unmap(struct iommu_domain *domain, struct flush_queue *fq,
		       u64 iova, size_t size)
{
	struct gather gather;
	size_t unmapped;

	gather_init(&gather);
	gather.queued = fq != NULL;
	unmapped = iommu_unmap_fast(domain, iova, size, &gather);
	if (gather.queued)
		flush_queue_add(fq, iova, size);
	else
		iommu_iotlb_sync(domain, &gather);
	return unmapped;
}

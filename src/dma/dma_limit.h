/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory this process may have pinned.
 *
 * Models: RLIMIT_MEMLOCK, which type1 does not hold against CAP_IPC_LOCK and
 *	iommufd not against CAP_SYS_RESOURCE.
 * Does not model: what the process, or for iommufd its user, has pinned or
 *	locked already.
 * Source: vfio_lock_acct() in drivers/vfio/vfio_iommu_type1.c,
 *	iopt_alloc_pages() in drivers/iommu/iommufd/pages.c of Linux 6.12.
 */
#ifndef IOPT_DMA_LIMIT_H
#define IOPT_DMA_LIMIT_H

#include "dma_space.h"

IOPT_BEGIN_DECLS

/**
 * dma_limit_check() - May so much be pinned?
 * @way: who counts
 * @bytes: most that is mapped at a time
 * @err: gets the limit and what is needed; may be NULL
 *
 * Return: 0; -EPERM when it is above the limit.
 */
int dma_limit_check(enum dma_way way, u64 bytes, struct iopt_err *err);

IOPT_END_DECLS

#endif

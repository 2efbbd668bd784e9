/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA API for a device behind no IOMMU that does not snoop.
 *
 * Models: dma-direct of arm64: DMA addresses are physical; handing memory to
 *	the device cleans its cache lines; taking back what the device only
 *	read does nothing.
 * Does not model: swiotlb, DMA offsets, dma-debug.
 */
#ifndef SHIM_LINUX_DMA_MAPPING_H
#define SHIM_LINUX_DMA_MAPPING_H

#include <linux/mm.h>
#include <linux/types.h>

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};

static inline dma_addr_t dma_map_single(struct device *dev, void *va,
					size_t size,
					enum dma_data_direction dir)
{
	(void)dev;
	(void)dir;
	shim_host.clean(va, size);
	return virt_to_phys(va);
}

static inline void dma_unmap_single(struct device *dev, dma_addr_t dma,
				    size_t size, enum dma_data_direction dir)
{
	(void)dev;
	(void)dma;
	(void)size;
	(void)dir;
}

static inline int dma_mapping_error(struct device *dev, dma_addr_t dma)
{
	(void)dev;
	(void)dma;
	return 0;
}

static inline void dma_sync_single_for_device(struct device *dev,
					      dma_addr_t dma, size_t size,
					      enum dma_data_direction dir)
{
	(void)dev;
	(void)dir;
	shim_host.clean(phys_to_virt(dma), size);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door of a module; compiled once for each Linux tree.
 *
 * Models: a driver that creates a table with alloc_io_pgtable_ops() and tells
 *	the hardware where it is.
 * Does not model: quirks; the invalidation of a whole domain when it is freed,
 *	which is the driver's.
 * Source: include/linux/io-pgtable.h; drivers/iommu/arm/arm-smmu-v3/
 *	arm-smmu-v3.c, arm_smmu_domain_finalise().
 */
#include "kmodule.h"

#include <linux/io-pgtable.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <stdio.h>
#include <sys/mman.h>

#ifdef SHIM_SELFTEST
#include "selftest.h"
#endif

struct shim_mem shim_mem;
struct kmodule_host shim_host;

static u64 nr_warnings;
static u64 nr_tables;
static char first_warning[256];

void shim_warn(const char *file, int line, const char *text)
{
	if (!__atomic_fetch_add(&nr_warnings, 1, __ATOMIC_RELAXED))
		snprintf(first_warning, sizeof(first_warning), "%s:%d: %s",
			 file, line, text);
	if (shim_host.warn)
		shim_host.warn(file, line, text);
}

static u64 kmodule_nr_warnings(void)
{
	return __atomic_load_n(&nr_warnings, __ATOMIC_RELAXED);
}

static const char *kmodule_first_warning(void)
{
	return first_warning;
}

static size_t pages_bytes(size_t size)
{
	return DIV_ROUND_UP(size, PAGE_SIZE) * sizeof(struct page);
}

static void kmodule_unbind(void)
{
	if (shim_mem.pages)
		munmap(shim_mem.pages, pages_bytes(shim_mem.size));
	shim_mem = (struct shim_mem){ .base = NULL };
}

static int kmodule_bind(const struct kmodule_host *host,
			const struct kmodule_mem *mem)
{
	void *pages;

	shim_host = *host;
	if (shim_mem.base == mem->base && shim_mem.size == mem->size &&
	    shim_mem.pa_offset == mem->pa_offset) {
		shim_mem.ctx = mem->ctx;
		return 0;
	}
	if (__atomic_load_n(&nr_tables, __ATOMIC_RELAXED))
		return -EBUSY;
	kmodule_unbind();
	pages = mmap(NULL, pages_bytes(mem->size), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages == MAP_FAILED)
		return -ENOMEM;
	madvise(pages, pages_bytes(mem->size), MADV_HUGEPAGE);
	shim_mem = (struct shim_mem){
		.pa_offset = mem->pa_offset,
		.base = mem->base,
		.size = mem->size,
		.pages = pages,
		.ctx = mem->ctx,
	};
	return 0;
}

static void flush_nothing(void *cookie)
{
	(void)cookie;
}

/* The same three calls; the kernel has no sync among a table's callbacks. */
static struct iommu_flush_ops *flush_ops_create(const struct inval_ops *tlb)
{
	struct iommu_flush_ops *ops = kmalloc(sizeof(*ops), GFP_KERNEL);

	if (ops)
		*ops = (struct iommu_flush_ops){
			.tlb_flush_all = tlb->flush_all,
			.tlb_flush_walk = tlb->flush_walk,
			.tlb_add_page = tlb->add_page,
		};
	return ops;
}

static const enum io_pgtable_fmt formats[KMODULE_NR_FMTS] = {
	[KMODULE_S1] = ARM_64_LPAE_S1,
	[KMODULE_S2] = ARM_64_LPAE_S2,
	[KMODULE_MALI] = ARM_MALI_LPAE,
	[KMODULE_V7S] = ARM_V7S,
};

/* What the registers of the SMMU, or of a GPU, are told. */
static void table_shape(struct kmodule_table *table,
			const struct io_pgtable_cfg *cfg, enum kmodule_fmt fmt)
{
	unsigned int lg2_granule = (unsigned int)__ffs(cfg->pgsize_bitmap);
	unsigned int bits = lg2_granule - 3, in = cfg->ias - lg2_granule;
	u64 root = 0;

	table->ias = cfg->ias;
	table->oas = cfg->oas;
	table->pgsizes = cfg->pgsize_bitmap;
	table->bits_per_level = bits;
	table->start_level = 4 - (unsigned int)DIV_ROUND_UP(in, bits);
	switch (fmt) {
	case KMODULE_S1:
		root = cfg->arm_lpae_s1_cfg.ttbr;
		break;
	case KMODULE_S2:
		root = cfg->arm_lpae_s2_cfg.vttbr;
		table->start_level =
			(~cfg->arm_lpae_s2_cfg.vtcr.sl - (lg2_granule == 12)) &
			3;
		break;
	case KMODULE_MALI:
		root = cfg->arm_mali_lpae_cfg.transtab & ~(PAGE_SIZE - 1);
		table->start_level = 0;
		break;
	default:
		root = cfg->arm_v7s_cfg.ttbr & ~0x3fffu;
		table->start_level = 1;
		table->bits_per_level = 8;
		table->top_bits = cfg->ias - 20;
	}
	if (fmt != KMODULE_V7S)
		table->top_bits = in - bits * (3 - table->start_level);
	table->root = phys_to_virt(root);
}

#ifdef SHIM_HAS_CUSTOM_ALLOC
static void *custom_alloc(void *cookie, size_t size, gfp_t gfp)
{
	(void)cookie;
	(void)gfp;
	return shim_host.alloc(shim_mem.ctx, size);
}

static void custom_free(void *cookie, void *pages, size_t size)
{
	(void)cookie;
	shim_host.free(shim_mem.ctx, pages, size);
}
#endif

static int set_custom_alloc(struct io_pgtable_cfg *cfg)
{
#ifdef SHIM_HAS_CUSTOM_ALLOC
	cfg->alloc = custom_alloc;
	cfg->free = custom_free;
	return 0;
#else
	(void)cfg;
	return -EOPNOTSUPP;
#endif
}

static const struct kmodule door;

static int kmodule_create(const struct kmodule_cfg *cfg,
			  struct kmodule_table *table)
{
	struct io_pgtable_cfg kcfg = {
		.pgsize_bitmap = cfg->pgsizes,
		.ias = cfg->ias,
		.oas = cfg->oas,
		.coherent_walk = cfg->coherent_walk,
	};
	struct iommu_flush_ops *tlb;
	struct io_pgtable_ops *ops;

	if (!door.has_fmt[cfg->fmt] ||
	    (cfg->wants_custom_alloc && set_custom_alloc(&kcfg)))
		return -EOPNOTSUPP;
	tlb = flush_ops_create(cfg->tlb);
	if (!tlb)
		return -EINVAL;
	kcfg.tlb = tlb;
	ops = alloc_io_pgtable_ops(formats[cfg->fmt], &kcfg, cfg->cookie);
	if (!ops) {
		kfree(tlb);
		return -EINVAL;
	}
	__atomic_fetch_add(&nr_tables, 1, __ATOMIC_RELAXED);
	*table = (struct kmodule_table){
		.map_pages = ops->map_pages,
		.unmap_pages = ops->unmap_pages,
		.iova_to_phys = ops->iova_to_phys,
		.ops = ops,
		.gfp = GFP_KERNEL,
	};
	table_shape(table, &io_pgtable_ops_to_pgtable(ops)->cfg, cfg->fmt);
	return 0;
}

/* free_io_pgtable_ops() says flush_all first: a domain's end, not a table's. */
static void kmodule_destroy(struct kmodule_table *table)
{
	struct io_pgtable_cfg *cfg =
		&io_pgtable_ops_to_pgtable(table->ops)->cfg;
	struct iommu_flush_ops *tlb = (struct iommu_flush_ops *)cfg->tlb;

	tlb->tlb_flush_all = flush_nothing;
	free_io_pgtable_ops(table->ops);
	kfree(tlb);
	__atomic_fetch_sub(&nr_tables, 1, __ATOMIC_RELAXED);
}

static const struct kmodule door = {
	.abi = KMODULE_ABI,
	.label = KMODULE_LABEL,
	.version = KMODULE_VERSION,
	.revision = KMODULE_REVISION,
	.rule = KMODULE_RULE,
	.cc = KMODULE_CC,
	.cflags = KMODULE_CFLAGS,
#ifdef KMODULE_COUNTED
	.is_counted = true,
#endif
	.has_fmt = {
		[KMODULE_S1] = true,
		[KMODULE_S2] = true,
		[KMODULE_MALI] = true,
#ifdef CONFIG_IOMMU_IO_PGTABLE_ARMV7S
		[KMODULE_V7S] = true,
#endif
	},
#ifdef SHIM_HAS_CUSTOM_ALLOC
	.has_custom_alloc = true,
#endif
	.bind = kmodule_bind,
	.unbind = kmodule_unbind,
	.create = kmodule_create,
	.destroy = kmodule_destroy,
	.nr_warnings = kmodule_nr_warnings,
#ifdef SHIM_SELFTEST
	.selftest = shim_selftest,
#endif
	.first_warning = kmodule_first_warning,
};

__attribute__((visibility("default"))) const struct kmodule *kmodule(void)
{
	return &door;
}

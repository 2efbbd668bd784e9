/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of a module, of any of its formats. */
#ifndef IOPT_KERNEL_TABLE_H
#define IOPT_KERNEL_TABLE_H

#include "kernel.h"

/**
 * struct kernel_table_cfg - What depends on the format.
 * @fmt: format, as the module knows it
 * @pgsizes: leaf sizes to ask for
 * @format: format, as the suite knows it
 * @leaf_walk: see struct pgtable_ops
 */
struct kernel_table_cfg {
	enum kmodule_fmt fmt;
	u64 pgsizes;
	enum pgtable_format format;
	int (*leaf_walk)(struct pgtable *pgt, u64 iova,
			 struct pgtable_leaf *leaf);
};

IOPT_BEGIN_DECLS

/**
 * kernel_table_create() - Make an empty table of a module.
 * @module: door
 * @cfg: as for pgtable_create()
 * @table: what depends on the format
 * @out: set to the table
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EBUSY when the module has tables in another arena;
 * -EINVAL, -EOPNOTSUPP when the kernel makes no such table;
 * -ENOMEM when there is no memory.
 */
int kernel_table_create(const struct kmodule *module,
			const struct pgtable_cfg *cfg,
			const struct kernel_table_cfg *table,
			struct pgtable **out, struct iopt_err *err);

/**
 * kernel_v7s_create() - Make an empty table of short descriptors.
 * @module: door of a tree that has them
 * @cfg: stage 1, 4K, 32 bits; an arena below 4G
 * @out: set to the table
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: what kernel_table_create() returns, and
 * -EINVAL when @cfg is not as described.
 */
int kernel_v7s_create(const struct kmodule *module,
		      const struct pgtable_cfg *cfg, struct pgtable **out,
		      struct iopt_err *err);

IOPT_END_DECLS

#endif

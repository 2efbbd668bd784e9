/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The io-pgtable-arm.c of Linux trees as engines.
 *
 * A module is built from a tree by scripts/kernel.py; here it becomes one more
 * engine of the process, "kernel-<label>", and one of short descriptors,
 * "kernel-<label>-v7s", where the tree has them.
 *
 * Models: the way from a driver's map_pages, unmap_pages and iova_to_phys into
 *	struct io_pgtable_ops: an indirect call with the kernel's arguments.
 * Does not model: what the driver does around it; that is iommu.h and tlbsim.h.
 * Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, arm_smmu_map_pages(),
 *	arm_smmu_unmap_pages(), arm_smmu_iova_to_phys().
 */
#ifndef IOPT_KERNEL_H
#define IOPT_KERNEL_H

#include "err.h"
#include "kmodule.h"
#include "pgtable.h"

struct kernel_set;

IOPT_BEGIN_DECLS

/**
 * kernel_set_create() - Load modules.
 * @paths: files that scripts/kernel.py built; the counted twin of X.so is
 *	X.counted.so, without one nothing can be counted
 * @nr: entries in @paths, 0 for an empty set
 * @out: set to the set, owned by the caller until kernel_set_destroy()
 * @err: gets the reason of a failure; may be NULL
 *
 * Each tree is asked what it does where kernels differ, on a table of its own.
 * The module keeps its memory between tables, so that its tables live in one
 * arena at a time.
 *
 * Return: 0;
 * -EINVAL when a file is no module, or one of another version of the suite;
 * -EEXIST when two trees have the same label;
 * -ENOMEM when there is no memory.
 */
int kernel_set_create(const char *const *paths, size_t nr,
		      struct kernel_set **out, struct iopt_err *err);

/**
 * kernel_set_destroy() - Unload modules; none of their tables is left.
 * @set: from kernel_set_create(), or NULL
 */
void kernel_set_destroy(struct kernel_set *set);

/**
 * kernel_set_engines() - The engines of the modules.
 * @set: set, or NULL
 *
 * Return: a set that lives as long as @set; NULL when @set is.
 */
const struct pgtable_engine_set *
kernel_set_engines(const struct kernel_set *set);

/**
 * kernel_set_module() - The modules by number, as given.
 * @set: set, or NULL for none
 * @i: from 0
 * @is_counted: its counted twin
 *
 * Return: the door of a module; NULL past the last, or without a twin.
 */
const struct kmodule *kernel_set_module(const struct kernel_set *set, size_t i,
					bool is_counted);

/**
 * kernel_module_bind() - Let a module's tables lie in an arena.
 * @module: door
 * @arena: arena, for as long as the module has tables
 * @err: gets the reason of a failure; may be NULL
 *
 * Engines do this themselves; for callers of kmodule.create().
 *
 * Return: 0;
 * -EBUSY when a table of the module lives in another arena;
 * -ENOMEM when there is no memory.
 */
int kernel_module_bind(const struct kmodule *module, struct arena *arena,
		       struct iopt_err *err);

IOPT_END_DECLS

#endif

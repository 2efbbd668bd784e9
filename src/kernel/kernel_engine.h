/* SPDX-License-Identifier: GPL-2.0-only */
/* What the loader and the engines of src/kernel share. */
#ifndef IOPT_KERNEL_ENGINE_H
#define IOPT_KERNEL_ENGINE_H

#include "kernel.h"

#define KERNEL_NAME_MAX 96

/**
 * struct kernel_engine - An engine of a module.
 * @engine: as the suite knows it; first, so that one is cast into the other
 * @name: its word
 * @timed: door of the module
 * @counted: door of its counted twin, or NULL
 * @is_v7s: of short descriptors
 */
struct kernel_engine {
	struct pgtable_engine engine;
	char name[KERNEL_NAME_MAX];
	const struct kmodule *timed;
	const struct kmodule *counted;
	bool is_v7s;
};

IOPT_BEGIN_DECLS

/**
 * kernel_engine_init() - Make an engine of a module.
 * @e: caller's; name, timed, counted and is_v7s are set
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when the module does nothing that a page table does;
 * -ENOMEM when there is no memory.
 */
int kernel_engine_init(struct kernel_engine *e, struct iopt_err *err);

/**
 * kernel_probe() - Ask an engine what it does where kernels differ.
 * @e: engine that can create tables
 * @params: set to what it does; the ways to walk cannot be told apart, but for
 *	the one that is wrong
 * @partial_fault: set when a part of a section cannot be unmapped without
 *	harm, to a static text; otherwise as it was
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when it does none of what is known;
 * -ENOMEM when there is no memory.
 */
int kernel_probe(const struct kernel_engine *e, struct pgtable_params *params,
		 const char **partial_fault, struct iopt_err *err);

IOPT_END_DECLS

#endif

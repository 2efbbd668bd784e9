/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the families map and unmap share: calls of map_pages and unmap_pages
 * on slots of leaves, and the states of the tables that they may find.
 */
#ifndef IOPT_LEAVES_H
#define IOPT_LEAVES_H

#include "tables.h"

/* What a call finds; the values of the key "cache". */
enum leaves_state {
	LEAVES_WARM,	 /* tables are there, descriptors in the caches */
	LEAVES_COLD,	 /* tables are there, descriptors in no cache */
	LEAVES_FRESH,	 /* the table of the leaves has to be made */
	LEAVES_LEFTOVER, /* an empty table is in the place of each leaf */
};

/**
 * struct leaves - Context of a case of map or unmap.
 * @t: tables; a slot holds the leaves of one call
 * @state: what a call finds
 * @nr_ready: slots that have had their tables made
 * @errors: return values of map_pages, or'ed; 0 when all was well
 * @bytes: bytes that map_pages or unmap_pages said
 */
struct leaves {
	struct tables t;
	enum leaves_state state;
	u64 nr_ready;
	int errors;
	u64 bytes;
};

IOPT_BEGIN_DECLS

/**
 * leaves_exist() - Is a combination of the keys of a case possible?
 * @c: case with the keys granule, size, count, cache and walker
 */
bool leaves_exist(const struct bench_case *c);

/**
 * leaves_setup() - The hook setup of both families.
 */
int leaves_setup(const struct bench_env *env, const struct bench_case *c,
		 enum bench_phase phase, void **ctx, struct iopt_err *err);

/**
 * leaves_teardown() - The hook teardown of both families.
 */
void leaves_teardown(void *ctx);

/**
 * leaves_max_n() - The hook max_n of both families.
 */
u64 leaves_max_n(void *ctx);

/**
 * leaves_prepare_tables() - Bring the tables into the state of the case.
 * @l: context; no leaf is mapped
 * @n: slots
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -ENOMEM when there is no memory;
 * -EINVAL when a table cannot be mapped or unmapped as it must.
 */
int leaves_prepare_tables(struct leaves *l, u64 n, struct iopt_err *err);

/**
 * leaves_map_all() - One map_pages a slot.
 * @l: context; adds to errors and bytes
 * @n: slots
 */
void leaves_map_all(struct leaves *l, u64 n);

/**
 * leaves_unmap_all() - One unmap_pages a slot, with a gather and a sync each.
 * @l: context; adds to bytes
 * @n: slots
 */
void leaves_unmap_all(struct leaves *l, u64 n);

/**
 * leaves_check_bytes() - Did the calls say what they should, and no error?
 * @l: context; errors and bytes are reset
 * @n: slots that were mapped or unmapped since the last check
 * @err: gets what is wrong; may be NULL
 *
 * Return: 0;
 * -EINVAL when they did not.
 */
int leaves_check_bytes(struct leaves *l, u64 n, struct iopt_err *err);

IOPT_END_DECLS

#endif

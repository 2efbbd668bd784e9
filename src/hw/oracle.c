// SPDX-License-Identifier: GPL-2.0-only
/*
 * The coherence oracle.
 *
 * Models, Does not model, Source: see oracle.h.
 */
#include "oracle.h"

#include "lg2.h"
#include "sizes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * struct range - A deferred range.
 * @iova: start in bytes
 * @last: last address
 */
struct range {
	u64 iova;
	u64 last;
};

/**
 * struct oracle - An oracle.
 * @context: what it watches
 * @hw: whose caches it examines
 * @shadow: what may be cached
 * @counts: what was found
 * @findings: the first of them
 * @nr_findings: how many of them
 * @deferred: ranges whose leaves may still be cached
 * @nr_deferred: how many
 * @max_deferred: room for how many
 * @err: 0; -ENOMEM when a range could not be kept
 */
struct oracle {
	struct hw_context context;
	struct hw *hw;
	struct shadow shadow;
	struct oracle_counts counts;
	struct oracle_finding findings[ORACLE_MAX_FINDINGS];
	size_t nr_findings;
	struct range *deferred;
	size_t nr_deferred;
	size_t max_deferred;
	int err;
};

static void keep(struct oracle *oracle, const struct oracle_finding *finding)
{
	if (oracle->nr_findings < ORACLE_MAX_FINDINGS)
		oracle->findings[oracle->nr_findings++] = *finding;
}

static void report_break(void *arg, const struct shadow_break *brk)
{
	struct oracle *oracle = arg;

	oracle->counts.bbm_violations++;
	keep(oracle, &(struct oracle_finding){
			     .kind = ORACLE_BBM,
			     .level = brk->level,
			     .lg2_size = brk->lg2_size,
			     .iova = brk->iova,
			     .was = brk->was,
			     .now = brk->now,
		     });
}

int oracle_create(const struct hw_context *context, struct hw *hw,
		  struct oracle **out, struct iopt_err *err)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));

	if (!oracle)
		return iopt_err_set(err, -ENOMEM, "no memory for an oracle");
	oracle->context = *context;
	oracle->hw = hw;
	oracle->shadow = (struct shadow){
		.table = context->table,
		.tag = context->tag,
		.is_strict = hw->iotlb.is_strict,
		.report = report_break,
		.arg = oracle,
	};
	shadow_init(&oracle->shadow);
	*out = oracle;
	return 0;
}

void oracle_destroy(struct oracle *oracle)
{
	if (!oracle)
		return;
	shadow_fini(&oracle->shadow);
	free(oracle->deferred);
	free(oracle);
}

int oracle_grow(struct oracle *oracle, const struct walk_table *table)
{
	oracle->context.table = *table;
	return shadow_grow(&oracle->shadow, table);
}

int oracle_look(struct oracle *oracle)
{
	int ret = shadow_look(&oracle->shadow);

	return ret ? ret : oracle->err;
}

void oracle_invalidate(struct oracle *oracle, const struct hw_inval *inval)
{
	/* A failure stays, and the next look returns it. */
	shadow_invalidate(&oracle->shadow, inval);
}

void oracle_defer(struct oracle *oracle, u64 iova, u64 size)
{
	if (oracle->nr_deferred == oracle->max_deferred) {
		size_t max =
			oracle->max_deferred ? oracle->max_deferred * 2 : 16;
		void *p = realloc(oracle->deferred,
				  max * sizeof(*oracle->deferred));

		if (!p) {
			oracle->err = -ENOMEM;
			return;
		}
		oracle->deferred = p;
		oracle->max_deferred = max;
	}
	oracle->deferred[oracle->nr_deferred++] =
		(struct range){ iova, iova + size - 1 };
}

void oracle_defer_end(struct oracle *oracle)
{
	oracle->nr_deferred = 0;
}

static bool is_deferred(const struct oracle *oracle, u64 iova, u64 last)
{
	for (size_t i = 0; i < oracle->nr_deferred; i++)
		if (iova <= oracle->deferred[i].last &&
		    last >= oracle->deferred[i].iova)
			return true;
	return false;
}

/* Does the table have what an entry was made from? */
static bool is_current(const struct tcache_entry *entry,
		       const struct walk_desc *now)
{
	if (entry->span.is_table)
		return now->kind == WALK_TABLE && now->paddr == entry->paddr;
	return now->kind == WALK_LEAF && now->paddr == entry->paddr &&
	       now->lg2_size == entry->span.lg2_size &&
	       now->attrs == entry->attrs && now->prot == entry->prot;
}

static void check_entry(struct oracle *oracle, struct tcache_entry *entry)
{
	const struct hw_span *span = &entry->span;
	u64 last = span->iova + lg2_mask(span->lg2_size);
	struct walk_desc now =
		walk_find(&oracle->context.table, span->iova, span->level);
	bool was_stale = entry->is_stale;

	oracle->counts.nr_checked++;
	entry->is_stale = !is_current(entry, &now);
	if (!entry->is_stale)
		return;
	if (!span->is_table && is_deferred(oracle, span->iova, last)) {
		entry->is_stale = was_stale;
		return;
	}
	if (was_stale)
		return;
	oracle->counts.stale_after_sync++;
	if (span->is_table)
		oracle->counts.stale_tables++;
	else
		oracle->counts.stale_leaves++;
	keep(oracle,
	     &(struct oracle_finding){
		     .kind = span->is_table ? ORACLE_STALE_TABLE :
					      ORACLE_STALE_LEAF,
		     .level = span->level,
		     .lg2_size = span->lg2_size,
		     .iova = span->iova,
		     .was = { .kind = span->is_table ? WALK_TABLE : WALK_LEAF,
			      .lg2_size = span->lg2_size,
			      .paddr = entry->paddr,
			      .attrs = entry->attrs,
			      .prot = entry->prot },
		     .now = now,
	     });
}

static void check_cache(struct oracle *oracle, const struct tcache *cache)
{
	for (size_t i = 0; i < tcache_nr_entries(cache); i++) {
		struct tcache_entry *entry = &cache->entries[i];

		if (entry->is_valid &&
		    hw_tag_eq(entry->span.tag, oracle->context.tag))
			check_entry(oracle, entry);
	}
}

int oracle_check(struct oracle *oracle)
{
	oracle->counts.nr_checks++;
	check_cache(oracle, &oracle->hw->iotlb.cache);
	for (unsigned int i = 0; i < WALK_NR_LEVELS - 1; i++)
		check_cache(oracle, &oracle->hw->walker.caches[i]);
	return oracle_look(oracle);
}

static struct walk_desc desc_of(enum walk_fault fault, u8 lg2_size, u64 paddr)
{
	return (struct walk_desc){
		.kind = fault ? WALK_NONE : WALK_LEAF,
		.fault = fault,
		.lg2_size = lg2_size,
		.paddr = paddr,
	};
}

enum walk_fault oracle_access(struct oracle *oracle, u64 iova, int prot,
			      struct hw_result *res)
{
	struct walk_result right;

	walk_lookup(&oracle->context.table, iova, &right);
	if (!right.fault && (prot & ~right.prot))
		right.fault = WALK_PERMISSION;
	hw_translate(oracle->hw, &oracle->context, iova, prot, res);
	if ((res->fault && right.fault) ||
	    (res->fault == right.fault && res->paddr == right.paddr) ||
	    is_deferred(oracle, iova, iova))
		return res->fault;
	oracle->counts.stale_accesses++;
	keep(oracle,
	     &(struct oracle_finding){
		     .kind = ORACLE_ACCESS,
		     .level = res->level,
		     .lg2_size = res->lg2_size,
		     .iova = iova,
		     .was = desc_of(res->fault, res->lg2_size, res->paddr),
		     .now = desc_of(right.fault, right.lg2_size, right.paddr),
	     });
	return res->fault;
}

struct oracle_counts oracle_counts(const struct oracle *oracle)
{
	return oracle->counts;
}

const struct oracle_finding *oracle_finding(const struct oracle *oracle,
					    size_t i)
{
	return i < oracle->nr_findings ? &oracle->findings[i] : NULL;
}

/* "the leaf to 0x40000000", "a table", "nothing". */
static const char *desc_text(const struct walk_desc *d, char text[48])
{
	if (d->kind == WALK_LEAF)
		snprintf(text, 48, "a leaf to 0x%" PRIx64, d->paddr);
	else if (d->kind == WALK_TABLE)
		snprintf(text, 48, "a table at 0x%" PRIx64, d->paddr);
	else
		snprintf(text, 48, "nothing");
	return text;
}

const char *oracle_finding_text(const struct oracle_finding *finding,
				char text[ORACLE_TEXT_MAX])
{
	char size[SIZE_TEXT_MAX], was[48], now[48];
	const char *format;

	size_format(1ull << finding->lg2_size, size);
	desc_text(&finding->was, was);
	desc_text(&finding->now, now);
	switch (finding->kind) {
	case ORACLE_BBM:
		format = "level %u, %s at 0x%" PRIx64 ": %s became %s without "
			 "break-before-make";
		if (finding->was.kind == WALK_NONE)
			snprintf(was, sizeof(was), "entries below");
		break;
	case ORACLE_ACCESS:
		format = "level %u, %s, access to 0x%" PRIx64
			 ": found %s where the table has %s";
		break;
	default:
		format = "level %u, %s at 0x%" PRIx64
			 ": %s is still cached, the table has %s";
	}
	snprintf(text, ORACLE_TEXT_MAX, format, finding->level, size,
		 finding->iova, was, now);
	return text;
}

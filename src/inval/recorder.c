// SPDX-License-Identifier: GPL-2.0-only
/* The recorder: counts what a page table says of invalidation, and lists it. */
#include "recorder.h"

#include <stdlib.h>

static void record(struct recorder *rec, struct inval_event event)
{
	if (!rec->wants_list)
		return;
	if (rec->nr_events == rec->max_events) {
		size_t max = rec->max_events ? rec->max_events * 2 : 64;
		void *p = realloc(rec->events, max * sizeof(*rec->events));

		if (!p) {
			rec->nr_lost++;
			return;
		}
		rec->events = p;
		rec->max_events = max;
	}
	rec->events[rec->nr_events++] = event;
}

static void recorder_flush_all(void *cookie)
{
	struct recorder *rec = cookie;

	rec->counts.nr_all++;
	record(rec, (struct inval_event){ .kind = INVAL_ALL });
}

static void recorder_flush_walk(u64 iova, size_t size, size_t granule,
				void *cookie)
{
	struct recorder *rec = cookie;

	rec->counts.nr_walks++;
	record(rec, (struct inval_event){ INVAL_WALK, iova, size, granule });
}

static void recorder_add_page(struct gather *gather, u64 iova, size_t granule,
			      void *cookie)
{
	struct recorder *rec = cookie;

	rec->counts.nr_pages++;
	record(rec, (struct inval_event){ INVAL_PAGE, iova, granule, granule });
	if (!gather)
		return;
	if (rec->rule->immediate) {
		gather->pgsize = granule;
		gather_add_range(gather, iova, granule);
		return;
	}
	if (rec->rule->widens)
		gather_widen(gather, iova, granule);
	else
		gather_add_page(gather, &inval_recorder_ops, rec, iova,
				granule);
}

static void recorder_sync(struct gather *gather, void *cookie)
{
	struct recorder *rec = cookie;

	if (!gather->pgsize)
		return;
	rec->counts.nr_syncs++;
	record(rec, (struct inval_event){
			    .kind = INVAL_SYNC,
			    .iova = gather->start,
			    .size = gather->last - gather->start + 1,
			    .granule = gather->pgsize,
		    });
}

const struct inval_ops inval_recorder_ops = {
	.flush_all = recorder_flush_all,
	.flush_walk = recorder_flush_walk,
	.add_page = recorder_add_page,
	.sync = recorder_sync,
};

void recorder_init(struct recorder *rec, const struct gather_rule *rule,
		   bool wants_list)
{
	*rec = (struct recorder){ .rule = rule, .wants_list = wants_list };
}

void recorder_reset(struct recorder *rec)
{
	rec->counts = (struct inval_counts){ 0 };
	rec->nr_events = 0;
	rec->nr_lost = 0;
}

void recorder_fini(struct recorder *rec)
{
	free(rec->events);
	rec->events = NULL;
	rec->nr_events = rec->max_events = 0;
}

const char *inval_kind_name(enum inval_kind kind)
{
	static const char *const names[] = { "all", "walk", "page", "sync" };

	return names[kind];
}

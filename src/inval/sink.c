// SPDX-License-Identifier: GPL-2.0-only
/* The sink: gathers as a driver does and sends nothing. */
#include "sink.h"

static void sink_flush_all(void *cookie)
{
	(void)cookie;
}

static void sink_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	(void)iova;
	(void)size;
	(void)granule;
	(void)cookie;
}

static void sink_add_page(struct gather *gather, u64 iova, size_t granule,
			  void *cookie)
{
	gather_add_page(gather, &inval_sink_ops, cookie, iova, granule);
}

static void sink_sync(struct gather *gather, void *cookie)
{
	(void)gather;
	(void)cookie;
}

static void sink_widen(struct gather *gather, u64 iova, size_t size,
		       void *cookie)
{
	(void)cookie;
	/* This engine tells of an unmap that was given no gather too. */
	if (gather)
		gather_widen(gather, iova, size);
}

const struct inval_ops inval_sink_ops = {
	.flush_all = sink_flush_all,
	.flush_walk = sink_flush_walk,
	.add_page = sink_add_page,
	.sync = sink_sync,
};

static const struct inval_ops widening_sink_ops = {
	.flush_all = sink_flush_all,
	.flush_walk = sink_flush_walk,
	.add_page = sink_widen,
	.sync = sink_sync,
};

const struct inval_ops *inval_sink(const struct gather_rule *rule)
{
	return rule->widens ? &widening_sink_ops : &inval_sink_ops;
}

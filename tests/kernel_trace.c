// SPDX-License-Identifier: GPL-2.0-only
/* One trace of what a table allocates, frees, cleans and reports. */
#include "kernel_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "barrier.h"

#define NO_ID	 (~0ull)
#define MIN_SIZE ((size_t)4096) /* of an allocation, as arenas round */

static struct trace *current;

void trace_into(struct trace *trace)
{
	current = trace;
}

void trace_reset(struct trace *trace, bool all)
{
	trace->nr = 0;
	if (!all)
		return;
	trace->nr_blocks = 0;
	trace->next_id = 0;
}

void trace_fini(struct trace *trace)
{
	free(trace->events);
	free(trace->blocks);
}

/* Room for one more entry; a test that has no memory cannot go on. */
static void *grow(void *list, size_t nr, size_t *max, size_t size)
{
	if (nr < *max)
		return list;
	*max = *max ? *max * 2 : 256;
	list = realloc(list, *max * size);
	if (!list) {
		fputs("no memory for a trace\n", stderr);
		exit(EXIT_FAILURE);
	}
	return list;
}

static void add(struct trace *t, enum trace_kind kind, u64 a, u64 b, u64 c)
{
	t->events = grow(t->events, t->nr, &t->max, sizeof(*t->events));
	t->events[t->nr++] = (struct trace_event){ kind, a, b, c };
}

static void block_add(struct trace *t, const void *p, size_t size)
{
	t->blocks = grow(t->blocks, t->nr_blocks, &t->max_blocks,
			 sizeof(*t->blocks));
	t->blocks[t->nr_blocks++] =
		(struct trace_block){ t->next_id++, p, size };
}

static struct trace_block *block_of(struct trace *t, const void *p)
{
	const u8 *at = p;

	for (size_t i = t->nr_blocks; i-- > 0;)
		if (at >= t->blocks[i].base &&
		    at < t->blocks[i].base + t->blocks[i].size)
			return &t->blocks[i];
	return NULL;
}

void *__real_arena_alloc(struct arena *arena, size_t size);
void __real_arena_free(struct arena *arena, void *p, size_t size);
void __real_cache_clean(const void *p, size_t len);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void __wrap_arena_free(struct arena *arena, void *p, size_t size);
void __wrap_cache_clean(const void *p, size_t len);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
	void *p = __real_arena_alloc(arena, size);

	if (!current)
		return p;
	if (size < MIN_SIZE)
		size = MIN_SIZE;
	add(current, TRACE_ALLOC, p ? current->next_id : NO_ID, size, 0);
	if (p)
		block_add(current, p, size);
	return p;
}

void __wrap_arena_free(struct arena *arena, void *p, size_t size)
{
	struct trace_block *block = current ? block_of(current, p) : NULL;

	if (current)
		add(current, TRACE_FREE, block ? block->id : NO_ID,
		    size < MIN_SIZE ? MIN_SIZE : size, 0);
	if (block)
		*block = current->blocks[--current->nr_blocks];
	__real_arena_free(arena, p, size);
}

void __wrap_cache_clean(const void *p, size_t len)
{
	const struct trace_block *block = current ? block_of(current, p) : NULL;

	if (current)
		add(current, TRACE_CLEAN, block ? block->id : NO_ID,
		    block ? (u64)((const u8 *)p - block->base) : 0, len);
	__real_cache_clean(p, len);
}

static void trace_all(void *cookie)
{
	add(cookie, TRACE_ALL, 0, 0, 0);
}

static void trace_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	add(cookie, TRACE_WALK, iova, size, granule);
}

static void trace_page(struct gather *gather, u64 iova, size_t granule,
		       void *cookie)
{
	add(cookie, TRACE_PAGE, iova, granule, gather != NULL);
	if (gather)
		gather_add_page(gather, &trace_ops, cookie, iova, granule);
}

static void trace_sync(struct gather *gather, void *cookie)
{
	add(cookie, TRACE_SYNC, gather->start, gather->last, gather->pgsize);
}

const struct inval_ops trace_ops = {
	.flush_all = trace_all,
	.flush_walk = trace_walk,
	.add_page = trace_page,
	.sync = trace_sync,
};

static const char *event_text(const struct trace *t, size_t i, char text[96])
{
	static const char *const names[] = { "alloc", "free", "clean", "walk",
					     "page",  "sync", "all" };
	const struct trace_event *e = &t->events[i];

	if (i >= t->nr)
		snprintf(text, 96, "nothing");
	else
		snprintf(text, 96,
			 "%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ")",
			 names[e->kind], e->a, e->b, e->c);
	return text;
}

bool trace_diff(const struct trace *model, const struct trace *kernel,
		char *why, size_t size)
{
	char want[96], got[96];

	for (size_t i = 0; i < model->nr || i < kernel->nr; i++) {
		if (i < model->nr && i < kernel->nr &&
		    !memcmp(&model->events[i], &kernel->events[i],
			    sizeof(model->events[i])))
			continue;
		snprintf(why, size, "event %zu: kernel %s, model %s", i,
			 event_text(kernel, i, want),
			 event_text(model, i, got));
		return false;
	}
	return true;
}

size_t trace_count(const struct trace *trace, enum trace_kind kind)
{
	size_t nr = 0;

	for (size_t i = 0; i < trace->nr; i++)
		nr += trace->events[i].kind == kind;
	return nr;
}

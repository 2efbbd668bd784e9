// SPDX-License-Identifier: GPL-2.0-only
/* Maps and unmaps memory as a plan says, and writes what it took. */
#include "live_run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buddy.h"
#include "host_page.h"
#include "json_text.h"
#include "lg2.h"
#include "sizes.h"
#include "vm_live.h"

/**
 * struct spent - What calls took.
 * @wall_ns: time that passed
 * @cpu_ns: time of this thread, in the kernel too
 * @bytes: as the calls returned
 * @nr_calls: how many
 */
struct spent {
	u64 wall_ns;
	u64 cpu_ns;
	u64 bytes;
	u64 nr_calls;
};

static u64 now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

/* The CPU time is read outside, since that is a system call. */
static void spent_start(struct spent *start)
{
	start->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	start->wall_ns = now_ns(CLOCK_MONOTONIC);
}

static void spent_stop(struct spent *sum, const struct spent *start, u64 bytes)
{
	sum->wall_ns += now_ns(CLOCK_MONOTONIC) - start->wall_ns;
	sum->cpu_ns += now_ns(CLOCK_THREAD_CPUTIME_ID) - start->cpu_ns;
	sum->bytes += bytes;
	sum->nr_calls++;
}

static bool is_stopped(const struct live_run *run)
{
	return *run->is_stopping != 0;
}

static int map_all(struct live_run *run, const struct plan_row *row,
		   const struct vm_live_memory *memory, struct spent *sum)
{
	for (size_t i = 0; i < row->nr_ranges; i++) {
		const struct plan_range *range = &row->ranges[i];
		struct spent start;
		int ret;

		if (is_stopped(run))
			return -EINTR;
		spent_start(&start);
		ret = dma_space_map(run->space, range->iova,
				    memory->at + range->offset, range->size);
		spent_stop(sum, &start, ret ? 0 : range->size);
		if (ret)
			return ret;
	}
	return 0;
}

static int unmap_all(struct live_run *run, const struct plan_row *row,
		     struct spent *sum)
{
	size_t nr = row->is_all ? 1 : row->nr_ranges;

	for (size_t i = 0; i < nr; i++) {
		const struct plan_range *range = &row->ranges[i];
		struct spent start;
		s64 ret;

		spent_start(&start);
		ret = row->is_all ? dma_space_unmap_all(run->space) :
				    dma_space_unmap(run->space, range->iova,
						    range->size);
		spent_stop(sum, &start, ret < 0 ? 0 : (u64)ret);
		if (ret < 0)
			return (int)ret;
	}
	return 0;
}

/* After a failure: whatever is mapped still, range by range if need be. */
static void clean_up(struct live_run *run, const struct plan_row *row)
{
	if (dma_space_unmap_all(run->space) >= 0)
		return;
	for (size_t i = 0; i < row->nr_ranges; i++)
		dma_space_unmap(run->space, row->ranges[i].iova,
				row->ranges[i].size);
}

static void line_start(const struct live_run *run, const char *kind,
		       const struct plan_row *row)
{
	fprintf(run->out, "{\"kind\":\"%s\",\"name\":", kind);
	json_text(run->out, row->name);
}

static int line_end(const struct live_run *run, struct iopt_err *err)
{
	fputs("}\n", run->out);
	if (!fflush(run->out) && !ferror(run->out))
		return 0;
	return iopt_err_set(err, -EIO, "the result could not be written");
}

static int write_reason(const struct live_run *run, const char *kind,
			const struct plan_row *row, const char *reason,
			struct iopt_err *err)
{
	line_start(run, kind, row);
	fputs(",\"reason\":", run->out);
	json_text(run->out, reason);
	return line_end(run, err);
}

static void write_spent(const struct live_run *run, const char *what,
			const struct spent *spent)
{
	fprintf(run->out,
		",\"%s_ns\":%" PRIu64 ",\"%s_cpu_ns\":%" PRIu64
		",\"%s_bytes\":%" PRIu64 ",\"nr_%s_ioctls\":%" PRIu64,
		what, spent->wall_ns, what, spent->cpu_ns, what, spent->bytes,
		what, spent->nr_calls);
}

static void write_events(const struct live_run *run, const char *what,
			 const struct event_set *set, enum trace_kind kind)
{
	const struct event_stats *s = &set->kinds[kind];
	const char *comma = "";

	fprintf(run->out,
		",\"%s_events\":{\"nr\":%" PRIu64 ",\"bytes\":%" PRIu64
		",\"unmapped_bytes\":%" PRIu64 ",\"nr_lost\":%" PRIu64
		",\"first_to_last_us\":%" PRIu64 ",\"nr_of_size\":{",
		what, s->nr, s->bytes, s->unmapped_bytes, set->nr_lost,
		s->last_us - s->first_us);
	for (unsigned int i = 0; i < ARRAY_SIZE(s->nr_of_lg2); i++) {
		char size[SIZE_TEXT_MAX];

		if (!s->nr_of_lg2[i])
			continue;
		fprintf(run->out, "%s\"%s\":%" PRIu64, comma,
			size_format(1ull << i, size), s->nr_of_lg2[i]);
		comma = ",";
	}
	fputs("}}", run->out);
}

static int write_frames(const struct live_run *run, const struct plan_row *row,
			const struct vm_frames *frames, struct iopt_err *err)
{
	char path[PLAN_PATH_MAX];
	bool is_written;
	FILE *file;

	plan_frames_path(run->frames_dir, row, path);
	file = fopen(path, "we");
	if (file)
		vm_frames_write(frames, file);
	is_written = file && !ferror(file);
	if (file && fclose(file))
		is_written = false;
	if (!is_written)
		return iopt_err_set(err, -EIO, "%s: %s", path, strerror(errno));
	fputs(",\"frames\":", run->out);
	json_text(run->out, path);
	return 0;
}

/* While it is mapped, and so cannot move: where the memory lies. */
static int write_memory(const struct live_run *run, const struct plan_row *row,
			const struct vm_live_memory *memory,
			struct iopt_err *err)
{
	struct iopt_err why = { "" };
	struct vm_frames frames;
	int ret = vm_live_frames(memory, &frames, &why), failed = 0;

	line_start(run, "memory", row);
	fprintf(run->out, ",\"bytes\":%" PRIu64 ",\"thp\":", memory->bytes);
	json_text(run->out, memory->thp);
	if (ret) {
		fputs(",\"no_frames\":", run->out);
		json_text(run->out, why.msg);
	} else {
		fprintf(run->out, ",\"nr_runs\":%zu", frames.nr_runs);
		if (run->frames_dir)
			failed = write_frames(run, row, &frames, err);
		vm_frames_fini(&frames);
	}
	ret = line_end(run, err);
	return failed ? failed : ret;
}

/* The same, while events are taken: its times are no times. */
static int trace_rep(struct live_run *run, const struct plan_row *row,
		     const struct vm_live_memory *memory, struct iopt_err *err)
{
	struct event_set maps, unmaps;
	struct spent map = { 0 }, unmap = { 0 };
	int ret = live_events_start(run->events);

	if (!ret)
		ret = map_all(run, row, memory, &map);
	if (!ret)
		ret = live_events_stop(run->events, &maps, err);
	if (!ret)
		ret = live_events_start(run->events);
	if (!ret)
		ret = unmap_all(run, row, &unmap);
	if (!ret)
		ret = live_events_stop(run->events, &unmaps, err);
	if (ret)
		return ret;
	line_start(run, "events", row);
	write_spent(run, "map", &map);
	write_spent(run, "unmap", &unmap);
	write_events(run, "map", &maps, TRACE_MAP);
	write_events(run, "unmap", &unmaps, TRACE_UNMAP);
	return line_end(run, err);
}

static int one_rep(struct live_run *run, const struct plan_row *row,
		   const struct vm_live_memory *memory, unsigned int rep,
		   struct iopt_err *err)
{
	struct spent map = { 0 }, unmap = { 0 };
	int ret = map_all(run, row, memory, &map);

	if (!ret && !rep)
		ret = write_memory(run, row, memory, err);
	if (!ret)
		ret = unmap_all(run, row, &unmap);
	if (ret)
		return ret;
	line_start(run, "rep", row);
	fprintf(run->out, ",\"rep\":%u", rep);
	write_spent(run, "map", &map);
	write_spent(run, "unmap", &unmap);
	return line_end(run, err);
}

static int measure(struct live_run *run, const struct plan_row *row,
		   const struct vm_live_memory *memory, struct iopt_err *err)
{
	u64 until = now_ns(CLOCK_MONOTONIC) + run->max_seconds * 1000000000ull;
	unsigned int rep = 0;
	int ret = 0;

	while (!ret && rep < run->nr_reps &&
	       (!rep || now_ns(CLOCK_MONOTONIC) < until)) {
		if (is_stopped(run))
			return -EINTR;
		ret = one_rep(run, row, memory, rep, err);
		rep += !ret;
	}
	run->nr_measured += rep > 0;
	if (!ret && is_stopped(run))
		ret = -EINTR;
	if (!ret && run->events)
		ret = trace_rep(run, row, memory, err);
	return ret;
}

/* A call that the kernel refused, in words. */
static int write_failure(struct live_run *run, const struct plan_row *row,
			 int ret, const char *why, struct iopt_err *err)
{
	char reason[512];

	run->nr_failed++;
	snprintf(reason, sizeof(reason), "%s%s%s", strerror(-ret),
		 ret == -EINVAL ? ": addresses that the IOMMU reserves?" : "",
		 ret == -ENOMEM ? ": RLIMIT_MEMLOCK, or no memory" : "");
	return write_reason(run, "error", row, *why ? why : reason, err);
}

/* Whole pages of what was asked for. */
static u64 memory_bytes(const struct plan_row *row)
{
	u64 page = host_page_bytes(0), unit;

	if (!strcmp(row->backing, "thp"))
		unit = buddy_huge_page(page);
	else if (size_parse(row->backing, &unit) || !is_pow2(unit))
		unit = page;
	return align_up(row->memory_bytes, unit);
}

int live_run_row(struct live_run *run, const struct plan_row *row,
		 struct iopt_err *err)
{
	const struct vm_live_cfg cfg = { .how = row->backing,
					 .bytes = memory_bytes(row),
					 .root = "" };
	struct vm_live_memory memory;
	struct iopt_err why = { "" };
	int ret = vm_live_take(&cfg, &memory, &why);

	if (vm_live_is_skip(ret))
		return write_reason(run, "skip", row, why.msg, err);
	if (ret) {
		run->nr_failed++;
		return write_reason(run, "error", row, why.msg, err);
	}
	ret = measure(run, row, &memory, &why);
	if (ret)
		clean_up(run, row);
	vm_live_give_back(&memory);
	if (ret == -EIO && why.msg[0])
		return iopt_err_set(err, ret, "%s", why.msg);
	if (!ret || ret == -EINTR)
		return ret;
	return write_failure(run, row, ret, why.msg, err);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iopt-live is to map and unmap: a row for each kind of memory and set of
 * ranges. The same file tells iopt-predict what to predict.
 *
 * A line is a row; # starts a comment:
 *
 *	NAME BACKING WAY IOVA+SIZE[@OFFSET] ...
 *
 * NAME is any word; BACKING is "4K" (the host's page), "thp", or the size of a
 * hugetlb page; WAY is "range" (an unmap for each range) or "all" (one for all
 * of them). A range takes its memory from OFFSET on, or from where the one
 * before it ends.
 */
#ifndef IOPT_LIVE_PLAN_H
#define IOPT_LIVE_PLAN_H

#include "err.h"
#include "types.h"

#define PLAN_NAME_MAX	 96
#define PLAN_BACKING_MAX 16
#define PLAN_PATH_MAX	 1024

/**
 * struct plan_range - A range of I/O addresses.
 * @iova: start in bytes
 * @size: bytes
 * @offset: where its memory starts in that of the row, in bytes
 */
struct plan_range {
	u64 iova;
	u64 size;
	u64 offset;
};

/**
 * struct plan_row - Memory, and the ranges that it is mapped to.
 * @name: names the row in what is written
 * @backing: how the memory is got
 * @is_all: unmapped by one call
 * @ranges: in rising order, none overlaps another
 * @nr_ranges: entries in @ranges, not 0
 * @mapped_bytes: of all ranges
 * @memory_bytes: end of the memory that they take
 */
struct plan_row {
	char name[PLAN_NAME_MAX];
	char backing[PLAN_BACKING_MAX];
	bool is_all;
	struct plan_range *ranges;
	size_t nr_ranges;
	u64 mapped_bytes;
	u64 memory_bytes;
};

/**
 * struct plan - All rows; the caller owns it.
 * @rows: in the order of the file
 * @nr_rows: entries in @rows
 */
struct plan {
	struct plan_row *rows;
	size_t nr_rows;
};

IOPT_BEGIN_DECLS

/**
 * plan_load() - Read a plan.
 * @path: its path, or "-" for standard input
 * @page: size of the host's page in bytes, which all numbers are multiples of
 * @plan: caller's; set to what was read, untouched on failure
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -EINVAL when a line is no row, or there is none;
 * -ENOMEM when there is no memory;
 * another negative errno when it could not be read.
 */
int plan_load(const char *path, u64 page, struct plan *plan,
	      struct iopt_err *err);

/**
 * plan_most_mapped() - The most that any row maps, in bytes.
 * @plan: plan
 */
u64 plan_most_mapped(const struct plan *plan);

/**
 * plan_frames_path() - The file that a row's frames are kept in.
 * @dir: folder of such files
 * @row: row; in its name / and : become _
 * @path: set to the path, cut if it does not fit
 */
void plan_frames_path(const char *dir, const struct plan_row *row,
		      char path[PLAN_PATH_MAX]);

/**
 * plan_fini() - Free what a plan holds.
 * @plan: plan
 */
void plan_fini(struct plan *plan);

IOPT_END_DECLS

#endif

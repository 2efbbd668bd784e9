/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames that memory really had: which physical runs lie behind a stretch of
 * memory, recorded on a host or taken from a trace, and kept in a file.
 *
 * The file is text, plain or .xz. Empty lines and lines that start with # mean
 * nothing. The others, in this order:
 *	iopt-frames 1
 *	page 4K			the host's page size
 *	how thp			how the memory was asked for
 *	kernel TEXT		the host's kernel
 *	thp TEXT		its THP mode
 *	0x12345000 8K		a run: physical address and size; any number of
 *				them, in the order of the memory
 *	end 3 24K		number of runs and their sum
 * Runs are multiples of the page, and no frame is in two of them. Writing what
 * was read gives the same bytes, but for comments.
 */
#ifndef IOPT_VM_FRAMES_H
#define IOPT_VM_FRAMES_H

#include <stdio.h>

#include "err.h"
#include "types.h"

#define VM_FRAMES_TEXT 128u

/* Physical addresses end here: the most that an SMMU can output. */
#define VM_FRAMES_END (1ull << 52)

/**
 * struct vm_frame_run - Frames that follow each other.
 * @paddr: physical address of the first byte
 * @end: offset behind the last byte, in the memory that they make up
 */
struct vm_frame_run {
	u64 paddr;
	u64 end;
};

/**
 * struct vm_frames - The frames behind a stretch of memory; the caller owns it.
 * @page: page size of the host in bytes
 * @how: how the memory was asked for: "4K", "thp", "2M", "trace"
 * @kernel: the host's kernel
 * @thp: its THP mode, or "-"
 * @runs: in the order of the memory, none touches the one before
 * @nr_runs: entries in @runs
 * @room: room in @runs
 */
struct vm_frames {
	u64 page;
	char how[VM_FRAMES_TEXT];
	char kernel[VM_FRAMES_TEXT];
	char thp[VM_FRAMES_TEXT];
	struct vm_frame_run *runs;
	size_t nr_runs;
	size_t room;
};

IOPT_BEGIN_DECLS

/**
 * vm_frames_init() - Start without any.
 * @frames: caller's
 * @page: page size of the host in bytes
 */
void vm_frames_init(struct vm_frames *frames, u64 page);

/**
 * vm_frames_add() - Add frames behind those that are there.
 * @frames: frames
 * @paddr: physical address in bytes
 * @size: bytes
 *
 * Return: 0;
 * -EINVAL when either is no multiple of the page, @size is 0, or the frames go
 * beyond 2^52;
 * -ENOMEM when there is no memory.
 */
int vm_frames_add(struct vm_frames *frames, u64 paddr, u64 size);

/**
 * vm_frames_bytes() - How much memory they make up.
 * @frames: frames
 */
u64 vm_frames_bytes(const struct vm_frames *frames);

/**
 * vm_frames_tile() - How much of some memory can be repeated.
 * @bytes: its size, not 0
 *
 * Copies one after the other stay congruent to the first one in what a block
 * may be aligned to, 1G.
 *
 * Return: a multiple of 1G, or a power of two below 1G; at most @bytes.
 */
u64 vm_frames_tile(u64 bytes);

/**
 * vm_frames_run() - Where a byte lies.
 * @frames: frames
 * @offset: in bytes, below vm_frames_bytes()
 * @paddr: set to the physical address
 *
 * Cost: a binary search.
 *
 * Return: bytes from there on that are contiguous.
 */
u64 vm_frames_run(const struct vm_frames *frames, u64 offset, u64 *paddr);

/**
 * vm_frames_check() - Is there any, and is each frame in one run only?
 * @frames: frames
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EINVAL when there is none, or one is there twice;
 * -ENOMEM when there is no memory.
 */
int vm_frames_check(const struct vm_frames *frames, struct iopt_err *err);

/**
 * vm_frames_load() - Read a file.
 * @path: its path, or "-" for standard input
 * @frames: caller's; set to what was read, untouched on failure
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -EINVAL when the file is refused;
 * -ENOMEM when there is no memory;
 * as trace_input_open() and trace_input_line() otherwise.
 */
int vm_frames_load(const char *path, struct vm_frames *frames,
		   struct iopt_err *err);

/**
 * vm_frames_from_trace() - The frames of a guest's RAM in a recorded trace.
 * @path: trace of iommu:map and iommu:unmap, or "-" for standard input
 * @frames: caller's; set to the frames behind the longest stretch of IOVAs
 *	without a hole, at the moment when most was mapped; untouched on failure
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -EINVAL when a frame is mapped twice, or the trace is refused;
 * -ENOMEM when there is no memory;
 * as trace_prog_load() otherwise.
 */
int vm_frames_from_trace(const char *path, struct vm_frames *frames,
			 struct iopt_err *err);

/**
 * vm_frames_write() - Write a file.
 * @frames: frames
 * @file: where to; a failure to write is left in it, see ferror(3)
 */
void vm_frames_write(const struct vm_frames *frames, FILE *file);

/**
 * vm_frames_fini() - Free what they hold.
 * @frames: frames
 */
void vm_frames_fini(struct vm_frames *frames);

IOPT_END_DECLS

#endif

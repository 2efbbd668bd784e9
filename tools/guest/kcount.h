/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel itself executes for one system call, by perf events of this
 * thread in kernel mode.
 */
#ifndef IOPT_KCOUNT_H
#define IOPT_KCOUNT_H

#include "err.h"
#include "types.h"

/**
 * struct kcount - A counter of kernel mode.
 * @fd: of instructions, the first of the group
 * @cycles_fd: of cycles
 */
struct kcount {
	int fd;
	int cycles_fd;
};

/**
 * struct kcount_value - What was counted; what switches the counter on and
 *	off is in it.
 * @instructions: executed in kernel mode
 * @cycles: likewise
 */
struct kcount_value {
	u64 instructions;
	u64 cycles;
};

IOPT_BEGIN_DECLS

/**
 * kcount_init() - Open the counter of the calling thread.
 * @count: filled in; the caller's until kcount_fini()
 * @err: gets why not; may be NULL
 *
 * Return: 0;
 * -ENOTSUP when this machine has no such counters, or does not give them.
 */
int kcount_init(struct kcount *count, struct iopt_err *err);

/**
 * kcount_begin() - Count from 0.
 * @count: counter
 *
 * Return: 0; -errno of ioctl().
 */
int kcount_begin(struct kcount *count);

/**
 * kcount_end() - Count no more.
 * @count: counter
 * @value: set to what was counted since kcount_begin()
 *
 * Return: 0;
 * -EBUSY when others took turns on the CPU's counters;
 * -EIO when the kernel gave something else than was asked for;
 * -errno of ioctl().
 */
int kcount_end(struct kcount *count, struct kcount_value *value);

/**
 * kcount_fini() - Close the counter.
 * @count: from kcount_init()
 */
void kcount_fini(struct kcount *count);

IOPT_END_DECLS

#endif

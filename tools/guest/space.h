/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An I/O address space of a real kernel: what a scenario's ops are done to.
 */
#ifndef IOPT_SPACE_H
#define IOPT_SPACE_H

#include "dma_space.h"
#include "err.h"
#include "scenario.h"
#include "types.h"

struct space;

/**
 * struct space_ops - One way to reach the kernel.
 * @map_kind: the op that maps
 * @unmap_kind: the op that unmaps
 * @has_frames: a map is of memory of this process, @at of the space
 * @open: set up a space for device @bdf (like 0000:00:01.0) in @space;
 *	0 or -errno with a reason in @err
 * @map: do a map; 0 or -errno
 * @unmap: do an unmap; bytes or -errno
 * @nothing: ask the kernel for nothing, on the way that @map and @unmap take;
 *	NULL where that is little beside them
 * @close: give back what @open took, also after it failed
 */
struct space_ops {
	enum scenario_kind map_kind;
	enum scenario_kind unmap_kind;
	bool has_frames;
	int (*open)(struct space *space, const char *bdf, struct iopt_err *err);
	s64 (*map)(struct space *space, const struct scenario_op *op);
	s64 (*unmap)(struct space *space, const struct scenario_op *op);
	void (*nothing)(struct space *space);
	void (*close)(struct space *space);
};

/**
 * struct space - A space; file descriptors are -1 when not open.
 * @ops: how it is reached
 * @fd: the guest's module
 * @dma: container, or IOAS
 * @at: memory of the next map, from space_frames()
 */
struct space {
	const struct space_ops *ops;
	int fd;
	struct dma_space dma;
	void *at;
};

extern const struct space_ops space_core;
extern const struct space_ops space_iommufd;
extern const struct space_ops space_vfio;

IOPT_BEGIN_DECLS

/**
 * space_frames() - Memory whose physical runs are laid out as an op says.
 * @op: a map; its size, run and paddr count
 * @out: set to the address, mapped until the process ends
 *
 * Return: 0;
 * -ENOSPC when the window of frames is too small for the layout;
 * -errno when the guest's module cannot be used.
 */
int space_frames(const struct scenario_op *op, void **out);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading which frames lie behind a process's memory.
 *
 * Models: /proc/PID/pagemap: 64 bits a page, the frame in the lower 55, bit 62
 *	for a page that is swapped out, bit 63 for one that is present.
 * Source: Documentation/admin-guide/mm/pagemap.rst of Linux 6.12; the frame
 *	reads as 0 without CAP_SYS_ADMIN since 4.2.
 */
#ifndef IOPT_PAGEMAP_H
#define IOPT_PAGEMAP_H

#include "vm_frames.h"

IOPT_BEGIN_DECLS

/**
 * pagemap_read() - Add the frames behind a stretch of memory.
 * @fd: a pagemap, or a file that reads like one
 * @addr: virtual address, a multiple of the page
 * @bytes: a multiple of the page
 * @frames: set up for the host's page; on failure some frames were added
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0;
 * -EPERM when frames are hidden from this process;
 * -ENODATA when a page is not in memory;
 * -EIO when the file ends too early;
 * -ENOMEM when there is no memory;
 * any other negative errno of pread(2).
 */
int pagemap_read(int fd, u64 addr, u64 bytes, struct vm_frames *frames,
		 struct iopt_err *err);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log, read for warnings. */
#ifndef IOPT_KMSG_H
#define IOPT_KMSG_H

#include "err.h"

/**
 * struct kmsg - The log from some point on.
 * @fd: /dev/kmsg
 */
struct kmsg {
	int fd;
};

IOPT_BEGIN_DECLS

/**
 * kmsg_init() - Open the log.
 * @kmsg: filled in; the caller's until kmsg_fini()
 * @err: gets why not; may be NULL
 *
 * Return: 0; -errno of open().
 */
int kmsg_init(struct kmsg *kmsg, struct iopt_err *err);

/**
 * kmsg_skip() - Forget what was logged, and what was warned of once.
 * @kmsg: the log
 *
 * Warnings that a kernel gives once come again, where debugfs is mounted.
 */
void kmsg_skip(struct kmsg *kmsg);

/**
 * kmsg_nr_warnings() - Count the warnings since kmsg_skip().
 * @kmsg: the log
 *
 * Return: how many records say WARNING.
 */
unsigned int kmsg_nr_warnings(struct kmsg *kmsg);

/**
 * kmsg_fini() - Close the log.
 * @kmsg: from kmsg_init()
 */
void kmsg_fini(struct kmsg *kmsg);

IOPT_END_DECLS

#endif

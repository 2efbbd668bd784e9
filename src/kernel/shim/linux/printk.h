/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel messages go to standard error. */
#ifndef SHIM_LINUX_PRINTK_H
#define SHIM_LINUX_PRINTK_H

#include <stdio.h>

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

#define pr_err(fmt, ...)       fprintf(stderr, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)      fprintf(stderr, pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)      fprintf(stderr, pr_fmt(fmt), ##__VA_ARGS__)
#define dev_err(dev, fmt, ...) ((void)(dev), pr_err(fmt, ##__VA_ARGS__))

#endif

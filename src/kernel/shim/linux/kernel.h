/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel sources expect of the catch-all header. */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/printk.h>
#include <linux/types.h>

/* Options of the build that a module is: what is not defined is off. */
#define SHIM_PROBE_1	       0,
#define SHIM_SECOND(a, b, ...) b
#define SHIM_IS_ON(x)	       SHIM_IS_ON_(x)
#define SHIM_IS_ON_(x)	       SHIM_IS_ON__(SHIM_PROBE_##x)
#define SHIM_IS_ON__(x)	       SHIM_SECOND(x 1, 0, 0)
#define IS_ENABLED(option)     SHIM_IS_ON(option)

#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))

/* Only selftests are to be called; SHIM_INITCALL is then what finds this one.
 */
#ifdef SHIM_INITCALL
#define subsys_initcall(fn)      \
	int SHIM_INITCALL(void); \
	int SHIM_INITCALL(void)  \
	{                        \
		return fn();     \
	}
#else
#define subsys_initcall(fn)
#endif
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
#define MODULE_AUTHOR(text)

#endif

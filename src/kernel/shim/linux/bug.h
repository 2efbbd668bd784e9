/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Warnings are counted instead of printed: each hit, WARN_ONCE() and
 * WARN_ON_ONCE() too, so that the count does not depend on what ran before.
 */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Out of line, as a trap would be. The texts are static. */
void shim_warn(const char *file, int line, const char *text)
	__attribute__((__cold__, __noinline__, __visibility__("hidden")));

#define SHIM_WARN(cond, text)                                \
	({                                                   \
		bool __hit = !!(cond);                       \
		if (unlikely(__hit))                         \
			shim_warn(__FILE__, __LINE__, text); \
		unlikely(__hit);                             \
	})
#define WARN_ON(cond)		  SHIM_WARN(cond, #cond)
#define WARN_ON_ONCE(cond)	  SHIM_WARN(cond, #cond)
#define WARN(cond, fmt, ...)	  SHIM_WARN(cond, fmt)
#define WARN_ONCE(cond, fmt, ...) SHIM_WARN(cond, fmt)

/* Debug builds of the kernel only. */
#define VM_BUG_ON(cond)	      ((void)sizeof((long)(cond)))
#define VM_WARN_ON_ONCE(cond) ((void)sizeof((long)(cond)))
#define BUG_ON(cond)                      \
	do {                              \
		if (unlikely(cond))       \
			__builtin_trap(); \
	} while (0)
#define BUG() __builtin_trap()

#endif

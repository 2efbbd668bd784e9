/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding and setting bits. */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <linux/bits.h>
#include <linux/types.h>

static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

static inline unsigned long __fls(unsigned long word)
{
	return 63ul - (unsigned long)__builtin_clzl(word);
}

static inline void set_bit(unsigned long nr, volatile unsigned long *addr)
{
	__atomic_fetch_or(addr + nr / BITS_PER_LONG, 1ul << nr % BITS_PER_LONG,
			  __ATOMIC_RELAXED);
}

#define for_each_set_bit(bit, addr, size)                      \
	for ((bit) = 0; (unsigned int)(bit) < (size); (bit)++) \
		if (((addr)[(bit) / BITS_PER_LONG] >>          \
		     ((bit) % BITS_PER_LONG)) &                \
		    1)

#endif

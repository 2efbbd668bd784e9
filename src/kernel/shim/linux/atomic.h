/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters; compare-and-swap of 64 bits comes from base/barrier.h. */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

static inline void atomic_set(atomic_t *v, int i)
{
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);
}

static inline bool atomic_dec_and_test(atomic_t *v)
{
	return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Store @new_ if *@p is @old_, with no ordering; what *@p held before. */
#define cmpxchg_relaxed(p, old_, new_)                              \
	({                                                          \
		__typeof__(*(p)) __old = (old_);                    \
		__atomic_compare_exchange_n(p, &__old, new_, false, \
					    __ATOMIC_RELAXED,       \
					    __ATOMIC_RELAXED);      \
		__old;                                              \
	})

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spinlocks, for the trees whose short descriptors split large pages under
 * one.
 *
 * Models: mutual exclusion, with acquire and release.
 * Does not model: fairness (queued spinlocks), disabled interrupts.
 */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <sched.h>

typedef struct {
	bool is_held;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->is_held = false;
}

SHIM_UNCOUNTED static inline void spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->is_held, true, __ATOMIC_ACQUIRE))
		sched_yield();
}

SHIM_UNCOUNTED static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->is_held, false, __ATOMIC_RELEASE);
}

#define spin_lock_irqsave(lock, flags)	    ((flags) = 0, spin_lock(lock))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), spin_unlock(lock))

#endif

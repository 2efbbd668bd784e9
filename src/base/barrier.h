/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Barriers, single-copy accesses and cache maintenance of the host CPU.
 *
 * Models: READ_ONCE, WRITE_ONCE, cmpxchg64, cmpxchg64_relaxed, cpu_relax,
 *	smp_mb, smp_rmb, smp_wmb, dma_wmb and wmb of Linux arm64 and x86, and
 *the clean to the point of coherency that dma_sync_single_for_device() does
 *	there for a non-coherent device.
 * Does not model: the swiotlb and dma-direct code in front of the clean.
 * Source: arch/arm64/include/asm/barrier.h, arch/arm64/mm/cache.S,
 *	arch/x86/include/asm/barrier.h; Arm ARM, "DC CVAC"; Intel SDM, "CLWB".
 */
#ifndef IOPT_BARRIER_H
#define IOPT_BARRIER_H

#include "types.h"

/*
 * The kernel orders a table's fill before its publication with dma_wmb() and
 * relies on the address dependency on the reader's side. ThreadSanitizer knows
 * neither, so under it both are said as release and acquire.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IOPT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(IOPT_TSAN)
#define IOPT_MO_PUBLISH __ATOMIC_ACQ_REL
#define IOPT_MO_DEPEND	__ATOMIC_ACQUIRE
#else
#define IOPT_MO_PUBLISH __ATOMIC_RELAXED
#define IOPT_MO_DEPEND	__ATOMIC_RELAXED
#endif

#define READ_ONCE(x)	 __atomic_load_n(&(x), IOPT_MO_DEPEND)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

/**
 * dma_wmb() - Order earlier stores before later ones, as a device sees them.
 *
 * DMB OSHST on Arm; on x86 stores to memory are seen in order.
 */
static inline void dma_wmb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/**
 * wmb() - Complete earlier stores before any later one: DSB ST or SFENCE.
 */
static inline void wmb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dsb st" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("sfence" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/**
 * smp_mb() - Order all earlier accesses before all later ones, between CPUs:
 *	DMB ISH, or a locked instruction on x86, which is faster than MFENCE.
 */
static inline void smp_mb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb ish" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("lock; addl $0,-4(%%rsp)" ::: "memory", "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/**
 * smp_rmb() - Order earlier loads before later ones, between CPUs: DMB ISHLD;
 *	x86 keeps them in order.
 */
static inline void smp_rmb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb ishld" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/**
 * smp_wmb() - Order earlier stores before later ones, between CPUs: DMB ISHST;
 *	x86 keeps them in order.
 */
static inline void smp_wmb(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb ishst" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/**
 * cmpxchg64() - Store @new_ if *@p is @old, ordered with all around it.
 * @p: what to change
 * @old: expected value
 * @new_: value to store
 *
 * Return: what *@p held before; @old when the store was done.
 */
static inline u64 cmpxchg64(u64 *p, u64 old, u64 new_)
{
	__atomic_compare_exchange_n(p, &old, new_, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return old;
}

/**
 * cpu_relax() - Tell the CPU that it waits in a loop: YIELD or PAUSE.
 */
static inline void cpu_relax(void)
{
#if defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("pause" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/**
 * cmpxchg64_relaxed() - Store @new_ if *@p is @old, with no ordering.
 * @p: what to change
 * @old: expected value
 * @new_: value to store
 *
 * Return: what *@p held before; @old when the store was done.
 */
static inline u64 cmpxchg64_relaxed(u64 *p, u64 old, u64 new_)
{
	__atomic_compare_exchange_n(p, &old, new_, false, IOPT_MO_PUBLISH,
				    IOPT_MO_DEPEND);
	return old;
}

IOPT_BEGIN_DECLS

/**
 * cache_line_bytes() - Smallest data cache line that a clean works on.
 *
 * Return: bytes; from CTR_EL0.DminLine on arm64, from CPUID on x86, else 64.
 */
size_t cache_line_bytes(void);

/**
 * cache_clean_name() - The instruction that cache_clean() issues on this CPU.
 *
 * Return: "dc cvac", "clwb", "clflushopt", "clflush", or "none" when the
 * architecture has none; a static string.
 */
const char *cache_clean_name(void);

/**
 * cache_clean() - Write the lines of a range back to where a device reads.
 * @p: start, any alignment
 * @len: bytes, not 0
 *
 * Cost: one maintenance instruction a line, then DSB SY or SFENCE.
 */
void cache_clean(const void *p, size_t len);

IOPT_END_DECLS

#endif

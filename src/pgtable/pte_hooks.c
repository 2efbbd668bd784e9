// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that a compiler calls under -fsanitize=thread, which report
 * each access to pte_count_write() and pte_count_read().
 *
 * Compiled into what is counted: the counted engines here, and the counted
 * twin of each module of a kernel, where these names stay hidden.
 *
 * Source: the interface of ThreadSanitizer, compiler-rt
 *	lib/tsan/rtl/tsan_interface.h and tsan_interface_atomic.cpp.
 */
#include "pte_count.h"

#define TSAN_ACCESS(bytes)                           \
	void __tsan_read##bytes(void *p);            \
	void __tsan_read##bytes(void *p)             \
	{                                            \
		pte_count_read(p, bytes);            \
	}                                            \
	void __tsan_write##bytes(void *p);           \
	void __tsan_write##bytes(void *p)            \
	{                                            \
		pte_count_write(p, bytes);           \
	}                                            \
	void __tsan_unaligned_read##bytes(void *p);  \
	void __tsan_unaligned_read##bytes(void *p)   \
	{                                            \
		pte_count_read(p, bytes);            \
	}                                            \
	void __tsan_unaligned_write##bytes(void *p); \
	void __tsan_unaligned_write##bytes(void *p)  \
	{                                            \
		pte_count_write(p, bytes);           \
	}

TSAN_ACCESS(1)
TSAN_ACCESS(2)
TSAN_ACCESS(4)
TSAN_ACCESS(8)
TSAN_ACCESS(16)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc)
{
	(void)pc;
}

void __tsan_read_range(void *p, long bytes);
void __tsan_read_range(void *p, long bytes)
{
	pte_count_read(p, (size_t)bytes);
}

void __tsan_write_range(void *p, long bytes);
void __tsan_write_range(void *p, long bytes)
{
	pte_count_write(p, (size_t)bytes);
}

/* The memory order is the engine's affair; here one thread counts. */
#define TSAN_ATOMIC(bits, type)                                                \
	type __tsan_atomic##bits##_load(const volatile void *p, int order);    \
	type __tsan_atomic##bits##_load(const volatile void *p, int order)     \
	{                                                                      \
		const volatile type *v = p;                                    \
                                                                               \
		(void)order;                                                   \
		pte_count_read(p, sizeof(*v));                                 \
		return __atomic_load_n(v, __ATOMIC_SEQ_CST);                   \
	}                                                                      \
	void __tsan_atomic##bits##_store(volatile void *p, type v, int order); \
	void __tsan_atomic##bits##_store(volatile void *p, type v, int order)  \
	{                                                                      \
		volatile type *to = p;                                         \
                                                                               \
		(void)order;                                                   \
		pte_count_write(p, sizeof(v));                                 \
		__atomic_store_n(to, v, __ATOMIC_SEQ_CST);                     \
	}

#define TSAN_FETCH(bits, type, name)                                      \
	type __tsan_atomic##bits##_fetch_##name(volatile void *p, type v, \
						int order);               \
	type __tsan_atomic##bits##_fetch_##name(volatile void *p, type v, \
						int order)                \
	{                                                                 \
		volatile type *to = p;                                    \
                                                                          \
		(void)order;                                              \
		pte_count_read(p, sizeof(v));                             \
		pte_count_write(p, sizeof(v));                            \
		return __atomic_fetch_##name(to, v, __ATOMIC_SEQ_CST);    \
	}

/* What gcc emits for __atomic_compare_exchange_n(). */
#define TSAN_CAS(bits, type)                                                \
	bool __tsan_atomic##bits##_compare_exchange_strong(                 \
		volatile void *p, void *old, type v, int order, int fail);  \
	bool __tsan_atomic##bits##_compare_exchange_strong(                 \
		volatile void *p, void *old, type v, int order, int fail)   \
	{                                                                   \
		volatile type *to = p;                                      \
		type *want = old;                                           \
		bool is_stored;                                             \
                                                                            \
		(void)order;                                                \
		(void)fail;                                                 \
		pte_count_read(p, sizeof(v));                               \
		is_stored = __atomic_compare_exchange_n(to, want, v, false, \
							__ATOMIC_SEQ_CST,   \
							__ATOMIC_SEQ_CST);  \
		if (is_stored)                                              \
			pte_count_write(p, sizeof(v));                      \
		return is_stored;                                           \
	}                                                                   \
	/* What clang emits for it. */                                      \
	type __tsan_atomic##bits##_compare_exchange_val(                    \
		volatile void *p, type old, type v, int order, int fail);   \
	type __tsan_atomic##bits##_compare_exchange_val(                    \
		volatile void *p, type old, type v, int order, int fail)    \
	{                                                                   \
		__tsan_atomic##bits##_compare_exchange_strong(p, &old, v,   \
							      order, fail); \
		return old;                                                 \
	}

TSAN_ATOMIC(8, u8)
TSAN_ATOMIC(32, u32)
TSAN_ATOMIC(64, u64)
TSAN_FETCH(32, u32, add)
TSAN_FETCH(32, u32, sub)
TSAN_FETCH(32, u32, or)
TSAN_FETCH(64, u64, add)
TSAN_FETCH(64, u64, sub)
TSAN_FETCH(64, u64, or)
TSAN_CAS(32, u32)
TSAN_CAS(64, u64)

u8 __tsan_atomic8_exchange(volatile void *p, u8 v, int order);
u8 __tsan_atomic8_exchange(volatile void *p, u8 v, int order)
{
	volatile u8 *to = p;

	(void)order;
	pte_count_read(p, sizeof(v));
	pte_count_write(p, sizeof(v));
	return __atomic_exchange_n(to, v, __ATOMIC_SEQ_CST);
}

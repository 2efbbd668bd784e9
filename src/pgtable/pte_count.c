// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that a compiler calls under -fsanitize=thread, as counters.
 *
 * State is per thread and outside any argument, because the compiler passes
 * nothing but an address.
 *
 * Source: the interface of ThreadSanitizer, compiler-rt
 *	lib/tsan/rtl/tsan_interface.h and tsan_interface_atomic.cpp.
 */
#include "pte_count.h"

static _Thread_local struct pte_count *active;
static _Thread_local const struct arena *active_arena;

void pte_count_start(struct pte_count *count, const struct arena *arena)
{
	*count = (struct pte_count){ 0 };
	active = count;
	active_arena = arena;
}

void pte_count_stop(void)
{
	active = NULL;
}

/* Under a real ThreadSanitizer these names are the runtime's own. */
#ifdef PGTABLE_HAS_COUNTED

static void count_write(const volatile void *p, size_t bytes)
{
	if (active && arena_owns(active_arena, (const void *)p))
		active->writes += (bytes + 7) / 8;
}

static void count_read(const volatile void *p, size_t bytes)
{
	if (active && arena_owns(active_arena, (const void *)p))
		active->reads += (bytes + 7) / 8;
}

#define TSAN_ACCESS(bytes)                           \
	void __tsan_read##bytes(void *p);            \
	void __tsan_read##bytes(void *p)             \
	{                                            \
		count_read(p, bytes);                \
	}                                            \
	void __tsan_write##bytes(void *p);           \
	void __tsan_write##bytes(void *p)            \
	{                                            \
		count_write(p, bytes);               \
	}                                            \
	void __tsan_unaligned_read##bytes(void *p);  \
	void __tsan_unaligned_read##bytes(void *p)   \
	{                                            \
		count_read(p, bytes);                \
	}                                            \
	void __tsan_unaligned_write##bytes(void *p); \
	void __tsan_unaligned_write##bytes(void *p)  \
	{                                            \
		count_write(p, bytes);               \
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
	count_read(p, (size_t)bytes);
}

void __tsan_write_range(void *p, long bytes);
void __tsan_write_range(void *p, long bytes)
{
	count_write(p, (size_t)bytes);
}

/* The memory order is the engine's affair; here one thread counts. */
u64 __tsan_atomic64_load(const volatile void *p, int order);
u64 __tsan_atomic64_load(const volatile void *p, int order)
{
	const volatile u64 *v = p;

	(void)order;
	count_read(p, 8);
	return __atomic_load_n(v, __ATOMIC_SEQ_CST);
}

void __tsan_atomic64_store(volatile void *p, u64 v, int order);
void __tsan_atomic64_store(volatile void *p, u64 v, int order)
{
	volatile u64 *to = p;

	(void)order;
	count_write(p, 8);
	__atomic_store_n(to, v, __ATOMIC_SEQ_CST);
}

/* Of what is no descriptor: a lock, a sequence count, a mode. */
u8 __tsan_atomic8_exchange(volatile u8 *p, u8 v, int order);
u8 __tsan_atomic8_exchange(volatile u8 *p, u8 v, int order)
{
	(void)order;
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

void __tsan_atomic8_store(volatile u8 *p, u8 v, int order);
void __tsan_atomic8_store(volatile u8 *p, u8 v, int order)
{
	(void)order;
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

u32 __tsan_atomic32_load(const volatile void *p, int order);
u32 __tsan_atomic32_load(const volatile void *p, int order)
{
	const volatile u32 *v = p;

	(void)order;
	return __atomic_load_n(v, __ATOMIC_SEQ_CST);
}

void __tsan_atomic32_store(volatile void *p, u32 v, int order);
void __tsan_atomic32_store(volatile void *p, u32 v, int order)
{
	volatile u32 *to = p;

	(void)order;
	__atomic_store_n(to, v, __ATOMIC_SEQ_CST);
}

u64 __tsan_atomic64_fetch_add(volatile void *p, u64 v, int order);
u64 __tsan_atomic64_fetch_add(volatile void *p, u64 v, int order)
{
	volatile u64 *to = p;

	(void)order;
	count_read(p, 8);
	count_write(p, 8);
	return __atomic_fetch_add(to, v, __ATOMIC_SEQ_CST);
}

/* What gcc emits for __atomic_compare_exchange_n(). */
bool __tsan_atomic64_compare_exchange_strong(volatile void *p, void *old, u64 v,
					     int order, int fail_order);
bool __tsan_atomic64_compare_exchange_strong(volatile void *p, void *old, u64 v,
					     int order, int fail_order)
{
	volatile u64 *to = p;
	u64 *want = old;
	bool is_stored;

	(void)order;
	(void)fail_order;
	count_read(p, 8);
	is_stored = __atomic_compare_exchange_n(
		to, want, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	if (is_stored)
		count_write(p, 8);
	return is_stored;
}

/* What clang emits for it. */
u64 __tsan_atomic64_compare_exchange_val(volatile u64 *p, u64 old, u64 v,
					 int order, int fail_order);
u64 __tsan_atomic64_compare_exchange_val(volatile u64 *p, u64 old, u64 v,
					 int order, int fail_order)
{
	__tsan_atomic64_compare_exchange_strong(p, &old, v, order, fail_order);
	return old;
}

#endif

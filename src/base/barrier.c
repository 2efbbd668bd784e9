// SPDX-License-Identifier: GPL-2.0-only
/* Cache maintenance of the host CPU: what it offers, and cleaning a range. */
#include "barrier.h"

#include <stdint.h>

#if defined(__aarch64__)

size_t cache_line_bytes(void)
{
	u64 ctr;

	__asm__("mrs %0, ctr_el0" : "=r"(ctr));
	return (size_t)4 << ((ctr >> 16) & 0xf);
}

const char *cache_clean_name(void)
{
	return "dc cvac";
}

void cache_clean(const void *p, size_t len)
{
	size_t line = cache_line_bytes();
	uintptr_t a = (uintptr_t)p & ~(line - 1);
	uintptr_t end = (uintptr_t)p + len;

	for (; a < end; a += line)
		__asm__ volatile("dc cvac, %0" ::"r"(a) : "memory");
	__asm__ volatile("dsb sy" ::: "memory");
}

#elif defined(__x86_64__)

#include <cpuid.h>

#define LEAF7_EBX_CLFLUSHOPT (1u << 23)
#define LEAF7_EBX_CLWB	     (1u << 24)

/*
 * Asked for once, before main(), and never written again: the kernel patches
 * the instruction in at boot (alternatives), so a call must not pay CPUID.
 */
static unsigned int leaf7_ebx;
static size_t line_bytes = 64;

__attribute__((constructor)) static void cache_probe(void)
{
	unsigned int a, b, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		leaf7_ebx = b;
	if (__get_cpuid(1, &a, &b, &c, &d) && (b >> 8 & 0xff))
		line_bytes = (b >> 8 & 0xff) * 8ul;
}

size_t cache_line_bytes(void)
{
	return line_bytes;
}

const char *cache_clean_name(void)
{
	if (leaf7_ebx & LEAF7_EBX_CLWB)
		return "clwb";
	return leaf7_ebx & LEAF7_EBX_CLFLUSHOPT ? "clflushopt" : "clflush";
}

static inline void clwb(uintptr_t a)
{
	__asm__ volatile("clwb %0" : "+m"(*(volatile char *)a));
}

static inline void clflushopt(uintptr_t a)
{
	__asm__ volatile("clflushopt %0" : "+m"(*(volatile char *)a));
}

static inline void clflush(uintptr_t a)
{
	__asm__ volatile("clflush %0" : "+m"(*(volatile char *)a));
}

void cache_clean(const void *p, size_t len)
{
	size_t line = line_bytes;
	uintptr_t a = (uintptr_t)p & ~(line - 1);
	uintptr_t end = (uintptr_t)p + len;

	if (leaf7_ebx & LEAF7_EBX_CLWB)
		for (; a < end; a += line)
			clwb(a);
	else if (leaf7_ebx & LEAF7_EBX_CLFLUSHOPT)
		for (; a < end; a += line)
			clflushopt(a);
	else
		for (; a < end; a += line)
			clflush(a);
	__asm__ volatile("sfence" ::: "memory");
}

#else

size_t cache_line_bytes(void)
{
	return 64;
}

const char *cache_clean_name(void)
{
	return "none";
}

void cache_clean(const void *p, size_t len)
{
	(void)p;
	(void)len;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

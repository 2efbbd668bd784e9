// SPDX-License-Identifier: GPL-2.0-only
/* Putting memory out of every cache of the CPU. */
#include "evict.h"

#include "barrier.h"

const char *evict_name(void)
{
#if defined(__x86_64__)
	return "clflush";
#elif defined(__aarch64__)
	return "dc civac";
#else
	return NULL;
#endif
}

void evict_lines(const void *p, size_t len)
{
	size_t line = cache_line_bytes();
	uintptr_t at = (uintptr_t)p & ~(uintptr_t)(line - 1);

	for (; at < (uintptr_t)p + len; at += line) {
#if defined(__x86_64__)
		__asm__ volatile("clflush (%0)" : : "r"(at) : "memory");
#elif defined(__aarch64__)
		__asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
#endif
	}
}

void evict_wait(void)
{
#if defined(__x86_64__)
	__asm__ volatile("mfence" : : : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("dsb sy" : : : "memory");
#endif
}

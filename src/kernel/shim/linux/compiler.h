/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiler shorthand; single-copy accesses come from base/barrier.h. */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#include <stddef.h>

#include "barrier.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __init
#define __initdata
#define __initconst
#define __maybe_unused __attribute__((__unused__))
#undef __always_inline /* the C library has one that is not enough */
#define __always_inline inline __attribute__((__always_inline__))
#define noinline	__attribute__((__noinline__))
#ifdef __clang__
#define __noipa noinline
#else
#define __noipa __attribute__((__noipa__))
#endif

/* What the counted twin does not report: it is no table's. */
#define SHIM_UNCOUNTED __attribute__((__no_sanitize_thread__))

#ifndef static_assert
#define static_assert _Static_assert
#endif

#define EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_GPL(sym)
#define MODULE_IMPORT_NS(ns)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sanitizer the code is built with, as both compilers tell it. */
#ifndef IOPT_SANITIZER_H
#define IOPT_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define HAS_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define HAS_TSAN 1
#endif

/* 1 or 0, for #if. */
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif

#endif

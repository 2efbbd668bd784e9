/* SPDX-License-Identifier: GPL-2.0-only */
/* Fixed-width integers under the names that the kernel gives them. */
#ifndef IOPT_TYPES_H
#define IOPT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#ifdef __cplusplus
#define IOPT_BEGIN_DECLS extern "C" {
#define IOPT_END_DECLS	 }
#else
#define IOPT_BEGIN_DECLS
#define IOPT_END_DECLS
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif

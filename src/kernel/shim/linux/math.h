/* SPDX-License-Identifier: GPL-2.0-only */
/* Rounding and comparison, each argument evaluated once. */
#ifndef SHIM_LINUX_MATH_H
#define SHIM_LINUX_MATH_H

#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

#define SHIM_PICK(a, op, b)             \
	({                              \
		__auto_type __a = (a);  \
		__auto_type __b = (b);  \
		__a op __b ? __a : __b; \
	})
#define min(a, b)	  SHIM_PICK(a, <, b)
#define max(a, b)	  SHIM_PICK(a, >, b)
#define min_t(type, a, b) SHIM_PICK((type)(a), <, (type)(b))
#define max_t(type, a, b) SHIM_PICK((type)(a), >, (type)(b))

#endif

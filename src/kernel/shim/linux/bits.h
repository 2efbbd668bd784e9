/* SPDX-License-Identifier: GPL-2.0-only */
/* Masks of bits. */
#ifndef SHIM_LINUX_BITS_H
#define SHIM_LINUX_BITS_H

#define BIT(n)		  (1ul << (n))
#define BIT_ULL(n)	  (1ull << (n))
#define GENMASK_ULL(h, l) ((~0ull >> (63 - (h))) & (~0ull << (l)))
#define GENMASK(h, l)	  ((~0ul >> (63 - (h))) & (~0ul << (l)))

#endif

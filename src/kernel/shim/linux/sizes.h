/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes, with the types that arithmetic on them has in the kernel. */
#ifndef SHIM_LINUX_SIZES_H
#define SHIM_LINUX_SIZES_H

#define SZ_4K	0x1000
#define SZ_16K	0x4000
#define SZ_64K	0x10000
#define SZ_1M	0x100000
#define SZ_2M	0x200000
#define SZ_16M	0x1000000
#define SZ_32M	0x2000000
#define SZ_512M 0x20000000
#define SZ_1G	0x40000000
#define SZ_2G	0x80000000

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* The leak detector: the arena counts what is not freed instead. */
#ifndef SHIM_LINUX_KMEMLEAK_H
#define SHIM_LINUX_KMEMLEAK_H

#define kmemleak_ignore(p) ((void)(p))

#endif

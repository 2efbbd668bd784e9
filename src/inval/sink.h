/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sink: gathers as arm-smmu-v3 does and sends nothing.
 *
 * Timed code invalidates into it, so that a measured time holds the cost of
 * gathering and none of a command queue. As with arm-smmu-v3, an unmap needs a
 * gather.
 */
#ifndef IOPT_SINK_H
#define IOPT_SINK_H

#include "gather.h"

IOPT_BEGIN_DECLS

/* Cookie: unused, may be NULL. */
extern const struct inval_ops inval_sink_ops;

IOPT_END_DECLS

#endif

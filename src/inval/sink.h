/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sink: gathers as a driver does and sends nothing.
 *
 * Timed code invalidates into it, so that a measured time holds the cost of
 * gathering and none of a command queue. As with those drivers, an unmap needs
 * a gather.
 */
#ifndef IOPT_SINK_H
#define IOPT_SINK_H

#include "gather.h"

IOPT_BEGIN_DECLS

/* As arm-smmu-v3. Cookie: unused, may be NULL. */
extern const struct inval_ops inval_sink_ops;

/**
 * inval_sink() - The sink that gathers by a rule.
 * @rule: one that widens, or any other
 *
 * Return: static operations; cookie unused, may be NULL.
 */
const struct inval_ops *inval_sink(const struct gather_rule *rule);

IOPT_END_DECLS

#endif

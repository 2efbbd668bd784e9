/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of Arm CPUs, which tell the kernel only numbers.
 *
 * Source: Arm ARM, MIDR_EL1; arch/arm64/include/asm/cputype.h of Linux.
 */
#ifndef IOPT_CPU_PART_H
#define IOPT_CPU_PART_H

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * cpu_part_name() - Name of a CPU.
 * @implementer: MIDR_EL1.Implementer
 * @part: MIDR_EL1.PartNum
 *
 * Return: a static string such as "Neoverse-N1"; NULL when it is not known.
 */
const char *cpu_part_name(unsigned int implementer, unsigned int part);

IOPT_END_DECLS

#endif

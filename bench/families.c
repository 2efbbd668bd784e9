// SPDX-License-Identifier: GPL-2.0-only
/* The one list of families. */
#include "families.h"

const struct bench_family *const bench_families[] = {
	&aftermath_family,
	&limit_family,
	&map_family,
	&unmap_family,
	NULL,
};

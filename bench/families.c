// SPDX-License-Identifier: GPL-2.0-only
/* The one list of families. */
#include "families.h"

/* One a line. */
/* clang-format off */
const struct bench_family *const bench_families[] = {
	&map_family,	      &unmap_family,   &unmap_partial_family,
	&iova_to_phys_family, &destroy_family, &dma_family,
	&tlbi_family,	      &replay_family,  &aftermath_family,
	&contention_family,   &limit_family,
#ifdef HAS_PROFILES
	&teardown_family,
#endif
	NULL,
};
/* clang-format on */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Every family of benchmarks, each in a file of its name. */
#ifndef IOPT_FAMILIES_H
#define IOPT_FAMILIES_H

#include "bench.h"

IOPT_BEGIN_DECLS

extern const struct bench_family aftermath_family;
extern const struct bench_family contention_family;
extern const struct bench_family destroy_family;
extern const struct bench_family dma_family;
extern const struct bench_family iova_to_phys_family;
extern const struct bench_family limit_family;
extern const struct bench_family map_family;
extern const struct bench_family replay_family;
extern const struct bench_family teardown_family;
extern const struct bench_family tlbi_family;
extern const struct bench_family unmap_family;
extern const struct bench_family unmap_partial_family;

/**
 * contention_places() - Where the threads of contention's cases go.
 * @env: of the process
 * @text: gets "cpus/place=" and the threads' CPUs, such as "2/complex=1,0",
 *	with blanks between; "" where threads cannot be placed
 * @size: bytes in @text
 */
void contention_places(const struct bench_env *env, char *text, size_t size);

IOPT_END_DECLS

#endif

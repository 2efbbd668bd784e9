// SPDX-License-Identifier: GPL-2.0-only
/* Prints what a step of spin() takes here in ns, the least of many tries. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spin.h"

#define NR_TRIES 2000
#define NR_STEPS 20000

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The difference of two lengths, so that reading the clock is not in it. */
int main(void)
{
	double least[2] = { INFINITY, INFINITY };

	for (int i = 0; i < NR_TRIES; i++) {
		double start = now_ns();

		spin((i % 2 + 1) * NR_STEPS);
		least[i % 2] = fmin(least[i % 2], now_ns() - start);
	}
	printf("%.6f\n", (least[1] - least[0]) / NR_STEPS);
	return EXIT_SUCCESS;
}

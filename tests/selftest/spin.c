// SPDX-License-Identifier: GPL-2.0-only
/* Work whose amount is known. */
#include "spin.h"

#include "barrier.h"

/* Wait until all earlier instructions are done. */
static void serialize(void)
{
#if defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#elif defined(__x86_64__)
	__asm__ volatile("lfence" ::: "memory");
#else
	smp_mb();
#endif
}

void spin(u64 nr)
{
	u64 x = nr;

	serialize();
	for (; nr; nr--) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		__asm__ volatile("" : "+r"(x));
	}
	serialize();
}

// SPDX-License-Identifier: GPL-2.0-only
/* How much memory this process may have pinned. */
#include "dma_limit.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>

#include "sizes.h"

static bool has_capability(unsigned int capability)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	u64 set = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %" SCNx64, &set) == 1)
			break;
	if (file)
		fclose(file);
	return set >> capability & 1;
}

int dma_limit_check(enum dma_way way, u64 bytes, struct iopt_err *err)
{
	bool is_type1 = way == DMA_TYPE1;
	struct rlimit limit = { .rlim_cur = 0 };
	char has[SIZE_TEXT_MAX], wants[SIZE_TEXT_MAX];

	if (has_capability(is_type1 ? CAP_IPC_LOCK : CAP_SYS_RESOURCE))
		return 0;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes)
		return 0;
	return iopt_err_set(err, -EPERM,
			    "RLIMIT_MEMLOCK is %s, and %s are pinned at a "
			    "time: 'ulimit -l %" PRIu64 "', or run as root "
			    "(%s), or ask for smaller sizes",
			    size_format(limit.rlim_cur, has),
			    size_format(bytes, wants), (bytes + 1023) / 1024,
			    is_type1 ? "CAP_IPC_LOCK" : "CAP_SYS_RESOURCE");
}

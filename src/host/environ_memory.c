// SPDX-License-Identifier: GPL-2.0-only
/* Facts of memory. */
#include "environ_facts.h"
#include "host_page.h"
#include "hostfs.h"
#include "sizes.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fact_page_size(const struct host_source *src, char *value)
{
	char text[SIZE_TEXT_MAX];

	return fact_format(value, "%s",
			   size_format(host_page_bytes(src->page), text));
}

/* A line "Key: n kB" of /proc/meminfo, in bytes. */
static bool meminfo_bytes(const struct host_source *src, const char *key,
			  u64 *bytes)
{
	FILE *f = hostfs_open(src->root, "proc/meminfo");
	char text[64];
	bool is_found;

	if (!f)
		return false;
	is_found = hostfs_value(f, key, NULL, text, sizeof(text));
	fclose(f);
	if (is_found)
		*bytes = strtoull(text, NULL, 10) * SZ_1K;
	return is_found;
}

bool fact_memory(const struct host_source *src, char *value)
{
	u64 bytes;

	return meminfo_bytes(src, "MemTotal", &bytes) &&
	       fact_format(value, "%llu MiB",
			   (unsigned long long)(bytes / SZ_1M));
}

bool fact_thp(const struct host_source *src, char *value)
{
	return fact_chosen(src, "sys/kernel/mm/transparent_hugepage/enabled",
			   value);
}

static int is_pool(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "hugepages-", 10);
}

/* "2M 16/20": free and all pages of a pool, appended when it has any. */
static void pool_add(const struct host_source *src, const char *name,
		     char *value)
{
	char text[SIZE_TEXT_MAX];
	size_t len = strlen(value);
	u64 nr, nr_free;

	if (!hostfs_u64(src->root, &nr,
			"sys/kernel/mm/hugepages/%s/nr_hugepages", name) ||
	    !hostfs_u64(src->root, &nr_free,
			"sys/kernel/mm/hugepages/%s/free_hugepages", name) ||
	    !nr)
		return;
	snprintf(value + len, HOST_VALUE_MAX - len, "%s%s %llu/%llu",
		 len ? ", " : "",
		 size_format(strtoull(name + 10, NULL, 10) * SZ_1K, text),
		 (unsigned long long)nr_free, (unsigned long long)nr);
}

bool fact_hugepages(const struct host_source *src, char *value)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int nr;

	hostfs_path(src->root, "sys/kernel/mm/hugepages", path, sizeof(path));
	nr = scandir(path, &entries, is_pool, alphasort);
	if (nr < 0)
		return false;
	value[0] = '\0';
	for (int i = 0; i < nr; i++) {
		pool_add(src, entries[i]->d_name, value);
		free(entries[i]);
	}
	free(entries);
	return value[0] || fact_format(value, "none");
}

bool fact_swap(const struct host_source *src, char *value)
{
	u64 bytes;

	if (!meminfo_bytes(src, "SwapTotal", &bytes))
		return false;
	return bytes ? fact_format(value, "%llu MiB",
				   (unsigned long long)(bytes / SZ_1M)) :
		       fact_format(value, "none");
}

bool fact_numa_balancing(const struct host_source *src, char *value)
{
	static const char *const modes[] = { "off", "on", "tiering",
					     "on and tiering" };
	u64 v;

	return hostfs_u64(src->root, &v, "proc/sys/kernel/numa_balancing") &&
	       v < ARRAY_SIZE(modes) && fact_format(value, "%s", modes[v]);
}

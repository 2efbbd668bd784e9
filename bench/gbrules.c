// SPDX-License-Identifier: GPL-2.0-only
/* What may go into a Google Benchmark result, and how it is written. */
#include "gbrules.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Fields of a row, libbenchmark 1.7.1 to 1.9.x: counters lie beside them. */
static const char *const row_fields[] = {
	"aggregate_name",
	"aggregate_unit",
	"allocs_per_iter",
	"big_o",
	"bytes_per_second",
	"cpu_coefficient",
	"cpu_time",
	"error_message",
	"error_occurred",
	"family_index",
	"items_per_second",
	"iterations",
	"label",
	"manual_time",
	"max_bytes_used",
	"min_time",
	"min_warmup_time",
	"name",
	"net_heap_growth",
	"per_family_instance_index",
	"process_time",
	"real_coefficient",
	"real_time",
	"repeats",
	"repetition_index",
	"repetitions",
	"rms",
	"run_name",
	"run_type",
	"skip_message",
	"skipped",
	"threads",
	"time_unit",
	"total_allocated_bytes",
};

/* Keys of the context, libbenchmark 1.7.1 to 1.9.x. */
static const char *const context_fields[] = {
	"aslr_enabled",	       "caches",
	"cpu_scaling_enabled", "date",
	"executable",	       "host_name",
	"json_schema_version", "library_build_type",
	"library_version",     "load_avg",
	"mhz_per_cpu",	       "num_cpus",
};

static bool is_listed(const char *const *list, size_t nr, const char *word)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(list[i], word))
			return true;
	return false;
}

static bool has_only(const char *text, const char *set)
{
	return *text && !text[strspn(text, set)];
}

const char *gbrule_counter(const char *name, double value)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	if (!has_only(name, set) || name[0] < 'a')
		return "a counter's name is lower case letters, digits and _";
	if (is_listed(row_fields, ARRAY_SIZE(row_fields), name))
		return "the name is a field of libbenchmark";
	if (!isfinite(value))
		return "the value is not finite";
	return NULL;
}

const char *gbrule_context(const char *key)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789_"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (!has_only(key, set))
		return "a context key is letters, digits and _";
	if (is_listed(context_fields, ARRAY_SIZE(context_fields), key))
		return "the key is one of libbenchmark";
	return NULL;
}

bool gbrule_is_time(double ns)
{
	return isfinite(ns) && ns >= 0;
}

static int write_part(FILE *out, const char *text, size_t len)
{
	errno = 0;
	if (fwrite(text, 1, len, out) == len)
		return 0;
	return errno ? -errno : -EIO;
}

int gbrule_write(FILE *out, const char *text)
{
	static const char key[] = "\"library_build_type\": \"";
	const char *at = strstr(text, key);
	int ret;

	if (at) {
		const char *rest = strchr(at + strlen(key), '"');
		const char *end = at;

		while (end > text && strchr(", \n", end[-1]))
			end--;
		ret = write_part(out, text, (size_t)(end - text));
		if (ret)
			return ret;
		text = rest ? rest + 1 : "";
	}
	ret = write_part(out, text, strlen(text));
	if (ret)
		return ret;
	errno = 0;
	if (fflush(out))
		return errno ? -errno : -EIO;
	return 0;
}

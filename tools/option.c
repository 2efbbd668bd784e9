// SPDX-License-Identifier: GPL-2.0-only
/* Options of the tools. */
#include "option.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"

#define FIRST_LONG 256

int option_number(const char *option, unsigned int min, unsigned int max,
		  unsigned int *number, struct iopt_err *err)
{
	char *end;
	unsigned long n = strtoul(optarg, &end, 10);

	if (*optarg < '0' || *optarg > '9' || *end || n < min || n > max)
		return iopt_err_set(err, -EINVAL,
				    "%s %s: must be a number from %u to %u",
				    option, optarg, min, max);
	*number = (unsigned int)n;
	return 0;
}

int option_page(const char *option, u64 *bytes, struct iopt_err *err)
{
	u64 size = 0;

	if (size_parse(optarg, &size) ||
	    (size != SZ_4K && size != SZ_16K && size != SZ_64K))
		return iopt_err_set(err, -EINVAL,
				    "%s %s: must be 4K, 16K or 64K", option,
				    optarg);
	*bytes = size;
	return 0;
}

int option_either(const char *option, const char *first, const char *second,
		  bool *is_first, struct iopt_err *err)
{
	if (strcmp(optarg, first) != 0 && strcmp(optarg, second) != 0)
		return iopt_err_set(err, -EINVAL, "%s %s: must be %s or %s",
				    option, optarg, first, second);
	*is_first = !strcmp(optarg, first);
	return 0;
}

int option_refused(int opt, char *const argv[], struct iopt_err *err)
{
	if (opt == ':')
		return iopt_err_set(err, -EINVAL, "%s: a value is wanted",
				    argv[optind - 1]);
	/* A letter may stand among others in a word that is not done yet. */
	if (optopt && optopt < FIRST_LONG)
		return iopt_err_set(err, -EINVAL,
				    "-%c: there is no such option, see --help",
				    optopt);
	return iopt_err_set(err, -EINVAL,
			    "%s: there is no such option, see --help",
			    argv[optind - 1]);
}

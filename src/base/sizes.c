// SPDX-License-Identifier: GPL-2.0-only
/* Sizes in bytes as people write them: 4K, 2M, 1G, 0x200000. */
#include "sizes.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char units[] = "KMGT";

int size_parse(const char *text, u64 *bytes)
{
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = is_hex ? text + 2 : text;
	const char *unit;
	unsigned int shift = 0;
	char *end;
	u64 v;

	if (is_hex ? !isxdigit((unsigned char)*digits) :
		     !isdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, is_hex ? 16 : 10);
	if (errno)
		return -ERANGE;
	if (!is_hex && *end) {
		unit = strchr(units, *end++);
		if (!unit)
			return -EINVAL;
		shift = 10u * (unsigned int)(unit - units + 1);
	}
	if (*end)
		return -EINVAL;
	if (shift && v >> (64 - shift))
		return -ERANGE;
	*bytes = v << shift;
	return 0;
}

const char *size_format(u64 bytes, char text[SIZE_TEXT_MAX])
{
	int unit = -1;

	while (bytes && !(bytes & 1023) && unit < 3) {
		bytes >>= 10;
		unit++;
	}
	if (unit < 0)
		snprintf(text, SIZE_TEXT_MAX, "%" PRIu64, bytes);
	else
		snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 "%c", bytes,
			 units[unit]);
	return text;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The rules of the drivers, as data. */
#include "gather.h"

#include <string.h>

static const struct gather_rule rules[] = {
	{ .name = "6.1" },
	{ .name = "6.12" },
	{ .name = "7.3", .fills_empty = true },
	{ .name = "smmuv2", .immediate = true },
	{ .name = "amdv1", .widens = true },
};

const struct gather_rule *gather_rule_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Libraries that look like a module: without a door, or with an old one. */
#ifdef HAS_DOOR
#include "kmodule.h"

const struct kmodule *kmodule(void)
{
	static const struct kmodule door = { .abi = 4711, .label = "old" };

	return &door;
}
#else
int not_a_door(void);
int not_a_door(void)
{
	return 0;
}
#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Names of Arm CPUs, which tell the kernel only numbers. */
#include "cpu_part.h"

enum implementer {
	ARM = 0x41,
	BROADCOM = 0x42,
	CAVIUM = 0x43,
	FUJITSU = 0x46,
	HISILICON = 0x48,
	NVIDIA = 0x4e,
	APM = 0x50,
	QUALCOMM = 0x51,
	APPLE = 0x61,
	MICROSOFT = 0x6d,
	PHYTIUM = 0x70,
	AMPERE = 0xc0,
};

static const struct {
	unsigned int implementer;
	unsigned int part;
	const char *name;
} parts[] = {
	{ ARM, 0xd03, "Cortex-A53" },
	{ ARM, 0xd04, "Cortex-A35" },
	{ ARM, 0xd05, "Cortex-A55" },
	{ ARM, 0xd07, "Cortex-A57" },
	{ ARM, 0xd08, "Cortex-A72" },
	{ ARM, 0xd09, "Cortex-A73" },
	{ ARM, 0xd0a, "Cortex-A75" },
	{ ARM, 0xd0b, "Cortex-A76" },
	{ ARM, 0xd0c, "Neoverse-N1" },
	{ ARM, 0xd0d, "Cortex-A77" },
	{ ARM, 0xd0e, "Cortex-A76AE" },
	{ ARM, 0xd40, "Neoverse-V1" },
	{ ARM, 0xd41, "Cortex-A78" },
	{ ARM, 0xd42, "Cortex-A78AE" },
	{ ARM, 0xd44, "Cortex-X1" },
	{ ARM, 0xd46, "Cortex-A510" },
	{ ARM, 0xd47, "Cortex-A710" },
	{ ARM, 0xd48, "Cortex-X2" },
	{ ARM, 0xd49, "Neoverse-N2" },
	{ ARM, 0xd4a, "Neoverse-E1" },
	{ ARM, 0xd4b, "Cortex-A78C" },
	{ ARM, 0xd4c, "Cortex-X1C" },
	{ ARM, 0xd4d, "Cortex-A715" },
	{ ARM, 0xd4e, "Cortex-X3" },
	{ ARM, 0xd4f, "Neoverse-V2" },
	{ ARM, 0xd80, "Cortex-A520" },
	{ ARM, 0xd81, "Cortex-A720" },
	{ ARM, 0xd82, "Cortex-X4" },
	{ ARM, 0xd83, "Neoverse-V3AE" },
	{ ARM, 0xd84, "Neoverse-V3" },
	{ ARM, 0xd85, "Cortex-X925" },
	{ ARM, 0xd87, "Cortex-A725" },
	{ ARM, 0xd8e, "Neoverse-N3" },
	{ BROADCOM, 0x516, "ThunderX2" },
	{ CAVIUM, 0x0a1, "ThunderX-88XX" },
	{ CAVIUM, 0x0af, "ThunderX2-99XX" },
	{ CAVIUM, 0x0b8, "ThunderX3-T110" },
	{ FUJITSU, 0x001, "A64FX" },
	{ HISILICON, 0xd01, "Kunpeng-920" },
	{ HISILICON, 0xd02, "HIP09" },
	{ HISILICON, 0xd06, "HIP12" },
	{ NVIDIA, 0x003, "Denver-2" },
	{ NVIDIA, 0x004, "Carmel" },
	{ APM, 0x000, "X-Gene" },
	{ QUALCOMM, 0x001, "Oryon" },
	{ QUALCOMM, 0xc00, "Falkor" },
	{ APPLE, 0x022, "Icestorm-M1" },
	{ APPLE, 0x023, "Firestorm-M1" },
	{ APPLE, 0x032, "Blizzard-M2" },
	{ APPLE, 0x033, "Avalanche-M2" },
	{ MICROSOFT, 0xd49, "Azure-Cobalt-100" },
	{ PHYTIUM, 0x662, "FTC662" },
	{ PHYTIUM, 0x663, "FTC663" },
	{ AMPERE, 0xac3, "Ampere-1" },
	{ AMPERE, 0xac4, "Ampere-1a" },
};

const char *cpu_part_name(unsigned int implementer, unsigned int part)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].implementer == implementer &&
		    parts[i].part == part)
			return parts[i].name;
	return NULL;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the machine: its name, and whether it is a virtual one. */
#include "environ_facts.h"
#include "hostfs.h"

#include <stdio.h>
#include <string.h>

static bool dmi_line(const struct host_source *src, const char *name,
		     char *value)
{
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "sys/class/dmi/id/%s", name) &&
	       value[0];
}

/* Firmware names a server by DMI, a board by its device tree. */
bool fact_machine(const struct host_source *src, char *value)
{
	char vendor[HOST_VALUE_MAX], product[HOST_VALUE_MAX];

	if (dmi_line(src, "sys_vendor", vendor) &&
	    dmi_line(src, "product_name", product))
		return fact_format(value, "%.250s %.250s", vendor, product);
	return hostfs_line(src->root, value, HOST_VALUE_MAX,
			   "proc/device-tree/model");
}

/* Vendors of virtual machines; some also sell hardware, told by its name. */
static const struct {
	const char *vendor;
	const char *not_product;
	const char *name;
} dmi_vendors[] = {
	{ "QEMU", NULL, "QEMU" },
	{ "KVM", NULL, "KVM" },
	{ "Amazon EC2", ".metal", "Amazon Nitro" },
	{ "Google", NULL, "Google Compute Engine" },
	{ "Microsoft Corporation", "Surface", "Hyper-V" },
	{ "VMware", NULL, "VMware" },
	{ "Xen", NULL, "Xen" },
	{ "innotek GmbH", NULL, "VirtualBox" },
	{ "Parallels", NULL, "Parallels" },
	{ "Alibaba Cloud", NULL, "Alibaba Cloud" },
	{ "OpenStack", NULL, "OpenStack" },
	{ "Apple Virtualization", NULL, "Apple Virtualization" },
};

static const char *dmi_hypervisor(const char *vendor, const char *product)
{
	for (size_t i = 0; i < ARRAY_SIZE(dmi_vendors); i++) {
		const char *except = dmi_vendors[i].not_product;

		if (strncmp(vendor, dmi_vendors[i].vendor,
			    strlen(dmi_vendors[i].vendor)))
			continue;
		if (!except || !strstr(product, except))
			return dmi_vendors[i].name;
	}
	return NULL;
}

#ifdef __x86_64__
#include <cpuid.h>

/* Leaf 0x40000000 holds the hypervisor's signature, if bit 31 says so. */
static bool cpuid_hypervisor(char *value)
{
	unsigned int a, b, c, d;
	char signature[13] = "";

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
		return false;
	__cpuid(0x40000000, a, b, c, d);
	memcpy(signature, &b, 4);
	memcpy(signature + 4, &c, 4);
	memcpy(signature + 8, &d, 4);
	return fact_format(value, "%s", signature[0] ? signature : "unnamed");
}
#else
static bool cpuid_hypervisor(char *value)
{
	(void)value;
	return false;
}
#endif

/* What x86 says in its flags: 1 for a guest, 0 for not, -1 for no flags. */
static int cpuinfo_is_guest(const struct host_source *src)
{
	FILE *f = hostfs_open(src->root, "proc/cpuinfo");
	char flags[8192];
	int is_guest = -1;

	if (!f)
		return -1;
	if (hostfs_value(f, "flags", NULL, flags, sizeof(flags)))
		is_guest = strstr(flags, " hypervisor") ? 1 : 0;
	fclose(f);
	return is_guest;
}

bool fact_hypervisor(const struct host_source *src, char *value)
{
	char vendor[HOST_VALUE_MAX] = "", product[HOST_VALUE_MAX] = "";
	int is_guest = cpuinfo_is_guest(src);
	const char *name;

	if (!src->root && cpuid_hypervisor(value))
		return true;
	if (hostfs_line(src->root, value, HOST_VALUE_MAX,
			"sys/hypervisor/type") ||
	    hostfs_line(src->root, value, HOST_VALUE_MAX,
			"proc/device-tree/hypervisor/compatible"))
		return true;
	if (!is_guest) /* x86 is sure; a cloud's bare metal has its name too */
		return fact_format(value, "none");
	dmi_line(src, "sys_vendor", vendor);
	dmi_line(src, "product_name", product);
	name = dmi_hypervisor(vendor, product);
	if (name)
		return fact_format(value, "%s", name);
	if (is_guest > 0)
		return fact_format(value, "unnamed");
	return vendor[0] && fact_format(value, "none");
}

// SPDX-License-Identifier: GPL-2.0-only
/* A PCI device of this machine that VFIO has, and why one cannot be used. */
#include "dma_device.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"

bool dma_device_is_refusal(int ret)
{
	return ret == -ENODEV || ret == -ENXIO || ret == -EBUSY ||
	       ret == -ENOTSUP || ret == -EACCES || ret == -EPERM;
}

/* dddd:bb:dd.f, as sysfs writes it. */
static bool is_address(const char *bdf)
{
	static const char shape[] = "xxxx:xx:xx.o";

	for (size_t i = 0; i < sizeof(shape); i++) {
		unsigned char c = (unsigned char)bdf[i];
		bool fits = shape[i] == 'x' ? isxdigit(c) && !isupper(c) :
			    shape[i] == 'o' ? c >= '0' && c <= '7' :
					      c == (unsigned char)shape[i];

		if (!fits)
			return false;
	}
	return true;
}

/* The last part of where a link leads; false when there is no such link. */
static bool link_name(const char *path, char name[DMA_NAME_MAX])
{
	char to[PATH_MAX];
	ssize_t len = readlink(path, to, sizeof(to) - 1);
	const char *last;

	if (len < 0)
		return false;
	to[len] = '\0';
	last = strrchr(to, '/');
	snprintf(name, DMA_NAME_MAX, "%.*s", DMA_NAME_MAX - 1,
		 last ? last + 1 : to);
	return true;
}

static bool device_link(const struct dma_device *d, const char *bdf,
			const char *what, char name[DMA_NAME_MAX])
{
	char path[DMA_PATH_MAX];

	snprintf(path, sizeof(path), "%s" DEVICES "/%s/%s", d->root, bdf, what);
	return link_name(path, name);
}

/* vfio-pci and its variants: mlx5_vfio_pci, nvgrace-gpu-vfio-pci. */
static bool is_vfio(const char *driver)
{
	static const char *const ends[] = { "vfio-pci", "vfio_pci" };
	size_t len = strlen(driver);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && !strcmp(driver + len - n, ends[i]))
			return true;
	}
	return false;
}

static int no_driver(const struct dma_device *d, struct iopt_err *err)
{
	return iopt_err_set(err, -EBUSY,
			    "%s: no driver has it: bind it with 'echo "
			    "vfio-pci > " DEVICES
			    "/%s/driver_override; echo %s > "
			    "/sys/bus/pci/drivers_probe'",
			    d->bdf, d->bdf, d->bdf);
}

/* Is there any IOMMU that the kernel uses? */
static bool has_iommus(const struct dma_device *d)
{
	char path[DMA_PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/class/iommu", d->root);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

/*
 * A device tree's devices get their group when a driver is bound, up to 6.14:
 * where there is an IOMMU at all, that is what is wanted first.
 */
static int no_group(const struct dma_device *d, struct iopt_err *err)
{
	char driver[DMA_NAME_MAX];

	if (has_iommus(d) && !device_link(d, d->bdf, "driver", driver))
		return no_driver(d, err);
	return iopt_err_set(err, -ENXIO,
			    "%s: no IOMMU stands before it (it has no "
			    "iommu_group): enable the SMMU or IOMMU in "
			    "the firmware, on x86 boot with "
			    "intel_iommu=on",
			    d->bdf);
}

static bool is_noiommu(const struct dma_device *d)
{
	char path[DMA_PATH_MAX], kind[DMA_NAME_MAX] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%lu/name",
		 d->root, d->group);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(kind, sizeof(kind), file))
		kind[0] = '\0';
	fclose(file);
	return !strncmp(kind, "vfio-noiommu", 12);
}

static int find_group(struct dma_device *d, struct iopt_err *err)
{
	char name[DMA_NAME_MAX];

	if (!device_link(d, d->bdf, "iommu_group", name))
		return no_group(d, err);
	d->group = strtoul(name, NULL, 10);
	if (is_noiommu(d))
		return iopt_err_set(err, -ENXIO,
				    "%s: VFIO has it without an IOMMU (noiommu "
				    "mode), where nothing is mapped: enable "
				    "the SMMU or IOMMU in the firmware",
				    d->bdf);
	if (!device_link(d, d->bdf, "iommu", d->iommu))
		strcpy(d->iommu, "unknown");
	return 0;
}

static int check_driver(struct dma_device *d, struct iopt_err *err)
{
	if (!device_link(d, d->bdf, "driver", d->driver))
		return no_driver(d, err);
	if (!is_vfio(d->driver))
		return iopt_err_set(err, -EBUSY,
				    "%s: driver %s has it, and nothing is "
				    "taken from a driver here: if nothing uses "
				    "the device, unbind it and bind it to "
				    "vfio-pci yourself",
				    d->bdf, d->driver);
	return 0;
}

/* Which files there are, and may they be opened? */
static int check_files(const struct dma_device *d, struct iopt_err *err)
{
	char path[DMA_PATH_MAX];
	bool has_type1, has_iommufd;

	snprintf(path, sizeof(path), "%s/dev/iommu", d->root);
	has_iommufd = !access(path, F_OK);
	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", d->root);
	has_type1 = !access(path, F_OK);
	if (!has_type1 && !has_iommufd)
		return iopt_err_set(err, -ENOTSUP,
				    "%s: no /dev/vfio/vfio and no /dev/iommu: "
				    "'modprobe vfio_iommu_type1', or take a "
				    "kernel with VFIO type1 or iommufd",
				    d->bdf);
	snprintf(path, sizeof(path), "%s/dev/vfio/%lu", d->root, d->group);
	if (access(path, F_OK))
		return has_iommufd ? 0 :
				     iopt_err_set(err, -ENOTSUP,
						  "%s: there is no such file "
						  "for %s: 'modprobe vfio-pci'",
						  path, d->bdf);
	/* With iommufd the device's own file may do. */
	if (access(path, R_OK | W_OK) && !has_iommufd)
		return iopt_err_set(err, -EACCES,
				    "%s: %s: run as root, or have root do "
				    "'chown USER %s'",
				    path, strerror(errno), path);
	return 0;
}

int dma_device_find(const char *root, const char *bdf,
		    struct dma_device *device, struct iopt_err *err)
{
	struct dma_device d = { 0 };
	char path[DMA_PATH_MAX];
	int ret;

	if (!is_address(bdf))
		return iopt_err_set(err, -EINVAL,
				    "device %.40s: must be a PCI address such "
				    "as 0000:01:00.0, see 'lspci -D'",
				    bdf);
	if (strlen(root) >= sizeof(d.root))
		return iopt_err_set(err, -EINVAL, "root %.40s...: too long",
				    root);
	strcpy(d.root, root);
	strcpy(d.bdf, bdf);
	snprintf(path, sizeof(path), "%s" DEVICES "/%s", root, bdf);
	if (access(path, F_OK))
		return iopt_err_set(err, -ENODEV,
				    "%s: this machine has no such device: "
				    "'lspci -D' lists those that it has",
				    bdf);
	ret = find_group(&d, err);
	if (!ret)
		ret = check_driver(&d, err);
	if (!ret)
		ret = check_files(&d, err);
	if (!ret)
		*device = d;
	return ret;
}

bool dma_device_intruder(const struct dma_device *device,
			 char bdf[DMA_NAME_MAX], char driver[DMA_NAME_MAX])
{
	char path[DMA_PATH_MAX], name[DMA_NAME_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" DEVICES "/%s/iommu_group/devices",
		 device->root, device->bdf);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		if (!is_address(entry->d_name) ||
		    !device_link(device, entry->d_name, "driver", name) ||
		    is_vfio(name) || !strcmp(name, "pcieport") ||
		    !strcmp(name, "pci-stub"))
			continue;
		snprintf(bdf, DMA_NAME_MAX, "%.*s", DMA_NAME_MAX - 1,
			 entry->d_name);
		strcpy(driver, name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

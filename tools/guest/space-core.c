// SPDX-License-Identifier: GPL-2.0-only
/* A space made of bare calls of the IOMMU core, through the guest's module. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "iopt-guest.h"
#include "space.h"

static int core_open(struct space *space, const char *bdf, struct iopt_err *err)
{
	struct iopt_guest_device device = { 0 };
	int ret;

	space->fd = open(IOPT_GUEST_PATH, O_RDWR | O_CLOEXEC);
	if (space->fd < 0)
		return iopt_err_set(err, -errno, "%s: %s", IOPT_GUEST_PATH,
				    strerror(errno));
	snprintf(device.name, sizeof(device.name), "%s", bdf);
	if (!ioctl(space->fd, IOPT_GUEST_ATTACH, &device))
		return 0;
	ret = -errno;
	return iopt_err_set(err, ret, "%s: a domain could not be attached: %s",
			    bdf, strerror(-ret));
}

static s64 core_call(struct space *space, unsigned long request,
		     const struct scenario_op *op)
{
	struct iopt_guest_range range = {
		.iova = op->iova,
		.paddr = op->paddr,
		.size = op->size,
	};

	return ioctl(space->fd, request, &range) ? -errno : range.ret;
}

static s64 core_map(struct space *space, const struct scenario_op *op)
{
	return core_call(space, IOPT_GUEST_MAP, op);
}

static s64 core_unmap(struct space *space, const struct scenario_op *op)
{
	return core_call(space, IOPT_GUEST_UNMAP, op);
}

static void core_nothing(struct space *space)
{
	struct iopt_guest_range range = { 0 };

	ioctl(space->fd, IOPT_GUEST_NOTHING, &range);
}

static void core_close(struct space *space)
{
	if (space->fd >= 0)
		close(space->fd);
}

const struct space_ops space_core = {
	.map_kind = SCENARIO_IOMMU_MAP,
	.unmap_kind = SCENARIO_IOMMU_UNMAP,
	.open = core_open,
	.map = core_map,
	.unmap = core_unmap,
	.nothing = core_nothing,
	.close = core_close,
};

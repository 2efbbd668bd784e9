// SPDX-License-Identifier: GPL-2.0-only
/* Memory from the guest's module, whose physical layout is known. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iopt-guest.h"
#include "space.h"

int space_frames(const struct scenario_op *op, void **out)
{
	const struct iopt_guest_layout layout = {
		.base = op->paddr,
		.run = op->run,
		.size = op->size,
	};
	int fd = open(IOPT_GUEST_PATH, O_RDWR | O_CLOEXEC);
	void *at = MAP_FAILED;
	int ret;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, IOPT_GUEST_LAYOUT, &layout))
		at = mmap(NULL, op->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0);
	ret = at == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!ret)
		*out = at;
	return ret;
}

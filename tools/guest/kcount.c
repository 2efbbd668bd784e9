// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel itself executes for one system call. */
#include "kcount.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What read(2) gives for the group. */
struct reading {
	u64 nr;
	u64 time_enabled;
	u64 time_running;
	u64 instructions;
	u64 cycles;
};

static int event_open(u64 config, int group_fd)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.read_format = PERF_FORMAT_GROUP |
			       PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = group_fd < 0,
		.exclude_user = 1,
		.exclude_hv = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, group_fd,
			  PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int kcount_init(struct kcount *count, struct iopt_err *err)
{
	int fd = event_open(PERF_COUNT_HW_INSTRUCTIONS, -1);
	int cycles_fd;

	if (fd < 0)
		return iopt_err_set(err, -ENOTSUP,
				    "no counter of instructions in kernel "
				    "mode here: %s",
				    strerror(-fd));
	cycles_fd = event_open(PERF_COUNT_HW_CPU_CYCLES, fd);
	if (cycles_fd < 0) {
		close(fd);
		return iopt_err_set(err, -ENOTSUP,
				    "no counter of cycles beside that of "
				    "instructions here: %s",
				    strerror(-cycles_fd));
	}
	*count = (struct kcount){ .fd = fd, .cycles_fd = cycles_fd };
	return 0;
}

int kcount_begin(struct kcount *count)
{
	if (ioctl(count->fd, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP) ||
	    ioctl(count->fd, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP))
		return -errno;
	return 0;
}

int kcount_end(struct kcount *count, struct kcount_value *value)
{
	struct reading r = { 0 };

	if (ioctl(count->fd, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP))
		return -errno;
	if (read(count->fd, &r, sizeof(r)) != sizeof(r) || r.nr != 2)
		return -EIO;
	if (r.time_enabled != r.time_running)
		return -EBUSY;
	*value = (struct kcount_value){ .instructions = r.instructions,
					.cycles = r.cycles };
	return 0;
}

void kcount_fini(struct kcount *count)
{
	close(count->cycles_fd);
	close(count->fd);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's log, read for warnings. */
#include "kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KMSG_PATH	"/dev/kmsg"
#define WARN_ONCE_PATH	"/sys/kernel/debug/clear_warn_once"
#define KMSG_RECORD_MAX 8192

int kmsg_init(struct kmsg *kmsg, struct iopt_err *err)
{
	int fd = open(KMSG_PATH, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return iopt_err_set(err, -errno, "%s: %s", KMSG_PATH,
				    strerror(errno));
	kmsg->fd = fd;
	return 0;
}

void kmsg_skip(struct kmsg *kmsg)
{
	int fd = open(WARN_ONCE_PATH, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		/* Without it a repeated warning is not seen, as anywhere. */
		if (write(fd, "1", 1) < 0)
			errno = 0;
		close(fd);
	}
	lseek(kmsg->fd, 0, SEEK_END);
}

unsigned int kmsg_nr_warnings(struct kmsg *kmsg)
{
	char record[KMSG_RECORD_MAX + 1];
	unsigned int nr = 0;
	ssize_t len;

	/* A read is one record; -EPIPE says that older ones are gone. */
	do {
		len = read(kmsg->fd, record, KMSG_RECORD_MAX);
		if (len > 0) {
			record[len] = '\0';
			nr += strstr(record, "WARNING: ") != NULL;
		}
	} while (len > 0 || (len < 0 && errno == EPIPE));
	return nr;
}

void kmsg_fini(struct kmsg *kmsg)
{
	close(kmsg->fd);
}

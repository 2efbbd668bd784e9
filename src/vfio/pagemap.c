// SPDX-License-Identifier: GPL-2.0-only
/* Reading which frames lie behind a process's memory. */
#include "pagemap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lg2.h"

#define ENTRIES_AT_ONCE 4096u
#define ENTRY_BYTES	8u
#define FRAME_BITS	55u
#define SWAPPED		(1ull << 62)
#define PRESENT		(1ull << 63)

/* All of @bytes, or an error. */
static int read_all(int fd, u64 at, void *to, size_t bytes,
		    struct iopt_err *err)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(fd, (char *)to + done, bytes - done,
				  (off_t)(at + done));
		int code = errno;

		if (n < 0 && code == EINTR)
			continue;
		if (n < 0)
			return iopt_err_set(err, -code, "pagemap: %s",
					    strerror(code));
		if (!n)
			return iopt_err_set(err, -EIO,
					    "pagemap: ends at byte %" PRIu64,
					    at + done);
		done += (size_t)n;
	}
	return 0;
}

static int add_entry(struct vm_frames *f, u64 addr, u64 entry,
		     struct iopt_err *err)
{
	u64 frame = entry & lg2_mask(FRAME_BITS);
	int ret;

	if (!(entry & PRESENT))
		return iopt_err_set(
			err, -ENODATA,
			"pagemap: the page at 0x%" PRIx64 " is %s", addr,
			entry & SWAPPED ? "swapped out" : "not in memory");
	if (!frame)
		return iopt_err_set(err, -EPERM,
				    "pagemap hides frames from this process: "
				    "it must have CAP_SYS_ADMIN");
	if (frame > VM_FRAMES_END / f->page)
		ret = -EINVAL;
	else
		ret = vm_frames_add(f, frame * f->page, f->page);
	if (ret)
		iopt_err_set(err, ret, "pagemap: frame 0x%" PRIx64 ": %s",
			     frame,
			     ret == -ENOMEM ? "no memory" : "is above 2^52");
	return ret;
}

int pagemap_read(int fd, u64 addr, u64 bytes, struct vm_frames *frames,
		 struct iopt_err *err)
{
	u64 entries[ENTRIES_AT_ONCE];
	u64 page = frames->page, end = addr + bytes;

	while (addr < end) {
		u64 nr = (end - addr) / page;
		int ret;

		if (nr > ENTRIES_AT_ONCE)
			nr = ENTRIES_AT_ONCE;
		ret = read_all(fd, addr / page * ENTRY_BYTES, entries,
			       nr * ENTRY_BYTES, err);
		for (u64 i = 0; i < nr && !ret; i++)
			ret = add_entry(frames, addr + i * page, entries[i],
					err);
		if (ret)
			return ret;
		addr += nr * page;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Memory that is allocated on this host as a VMM would. */
#include "vm_live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "buddy.h"
#include "host_page.h"
#include "lg2.h"
#include "pagemap.h"
#include "sizes.h"

/*
 * Of what is available, memory to take at most, where less will do and where
 * not; and the least that says a bit.
 */
#define SHARE	  4u
#define SHARE_ALL 2u
#define LEAST	  (64 * SZ_1M)
#define PATH_ROOM 512u

enum way { WAY_PAGES, WAY_THP, WAY_HUGETLB };

/**
 * struct live - A measurement.
 * @cfg: what was asked for
 * @way: how memory is got
 * @page: page size of the host in bytes
 * @huge: bytes of a huge page, of either kind; @page when there is none
 * @bytes: how much is taken
 * @is_exact: all of @bytes is wanted, or nothing
 * @thp: THP mode of the host, or "-"
 * @fd: pagemap of this process, where it is read
 * @err: gets the reason of a failure
 */
struct live {
	const struct vm_live_cfg *cfg;
	enum way way;
	u64 page;
	u64 huge;
	u64 bytes;
	bool is_exact;
	char thp[VM_FRAMES_TEXT];
	int fd;
	struct iopt_err *err;
};

bool vm_live_is_skip(int ret)
{
	return ret == -EPERM || ret == -ENODEV || ret == -ENOSPC;
}

/* First line of a file of the host without its newline. */
static int read_line(const struct live *l, const char *path, char *to,
		     size_t room)
{
	char full[PATH_ROOM];
	FILE *file;
	char *got;

	snprintf(full, sizeof(full), "%s%s", l->cfg->root, path);
	file = fopen(full, "r");
	if (!file)
		return -errno;
	got = fgets(to, (int)room, file);
	fclose(file);
	if (!got)
		return -EIO;
	to[strcspn(to, "\n")] = '\0';
	return 0;
}

static int available(const struct live *l, u64 *bytes)
{
	char full[PATH_ROOM], line[256];
	u64 kib = 0;
	FILE *file;

	snprintf(full, sizeof(full), "%s/proc/meminfo", l->cfg->root);
	file = fopen(full, "r");
	if (!file)
		return -errno;
	while (!kib && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) != 1)
			kib = 0;
	fclose(file);
	*bytes = kib * SZ_1K;
	return kib ? 0 : -ENODATA;
}

/* The word in brackets is in force: "always [madvise] never". */
static void read_thp_mode(struct live *l)
{
	char line[VM_FRAMES_TEXT];
	char *start, *end;

	strcpy(l->thp, "-");
	if (read_line(l, "/sys/kernel/mm/transparent_hugepage/enabled", line,
		      sizeof(line)))
		return;
	start = strchr(line, '[');
	end = start ? strchr(start, ']') : NULL;
	if (!end || end == start + 1)
		return;
	*end = '\0';
	strcpy(l->thp, start + 1);
}

static int read_way(struct live *l)
{
	char page[SIZE_TEXT_MAX];
	const char *how = l->cfg->how;
	u64 size;

	if (!strcmp(how, "thp")) {
		l->way = WAY_THP;
		l->huge = buddy_huge_page(l->page);
		return 0;
	}
	if (!size_parse(how, &size) && size == l->page) {
		l->way = WAY_PAGES;
		l->huge = l->page;
		return 0;
	}
	if (!size_parse(how, &size) && is_pow2(size) && size > l->page &&
	    size <= SZ_1G) {
		l->way = WAY_HUGETLB;
		l->huge = size;
		return 0;
	}
	return iopt_err_set(l->err, -EINVAL,
			    "live %s: must be %s, thp, or a size of hugetlb "
			    "pages such as 2M",
			    how, size_format(l->page, page));
}

static int size_hugetlb(struct live *l)
{
	char size[SIZE_TEXT_MAX], path[128], line[64];
	u64 nr, wanted = l->bytes / l->huge;
	int ret;

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/"
		 "free_hugepages",
		 (u64)(l->huge / SZ_1K));
	ret = read_line(l, path, line, sizeof(line));
	if (ret)
		return iopt_err_set(l->err, -ENODEV,
				    "this host has no hugetlb pages of %s (no "
				    "%s)",
				    size_format(l->huge, size), path);
	nr = strtoull(line, NULL, 10);
	if (!nr)
		return iopt_err_set(l->err, -ENOSPC,
				    "no hugetlb page of %s is free: reserve "
				    "some by nr_hugepages beside %s",
				    size_format(l->huge, size), path);
	if (l->is_exact && nr < wanted)
		return iopt_err_set(l->err, -ENOSPC,
				    "%" PRIu64 " hugetlb pages of %s are free, "
				    "%" PRIu64 " are needed: reserve more by "
				    "nr_hugepages beside %s",
				    nr, size_format(l->huge, size), wanted,
				    path);
	if (nr > wanted)
		nr = wanted;
	if (!nr)
		return iopt_err_set(l->err, -EINVAL,
				    "live %s: less than one page was asked for",
				    l->cfg->how);
	l->bytes = l->is_exact ? l->bytes : vm_frames_tile(nr * l->huge);
	return 0;
}

/* Is there enough, and how much of it to take? */
static int share_memory(struct live *l, u64 avail)
{
	char got[SIZE_TEXT_MAX], needs[SIZE_TEXT_MAX];
	u64 least = l->is_exact ? l->bytes : LEAST > l->huge ? LEAST : l->huge;
	u64 share = avail / (l->is_exact ? SHARE_ALL : SHARE);

	if (share < least)
		return iopt_err_set(l->err, -ENOSPC,
				    "too little memory is available: %s "
				    "of %s may be taken, %s are needed",
				    l->is_exact ? "half" : "a quarter",
				    size_format(avail, got),
				    size_format(least, needs));
	if (l->bytes > share)
		l->bytes = share;
	if (l->bytes < l->huge)
		return iopt_err_set(l->err, -EINVAL,
				    "live %s: %s are less than a page of %s",
				    l->cfg->how, size_format(l->bytes, got),
				    size_format(l->huge, needs));
	if (!l->is_exact)
		l->bytes = vm_frames_tile(l->bytes);
	return 0;
}

static int size_memory(struct live *l)
{
	u64 avail = 0;

	if (l->way == WAY_THP &&
	    (!strcmp(l->thp, "-") || !strcmp(l->thp, "never")))
		return iopt_err_set(l->err, -ENODEV,
				    "transparent huge pages are off on this "
				    "host: "
				    "/sys/kernel/mm/transparent_hugepage/"
				    "enabled must be madvise or always");
	if (available(l, &avail))
		return iopt_err_set(l->err, -ENOSPC,
				    "%s/proc/meminfo says nothing of "
				    "MemAvailable",
				    l->cfg->root);
	return share_memory(l, avail);
}

/* Memory aligned to 1G, as QEMU aligns it to its huge pages. */
static int map_memory(const struct live *l, u8 **mem)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	u64 room = l->bytes + SZ_1G, addr;
	u8 *p = mmap(NULL, room, PROT_NONE, flags, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	addr = align_up((u64)(uintptr_t)p, SZ_1G);
	if (addr > (u64)(uintptr_t)p)
		munmap(p, addr - (u64)(uintptr_t)p);
	if (addr + l->bytes < (u64)(uintptr_t)p + room)
		munmap((void *)(uintptr_t)(addr + l->bytes),
		       (u64)(uintptr_t)p + room - addr - l->bytes);
	flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	if (l->way == WAY_HUGETLB)
		flags |= MAP_HUGETLB |
			 (int)(lg2_floor(l->huge) << MAP_HUGE_SHIFT);
	p = mmap((void *)(uintptr_t)addr, l->bytes, PROT_READ | PROT_WRITE,
		 flags, -1, 0);
	if (p == MAP_FAILED) {
		int ret = -errno;

		munmap((void *)(uintptr_t)addr, l->bytes);
		return ret;
	}
	*mem = p;
	return 0;
}

static int get_memory(const struct live *l, u8 **mem)
{
	u8 *p = NULL;
	int ret = map_memory(l, &p);

	if (ret)
		return iopt_err_set(l->err, ret == -ENOMEM ? -ENOSPC : ret,
				    "mmap of %" PRIu64 " bytes: %s", l->bytes,
				    strerror(-ret));
	if (l->way != WAY_HUGETLB &&
	    madvise(p, l->bytes,
		    l->way == WAY_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)) {
		ret = -errno;
		/* A kernel without THP does not know MADV_NOHUGEPAGE either. */
		if (l->way == WAY_THP || ret != -EINVAL) {
			munmap(p, l->bytes);
			return iopt_err_set(l->err, ret, "madvise: %s",
					    strerror(-ret));
		}
	}
	*mem = p;
	return 0;
}

static void describe(const char *how, const char *thp, struct vm_frames *f)
{
	struct utsname uts;

	snprintf(f->how, sizeof(f->how), "%s", how);
	snprintf(f->thp, sizeof(f->thp), "%s", thp);
	if (!uname(&uts))
		snprintf(f->kernel, sizeof(f->kernel), "%.60s %.50s",
			 uts.release, uts.machine);
}

static void touch(const struct live *l, u8 *mem)
{
	for (u64 at = 0; at < l->bytes; at += l->page)
		((volatile u8 *)mem)[at] = 1;
}

static int read_frames(const struct live *l, u64 addr, u64 bytes,
		       struct vm_frames *f)
{
	if (l->cfg->read)
		return l->cfg->read(l->cfg->read_arg, addr, bytes, f, l->err);
	return pagemap_read(l->fd, addr, bytes, f, l->err);
}

/* Touch it page by page, and see what came. */
static int touch_and_read(const struct live *l, u8 *mem, struct vm_frames *f)
{
	int ret;

	touch(l, mem);
	ret = read_frames(l, (u64)(uintptr_t)mem, l->bytes, f);
	if (!ret)
		ret = vm_frames_check(f, l->err);
	return ret;
}

/* One page tells whether frames can be seen, before much is allocated. */
static int try_pagemap(const struct live *l)
{
	volatile u8 here = 1;
	struct vm_frames f;
	int ret;

	vm_frames_init(&f, l->page);
	ret = read_frames(l, align_down((u64)(uintptr_t)&here, l->page),
			  l->page, &f);
	vm_frames_fini(&f);
	return ret;
}

static int measure(const struct live *l, struct vm_frames *frames)
{
	struct vm_frames f;
	u8 *mem = NULL;
	int ret = try_pagemap(l);

	if (!ret)
		ret = get_memory(l, &mem);
	if (ret)
		return ret;
	vm_frames_init(&f, l->page);
	ret = touch_and_read(l, mem, &f);
	munmap(mem, l->bytes);
	if (ret) {
		vm_frames_fini(&f);
		return ret;
	}
	describe(l->cfg->how, l->thp, &f);
	*frames = f;
	return 0;
}

static int pagemap_open(struct iopt_err *err)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd >= 0)
		return fd;
	ret = errno == EACCES ? -EPERM : errno == ENOENT ? -ENODEV : -errno;
	return iopt_err_set(err, ret, "/proc/self/pagemap: %s",
			    strerror(errno));
}

/* How to get memory, and how much. */
static int prepare(struct live *l)
{
	int ret = read_way(l);

	if (ret)
		return ret;
	if (l->is_exact && (!l->bytes || l->bytes & (l->huge - 1)))
		return iopt_err_set(l->err, -EINVAL,
				    "live %s: 0x%" PRIx64 " bytes are no "
				    "multiple of its pages",
				    l->cfg->how, l->bytes);
	read_thp_mode(l);
	return l->way == WAY_HUGETLB ? size_hugetlb(l) : size_memory(l);
}

int vm_live_take(const struct vm_live_cfg *cfg, struct vm_live_memory *memory,
		 struct iopt_err *err)
{
	struct live l = {
		.cfg = cfg,
		.page = host_page_bytes(cfg->page),
		.bytes = cfg->bytes,
		.is_exact = true,
		.err = err,
	};
	int ret = prepare(&l);
	u8 *at = NULL;

	if (!ret)
		ret = get_memory(&l, &at);
	if (ret)
		return ret;
	touch(&l, at);
	*memory = (struct vm_live_memory){ .at = at,
					   .bytes = l.bytes,
					   .page = l.page };
	snprintf(memory->how, sizeof(memory->how), "%s", cfg->how);
	snprintf(memory->thp, sizeof(memory->thp), "%s", l.thp);
	return 0;
}

int vm_live_frames(const struct vm_live_memory *memory,
		   struct vm_frames *frames, struct iopt_err *err)
{
	int fd = pagemap_open(err);
	struct vm_frames f;
	int ret;

	if (fd < 0)
		return fd;
	vm_frames_init(&f, memory->page);
	ret = pagemap_read(fd, (u64)(uintptr_t)memory->at, memory->bytes, &f,
			   err);
	if (!ret)
		ret = vm_frames_check(&f, err);
	close(fd);
	if (ret) {
		vm_frames_fini(&f);
		return ret;
	}
	describe(memory->how, memory->thp, &f);
	*frames = f;
	return 0;
}

void vm_live_give_back(struct vm_live_memory *memory)
{
	munmap(memory->at, memory->bytes);
	*memory = (struct vm_live_memory){ .at = NULL };
}

int vm_live_measure(const struct vm_live_cfg *cfg, struct vm_frames *frames,
		    struct iopt_err *err)
{
	struct live l = {
		.cfg = cfg,
		.page = host_page_bytes(cfg->page),
		.bytes = cfg->bytes,
		.err = err,
	};
	int ret = prepare(&l);

	if (ret)
		return ret;
	if (cfg->read)
		return measure(&l, frames);
	l.fd = pagemap_open(err);
	if (l.fd < 0)
		return l.fd;
	ret = measure(&l, frames);
	close(l.fd);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Frames that memory really had. */
#include "vm_frames.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"
#include "sizes.h"

void vm_frames_init(struct vm_frames *frames, u64 page)
{
	*frames = (struct vm_frames){ .page = page };
	strcpy(frames->how, "-");
	strcpy(frames->kernel, "-");
	strcpy(frames->thp, "-");
}

u64 vm_frames_bytes(const struct vm_frames *frames)
{
	return frames->nr_runs ? frames->runs[frames->nr_runs - 1].end : 0;
}

u64 vm_frames_tile(u64 bytes)
{
	return bytes >= SZ_1G ? align_down(bytes, SZ_1G) :
				1ull << lg2_floor(bytes);
}

/* Offset of the first byte of a run. */
static u64 run_start(const struct vm_frames *f, size_t i)
{
	return i ? f->runs[i - 1].end : 0;
}

static u64 run_size(const struct vm_frames *f, size_t i)
{
	return f->runs[i].end - run_start(f, i);
}

static int make_room(struct vm_frames *f)
{
	size_t room = f->room ? f->room * 2 : 256;
	void *p;

	if (f->nr_runs < f->room)
		return 0;
	p = realloc(f->runs, room * sizeof(*f->runs));
	if (!p)
		return -ENOMEM;
	f->runs = p;
	f->room = room;
	return 0;
}

int vm_frames_add(struct vm_frames *f, u64 paddr, u64 size)
{
	u64 bytes = vm_frames_bytes(f);
	size_t last = f->nr_runs - 1;

	if (!size || (paddr | size) & (f->page - 1) || paddr > VM_FRAMES_END ||
	    size > VM_FRAMES_END - paddr)
		return -EINVAL;
	if (bytes + size > VM_FRAMES_END)
		return -EINVAL;
	if (f->nr_runs && f->runs[last].paddr + run_size(f, last) == paddr) {
		f->runs[last].end += size;
		return 0;
	}
	if (make_room(f))
		return -ENOMEM;
	f->runs[f->nr_runs++] = (struct vm_frame_run){ paddr, bytes + size };
	return 0;
}

u64 vm_frames_run(const struct vm_frames *f, u64 offset, u64 *paddr)
{
	size_t low = 0, high = f->nr_runs;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (f->runs[mid].end <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	*paddr = f->runs[low].paddr + offset - run_start(f, low);
	return f->runs[low].end - offset;
}

/* Start and end of a run, by which they are compared. */
struct extent {
	u64 start;
	u64 end;
};

static int by_start(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

int vm_frames_check(const struct vm_frames *f, struct iopt_err *err)
{
	struct extent *extents;
	int ret = 0;

	if (!f->nr_runs)
		return iopt_err_set(err, -EINVAL, "there is no run");
	extents = malloc(f->nr_runs * sizeof(*extents));
	if (!extents)
		return iopt_err_set(err, -ENOMEM, "no memory for %zu runs",
				    f->nr_runs);
	for (size_t i = 0; i < f->nr_runs; i++) {
		extents[i].start = f->runs[i].paddr;
		extents[i].end = f->runs[i].paddr + run_size(f, i);
	}
	qsort(extents, f->nr_runs, sizeof(*extents), by_start);
	for (size_t i = 1; i < f->nr_runs && !ret; i++)
		if (extents[i].start < extents[i - 1].end)
			ret = iopt_err_set(err, -EINVAL,
					   "the frame at 0x%" PRIx64
					   " is in two runs",
					   extents[i].start);
	free(extents);
	return ret;
}

void vm_frames_write(const struct vm_frames *f, FILE *file)
{
	char size[SIZE_TEXT_MAX];

	fprintf(file, "iopt-frames 1\npage %s\nhow %s\nkernel %s\nthp %s\n",
		size_format(f->page, size), f->how, f->kernel, f->thp);
	for (size_t i = 0; i < f->nr_runs; i++)
		fprintf(file, "0x%" PRIx64 " %s\n", f->runs[i].paddr,
			size_format(run_size(f, i), size));
	fprintf(file, "end %zu %s\n", f->nr_runs,
		size_format(vm_frames_bytes(f), size));
}

void vm_frames_fini(struct vm_frames *frames)
{
	free(frames->runs);
	frames->runs = NULL;
	frames->nr_runs = frames->room = 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: any bytes as a file of frames and as a layout. Neither
 * reader may crash or leak, errors must be one line that names the file or the
 * machine; frames that are accepted must be written as they were read, and a
 * layout must have ranges in order, aligned, over distinct memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sizes.h"
#include "vm_frames.h"
#include "vm_layout.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz_vm: %s\n", what);
	abort();
}

static char *written(const struct vm_frames *f)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	check(file != NULL, "no memory");
	vm_frames_write(f, file);
	fclose(file);
	return text;
}

/* What was read, written, read and written again. */
static void check_frames(const struct vm_frames *f)
{
	char *text = written(f), *again;
	struct vm_frames back;
	struct iopt_err err = { "" };
	int fd = memfd_create("frames", 0);
	char path[64];

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
	      "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(!vm_frames_load(path, &back, &err), err.msg);
	close(fd);
	again = written(&back);
	check(!strcmp(text, again), "not the same when written again");
	free(text);
	free(again);
	vm_frames_fini(&back);
}

static void check_layout(const struct vm_layout *l)
{
	u64 before = 0, ram = 0;

	check(l->nr_ranges && l->nr_ranges <= VM_MAX_RANGES, "ranges");
	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];

		check(r->size && r->iova >= before, "an overlap");
		check(!((r->iova | r->size) & (l->host_page - 1)), "alignment");
		before = r->iova + r->size;
		if (r->kind == VM_RAM)
			ram += r->size;
	}
	check(ram + l->hidden_bytes == l->ram_bytes, "RAM");
	check(l->last_iova == before - 1, "last");
}

static void check_error(const struct iopt_err *err)
{
	check(*err->msg && !strchr(err->msg, '\n'), "error text");
}

static void try_layout(const char *path, u64 ram, u64 host_page)
{
	struct iopt_err err = { "" };
	struct vm_layout *l;

	if (vm_layout_create(path, ram, host_page, &l, &err)) {
		check_error(&err);
		return;
	}
	check_layout(l);
	vm_layout_destroy(l);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);
	struct iopt_err err = { "" };
	struct vm_frames frames;
	char path[64];

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (vm_frames_load(path, &frames, &err)) {
		check_error(&err);
		check(!strncmp(err.msg, path, strlen(path)), "no file named");
	} else {
		check_frames(&frames);
		vm_frames_fini(&frames);
	}
	try_layout(path, SZ_1G, SZ_4K);
	try_layout(path, 7 * SZ_1G, SZ_16K);
	try_layout(path, 16384 * SZ_1G, SZ_64K);
	close(fd);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What lies behind a virtual machine's memory. */
#include "vm_backing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buddy.h"
#include "lg2.h"
#include "permute.h"
#include "rng.h"
#include "sizes.h"
#include "vm_frames.h"
#include "vm_live.h"

/* MMIO lies below this and memory above, as on many servers. */
#define HOST_MEMORY (64 * SZ_1G)

/**
 * struct scatter - Pages of one size, each somewhere else.
 * @page_lg2: log2 of a page's bytes
 * @base: physical address of the first frame
 * @places: which frame a page has
 */
struct scatter {
	unsigned int page_lg2;
	u64 base;
	struct permute places;
};

/**
 * struct thp - Memory of which some chunks are huge pages.
 * @chunk_lg2: log2 of a huge page's bytes
 * @nr_huge: chunks that are huge pages
 * @ranks: the chunks shuffled; those below @nr_huge are huge pages
 * @huge: where the huge pages lie
 */
struct thp {
	unsigned int chunk_lg2;
	u64 nr_huge;
	struct permute ranks;
	struct scatter huge;
};

/**
 * struct recorded - Frames that were recorded, repeated as often as needed.
 * @frames: what was recorded
 * @tile: bytes of it that are repeated; all of it if once is enough
 * @base: what the first copy of an address is moved to ...
 * @start: ... from this one
 * @stride: bytes from one copy to the next
 */
struct recorded {
	struct vm_frames frames;
	u64 tile;
	u64 base;
	u64 start;
	u64 stride;
};

/**
 * struct range_memory - One range of the layout, for its struct vfio_memory.
 * @backing: whose
 * @range: the range
 */
struct range_memory {
	const struct vm_backing *backing;
	const struct vm_range *range;
};

/**
 * struct vm_backing - Memory behind a layout.
 * @layout: the layout
 * @ram_run: finds a byte of the guest's RAM; as run of struct vfio_memory
 * @end: address behind the highest frame so far
 * @seeds: makes seeds
 * @own: ROMs and video memory
 * @scatter: RAM of scattered pages
 * @thp: RAM of which some is in huge pages
 * @buddy: RAM of single pages, or what is not in huge pages
 * @recorded: RAM whose frames were recorded
 * @note: what a result must say
 * @memory: what is handed out for each range
 * @args: their arguments
 */
struct vm_backing {
	const struct vm_layout *layout;
	u64 (*ram_run)(const struct vm_backing *b, u64 offset, u64 *paddr);
	u64 end;
	struct rng seeds;
	struct scatter own;
	struct scatter scatter;
	struct thp thp;
	struct buddy *buddy;
	struct recorded recorded;
	char note[VM_FRAMES_TEXT * 4];
	struct vfio_memory memory[VM_MAX_RANGES];
	struct range_memory args[VM_MAX_RANGES];
};

/* Frames for so many pages: a power of two, at a multiple of their size. */
static void scatter_init(struct scatter *s, struct vm_backing *b, u64 page,
			 u64 nr_pages)
{
	u64 nr = nr_pages ? 1ull << lg2_ceil(nr_pages) : 1;

	s->page_lg2 = lg2_floor(page);
	s->base = align_up(b->end, page);
	permute_init(&s->places, nr, rng_next(&b->seeds));
	b->end = s->base + nr * page;
}

static u64 scatter_run(const struct scatter *s, u64 offset, u64 *paddr)
{
	u64 in_page = offset & lg2_mask(s->page_lg2);
	u64 place = permute_at(&s->places, offset >> s->page_lg2);

	*paddr = s->base + (place << s->page_lg2) + in_page;
	return (1ull << s->page_lg2) - in_page;
}

static u64 ram_scattered(const struct vm_backing *b, u64 offset, u64 *paddr)
{
	return scatter_run(&b->scatter, offset, paddr);
}

static u64 ram_buddy(const struct vm_backing *b, u64 offset, u64 *paddr)
{
	return buddy_run(b->buddy, offset, paddr);
}

/* What is left of RAM behind the last whole chunk counts as one, not huge. */
static u64 ram_thp(const struct vm_backing *b, u64 offset, u64 *paddr)
{
	const struct thp *t = &b->thp;
	u64 chunk = offset >> t->chunk_lg2;
	u64 in_chunk = offset & lg2_mask(t->chunk_lg2);
	u64 left = (1ull << t->chunk_lg2) - in_chunk, len;
	u64 rank = chunk < t->ranks.n ? permute_at(&t->ranks, chunk) : chunk;

	if (rank < t->nr_huge)
		return scatter_run(&t->huge, (rank << t->chunk_lg2) + in_chunk,
				   paddr);
	rank -= t->nr_huge;
	len = buddy_run(b->buddy, (rank << t->chunk_lg2) + in_chunk, paddr);
	return len < left ? len : left;
}

static int make_buddy(struct vm_backing *b, u64 bytes, unsigned int small,
		      struct iopt_err *err)
{
	const struct buddy_cfg cfg = {
		.page = b->layout->host_page,
		.bytes = bytes,
		.small_percent = small,
		.base = align_up(b->end, buddy_max_block(b->layout->host_page)),
		.seed = rng_next(&b->seeds),
	};

	if (buddy_create(&cfg, &b->buddy))
		return iopt_err_set(err, -ENOMEM, "no memory for a backing");
	b->end = buddy_end(b->buddy);
	return 0;
}

static int make_thp(struct vm_backing *b, unsigned int percent,
		    struct iopt_err *err)
{
	u64 chunk = buddy_huge_page(b->layout->host_page);
	u64 nr = b->layout->ram_bytes / chunk;
	struct thp *t = &b->thp;

	if (!nr)
		nr = 1; /* no whole chunk: none of it can be huge */
	else
		t->nr_huge = (nr * percent + 50) / 100;
	t->chunk_lg2 = lg2_floor(chunk);
	permute_init(&t->ranks, nr, rng_next(&b->seeds));
	scatter_init(&t->huge, b, chunk, t->nr_huge);
	b->ram_run = ram_thp;
	return make_buddy(b, b->layout->ram_bytes - t->nr_huge * chunk, 100,
			  err);
}

/* The pages that a host has besides its own: hugetlb, mapped as blocks. */
static bool is_block(u64 host_page, u64 size)
{
	return size == buddy_huge_page(host_page) ||
	       (host_page == SZ_4K && size == SZ_1G);
}

static int make_pages(struct vm_backing *b, const char *word, u64 size,
		      struct iopt_err *err)
{
	u64 page = b->layout->host_page, ram = b->layout->ram_bytes;
	char host[SIZE_TEXT_MAX], huge[SIZE_TEXT_MAX], text[SIZE_TEXT_MAX];

	if (size != page && !is_block(page, size))
		return iopt_err_set(err, -EINVAL,
				    "backing %s on a host of %s pages: must be "
				    "%s or %s%s",
				    word, size_format(page, host),
				    size_format(page, text),
				    size_format(buddy_huge_page(page), huge),
				    page == SZ_4K ? " or 1G" : "");
	if (ram % size)
		return iopt_err_set(err, -EINVAL,
				    "backing %s of %s of RAM: RAM must be a "
				    "multiple of the page",
				    word, size_format(ram, text));
	scatter_init(&b->scatter, b, size, ram / size);
	b->ram_run = ram_scattered;
	return 0;
}

/* A word such as buddy25: the number behind @prefix, at most 100. */
static bool read_percent(const char *word, const char *prefix,
			 unsigned int *percent)
{
	size_t len = strlen(prefix), digits;

	if (strncmp(word, prefix, len) != 0)
		return false;
	word += len;
	digits = strspn(word, "0123456789");
	if (!digits || digits > 3 || word[digits] ||
	    (digits > 1 && *word == '0'))
		return false;
	*percent = (unsigned int)strtoul(word, NULL, 10);
	return *percent <= 100;
}

static u64 ram_recorded(const struct vm_backing *b, u64 offset, u64 *paddr)
{
	const struct recorded *r = &b->recorded;
	u64 nr = offset / r->tile, in_tile = offset % r->tile;
	u64 len = vm_frames_run(&r->frames, in_tile, paddr);

	*paddr = *paddr - r->start + r->base + nr * r->stride;
	return len < r->tile - in_tile ? len : r->tile - in_tile;
}

/* Where copies go: each in as many whole 1G as the recording spans. */
static int place_recorded(struct vm_backing *b, struct iopt_err *err)
{
	struct recorded *r = &b->recorded;
	u64 first = ~0ull, end = 0, nr, size;

	for (size_t i = 0; i < r->frames.nr_runs; i++) {
		u64 start = i ? r->frames.runs[i - 1].end : 0;
		const struct vm_frame_run *run = &r->frames.runs[i];

		if (run->paddr < first)
			first = run->paddr;
		if (run->paddr + run->end - start > end)
			end = run->paddr + run->end - start;
	}
	r->start = align_down(first, SZ_1G);
	r->stride = align_up(end, SZ_1G) - r->start;
	r->base = align_up(b->end, SZ_1G);
	nr = div_round_up(b->layout->ram_bytes, r->tile);
	if (__builtin_mul_overflow(nr, r->stride, &size) ||
	    __builtin_add_overflow(r->base, size, &b->end))
		return iopt_err_set(err, -ERANGE,
				    "%" PRIu64 " copies of frames that span "
				    "0x%" PRIx64 " bytes end above 2^64",
				    nr, r->stride);
	return 0;
}

/* The frames are the backing's, whatever is returned. */
static int use_recorded(struct vm_backing *b, const char *what,
			struct iopt_err *err)
{
	struct recorded *r = &b->recorded;
	u64 bytes = vm_frames_bytes(&r->frames), ram = b->layout->ram_bytes;
	char page[SIZE_TEXT_MAX], host[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX];

	if (r->frames.page < b->layout->host_page)
		return iopt_err_set(err, -EINVAL,
				    "%s: recorded with pages of %s, the host's "
				    "are %s: must be at most that",
				    what, size_format(r->frames.page, page),
				    size_format(b->layout->host_page, host));
	r->tile = ram <= bytes ? bytes : vm_frames_tile(bytes);
	snprintf(b->note, sizeof(b->note),
		 "%s recorded (%s, page %s, kernel %s, thp %s), %" PRIu64
		 " runs, used %" PRIu64 " times",
		 size_format(bytes, size), r->frames.how,
		 size_format(r->frames.page, page), r->frames.kernel,
		 r->frames.thp, (u64)r->frames.nr_runs,
		 div_round_up(ram, r->tile));
	b->ram_run = ram_recorded;
	return place_recorded(b, err);
}

static int make_live(struct vm_backing *b, const char *how,
		     struct iopt_err *err)
{
	const struct vm_live_cfg cfg = {
		.how = how,
		.bytes = b->layout->ram_bytes,
		.root = "",
	};
	int ret = vm_live_measure(&cfg, &b->recorded.frames, err);

	return ret ? ret : use_recorded(b, how, err);
}

static int make_file(struct vm_backing *b, const char *path,
		     struct iopt_err *err)
{
	int ret = vm_frames_load(path, &b->recorded.frames, err);

	return ret ? ret : use_recorded(b, path, err);
}

static bool is_trace_path(const char *text)
{
	size_t len = strlen(text);

	return strchr(text, '/') ||
	       (len > 6 && !strcmp(text + len - 6, ".trace")) ||
	       (len > 3 && !strcmp(text + len - 3, ".xz"));
}

static int load_trace(struct vm_frames *frames, const char *name,
		      struct iopt_err *err)
{
	static const char *const forms[] = {
		IOPT_TRACE_DIR "/%s.trace.xz",
		IOPT_TRACE_DIR "/%s.trace",
		"data/traces/%s.trace.xz",
		"data/traces/%s.trace",
	};
	char path[1024];
	int ret = -ENOENT;

	if (is_trace_path(name))
		return vm_frames_from_trace(name, frames, err);
	for (size_t i = 0; i < ARRAY_SIZE(forms) && ret == -ENOENT; i++) {
		snprintf(path, sizeof(path), forms[i], name);
		ret = vm_frames_from_trace(path, frames, err);
	}
	if (ret == -ENOENT)
		iopt_err_set(err, ret,
			     "no trace \"%s\": must be one of data/traces, or "
			     "a file with a / in its name, or .trace or .xz at "
			     "its end",
			     name);
	return ret;
}

static int make_trace(struct vm_backing *b, const char *name,
		      struct iopt_err *err)
{
	int ret = load_trace(&b->recorded.frames, name, err);

	return ret ? ret : use_recorded(b, name, err);
}

/* What is behind @prefix in @word, or NULL. */
static const char *behind(const char *word, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(word, prefix, len) ? NULL : word + len;
}

static int make_ram(struct vm_backing *b, const char *word,
		    struct iopt_err *err)
{
	const char *rest;
	unsigned int percent;
	u64 size;

	if ((rest = behind(word, "live-")))
		return make_live(b, rest, err);
	if ((rest = behind(word, "file:")))
		return make_file(b, rest, err);
	if ((rest = behind(word, "trace:")))
		return make_trace(b, rest, err);
	if (read_percent(word, "buddy", &percent)) {
		b->ram_run = ram_buddy;
		return make_buddy(b, b->layout->ram_bytes, percent, err);
	}
	if (read_percent(word, "thp", &percent))
		return make_thp(b, percent, err);
	if (!size_parse(word, &size) && !strchr(word, 'x'))
		return make_pages(b, word, size, err);
	return iopt_err_set(err, -EINVAL,
			    "backing \"%s\": must be a page size such as 4K or "
			    "2M, buddy0 .. buddy100, thp0 .. thp100, live-HOW, "
			    "file:PATH or trace:NAME",
			    word);
}

static u64 range_run(const void *arg, u64 offset, u64 *paddr)
{
	const struct range_memory *m = arg;
	const struct vm_range *r = m->range;
	u64 left = r->size - offset, len;

	switch (r->kind) {
	case VM_RAM:
		len = m->backing->ram_run(m->backing, r->offset + offset,
					  paddr);
		break;
	case VM_BAR:
		*paddr = r->phys + offset;
		return left;
	default:
		len = scatter_run(&m->backing->own, r->offset + offset, paddr);
	}
	return len < left ? len : left;
}

/* Addresses that would be too high, or a BAR where memory is. */
static int check_addresses(const struct vm_backing *b, unsigned int oas,
			   struct iopt_err *err)
{
	u64 end = b->end;

	for (size_t i = 0; i < b->layout->nr_ranges; i++) {
		const struct vm_range *r = &b->layout->ranges[i];

		if (r->kind != VM_BAR)
			continue;
		if (r->phys < b->end && r->phys + r->size > HOST_MEMORY)
			return iopt_err_set(err, -EINVAL,
					    "%s: %s at 0x%" PRIx64
					    " lies in the host's memory, which "
					    "starts at 0x%llx",
					    b->layout->name, r->name, r->phys,
					    HOST_MEMORY);
		if (r->phys + r->size > end)
			end = r->phys + r->size;
	}
	if (end - 1 > lg2_mask(oas))
		return iopt_err_set(err, -ERANGE,
				    "memory up to 0x%" PRIx64
				    " is above %u bits of output address",
				    end - 1, oas);
	return 0;
}

int vm_backing_create(const char *word, const struct vm_layout *layout,
		      unsigned int oas, u64 seed, struct vm_backing **out,
		      struct iopt_err *err)
{
	struct vm_backing *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return iopt_err_set(err, -ENOMEM, "no memory for a backing");
	b->layout = layout;
	b->end = HOST_MEMORY;
	rng_init(&b->seeds, seed);
	scatter_init(&b->own, b, layout->host_page,
		     layout->own_bytes / layout->host_page);
	ret = make_ram(b, word, err);
	if (!ret)
		ret = check_addresses(b, oas, err);
	if (ret) {
		vm_backing_destroy(b);
		return ret;
	}
	for (size_t i = 0; i < layout->nr_ranges; i++) {
		b->args[i] = (struct range_memory){ b, &layout->ranges[i] };
		b->memory[i] = (struct vfio_memory){
			.run = range_run,
			.arg = &b->args[i],
			.is_bar = layout->ranges[i].kind == VM_BAR,
		};
	}
	*out = b;
	return 0;
}

const struct vfio_memory *vm_backing_memory(const struct vm_backing *backing,
					    size_t range)
{
	return &backing->memory[range];
}

u64 vm_backing_bytes(const struct vm_backing *backing)
{
	return sizeof(*backing) +
	       (backing->buddy ? buddy_bytes(backing->buddy) : 0) +
	       backing->recorded.frames.room * sizeof(struct vm_frame_run);
}

const char *vm_backing_note(const struct vm_backing *backing)
{
	return backing->note;
}

const char *vm_backing_word_at(u64 host_page, size_t i)
{
	static const char *const words_4k[] = { "4K",	 "buddy0", "buddy75",
						"thp50", "thp90",  "2M",
						"1G" };
	static const char *const words_16k[] = { "16K",	  "buddy0", "buddy75",
						 "thp50", "thp90",  "32M" };
	static const char *const words_64k[] = { "64K",	  "buddy0", "buddy75",
						 "thp50", "thp90",  "512M" };

	switch (host_page) {
	case SZ_4K:
		return i < ARRAY_SIZE(words_4k) ? words_4k[i] : NULL;
	case SZ_16K:
		return i < ARRAY_SIZE(words_16k) ? words_16k[i] : NULL;
	default:
		return i < ARRAY_SIZE(words_64k) ? words_64k[i] : NULL;
	}
}

void vm_backing_destroy(struct vm_backing *backing)
{
	if (!backing)
		return;
	buddy_destroy(backing->buddy);
	vm_frames_fini(&backing->recorded.frames);
	free(backing);
}

// SPDX-License-Identifier: GPL-2.0-only
/* What lies behind a virtual machine's memory. */
#include "vm_backing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buddy.h"
#include "lg2.h"
#include "permute.h"
#include "rng.h"
#include "sizes.h"

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

static int make_ram(struct vm_backing *b, const char *word,
		    struct iopt_err *err)
{
	unsigned int percent;
	u64 size;

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
			    "2M, buddy0 .. buddy100 or thp0 .. thp100",
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
	       (backing->buddy ? buddy_bytes(backing->buddy) : 0);
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
	free(backing);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Memory layouts of virtual machines: from windows of RAM to DMA ranges. */
#include "vm_layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"
#include "sizes.h"
#include "vm_template.h"

static const char *const shipped[] = { "virt", "q35" };

/**
 * struct view - The flat view of guest physical memory, while it is made.
 * @layout: what it goes into; ranges are in no order yet
 * @template: what it is made from
 * @ram_end: end of the highest window of RAM, in bytes
 * @err: gets the reason of a failure; may be NULL
 */
struct view {
	struct vm_layout *layout;
	const struct vm_template *template;
	u64 ram_end;
	struct iopt_err *err;
};

static struct vm_range *range_new(struct view *view)
{
	struct vm_layout *layout = view->layout;

	if (layout->nr_ranges == VM_MAX_RANGES) {
		iopt_err_set(view->err, -EINVAL,
			     "%s: more than %u ranges with RAM of 0x%llx bytes",
			     layout->name, VM_MAX_RANGES,
			     (unsigned long long)layout->ram_bytes);
		return NULL;
	}
	return &layout->ranges[layout->nr_ranges++];
}

/* Equal shares, as many as asked for as long as each has its least size. */
static u64 node_size(const struct vm_template *t, u64 ram)
{
	u64 nr = t->nr_nodes;

	while (nr > 1 && ram / nr < t->node_min)
		nr /= 2;
	return align_down(ram / nr, t->node_min < ram ? t->node_min : 1);
}

/* Bytes of RAM from @offset on that are of one backend; the last has the rest.
 */
static u64 node_left(const struct vm_template *t, u64 ram, u64 offset,
		     unsigned int *node)
{
	u64 size = node_size(t, ram), nr = ram / size;

	if (nr > t->nr_nodes)
		nr = t->nr_nodes;
	*node = (unsigned int)(offset / size);
	if (*node >= nr - 1) {
		*node = (unsigned int)nr - 1;
		return ram - offset;
	}
	return size - offset % size;
}

/* RAM, window by window, cut where one backend ends and another begins. */
static int view_ram(struct view *view)
{
	const struct vm_template *t = view->template;
	u64 ram = view->layout->ram_bytes, offset = 0;

	for (size_t i = 0; i < t->nr_windows && offset < ram; i++) {
		const struct vm_window *w = &t->windows[i];
		u64 iova = w->iova, left = ram - offset;

		if (left > w->size && (offset || ram >= w->all_below))
			left = w->size;
		while (left) {
			struct vm_range *r = range_new(view);
			unsigned int node;
			u64 len = node_left(t, ram, offset, &node);

			if (!r)
				return -EINVAL;
			if (len > left)
				len = left;
			*r = (struct vm_range){
				.iova = iova,
				.size = len,
				.offset = offset,
			};
			snprintf(r->name, sizeof(r->name), "node%u", node);
			strcpy(r->note, w->note);
			iova += len;
			offset += len;
			left -= len;
		}
		view->ram_end = iova;
	}
	if (offset < ram)
		return iopt_err_set(view->err, -EINVAL,
				    "%s: windows hold 0x%llx bytes of RAM",
				    t->name, (unsigned long long)offset);
	return 0;
}

/* Where a piece lies, which may depend on where RAM ends. */
static u64 piece_iova(const struct view *view, const struct vm_piece *p)
{
	u64 end = view->ram_end;

	if (!p->above_ram)
		return p->iova;
	if (end < p->floor)
		end = p->floor;
	return align_up(end + p->gap, p->above_ram) + p->iova;
}

/* Move the start of a range up by @bytes. */
static void skip_bytes(struct vm_range *r, u64 bytes)
{
	r->iova += bytes;
	r->size -= bytes;
	if (r->kind == VM_BAR)
		r->phys += bytes;
	else
		r->offset += bytes;
}

/* What of range @i lies in [@start, @end) goes; the rest stays. */
static int cut_range(struct view *view, size_t i, u64 start, u64 end)
{
	struct vm_range *r = &view->layout->ranges[i], *upper;
	u64 r_end = r->iova + r->size;

	if (start >= r_end || end <= r->iova)
		return 0;
	if (end < r_end) {
		upper = range_new(view);
		if (!upper)
			return -EINVAL;
		*upper = *r;
		skip_bytes(upper, end - r->iova);
	}
	r->size = start > r->iova ? start - r->iova : 0;
	return 0;
}

/* A hole may lie over anything; what is mapped only over RAM. */
static int cut_all(struct view *view, const struct vm_piece *p, u64 iova)
{
	struct vm_layout *layout = view->layout;
	size_t nr = layout->nr_ranges;

	for (size_t i = 0; i < nr; i++) {
		const struct vm_range *r = &layout->ranges[i];

		if (p->kind != VM_PIECE_HOLE && r->kind != VM_RAM &&
		    iova < r->iova + r->size && iova + p->size > r->iova)
			return iopt_err_set(view->err, -EINVAL,
					    "%s: [range %s] overlaps %s",
					    layout->name, p->name, r->name);
		if (cut_range(view, i, iova, iova + p->size))
			return -EINVAL;
	}
	return 0;
}

/* A part of RAM that is mapped read only. */
static int view_shadow(struct view *view, const struct vm_piece *p, u64 iova)
{
	struct vm_layout *layout = view->layout;

	for (size_t i = 0; i < layout->nr_ranges; i++) {
		const struct vm_range r = layout->ranges[i];
		struct vm_range *new;

		if (r.kind != VM_RAM || iova < r.iova ||
		    iova + p->size > r.iova + r.size)
			continue;
		if (cut_range(view, i, iova, iova + p->size))
			return -EINVAL;
		new = range_new(view);
		if (!new)
			return -EINVAL;
		*new = (struct vm_range){
			.iova = iova,
			.size = p->size,
			.is_readonly = true,
			.offset = r.offset + iova - r.iova,
		};
		strcpy(new->name, p->name);
		strcpy(new->note, p->note);
		return 0;
	}
	return iopt_err_set(view->err, -EINVAL,
			    "%s: [range %s] must lie in one backend's RAM",
			    layout->name, p->name);
}

static int view_piece(struct view *view, const struct vm_piece *p)
{
	static const enum vm_range_kind kinds[] = {
		[VM_PIECE_ROM] = VM_ROM,
		[VM_PIECE_VRAM] = VM_VRAM,
		[VM_PIECE_BAR] = VM_BAR,
	};
	u64 iova = piece_iova(view, p);
	struct vm_range *r;

	if (p->kind == VM_PIECE_SHADOW)
		return view_shadow(view, p, iova);
	if (cut_all(view, p, iova))
		return -EINVAL;
	if (p->kind == VM_PIECE_HOLE)
		return 0;
	r = range_new(view);
	if (!r)
		return -EINVAL;
	*r = (struct vm_range){
		.iova = iova,
		.size = p->size,
		.kind = kinds[p->kind],
		.is_readonly = p->kind == VM_PIECE_ROM,
		.phys = p->phys,
	};
	strcpy(r->name, p->name);
	strcpy(r->note, p->note);
	return 0;
}

/*
 * vfio_listener_region_add(): a section is rounded inwards to host pages, and
 * left out when nothing remains.
 */
static void listen(struct vm_range *r, u64 page)
{
	u64 start = align_up(r->iova, page);
	u64 end = align_down(r->iova + r->size, page);

	if (start >= end) {
		r->size = 0;
		return;
	}
	skip_bytes(r, start - r->iova);
	r->size = end - r->iova;
}

static int by_iova(const void *a, const void *b)
{
	const struct vm_range *x = a, *y = b;

	return (x->iova > y->iova) - (x->iova < y->iova);
}

/* In order, without those that are empty; what lies where is counted. */
static int view_finish(struct view *view)
{
	struct vm_layout *layout = view->layout;
	u64 page = layout->host_page, ram = 0;
	size_t nr = 0;

	for (size_t i = 0; i < layout->nr_ranges; i++) {
		listen(&layout->ranges[i], page);
		if (layout->ranges[i].size)
			layout->ranges[nr++] = layout->ranges[i];
	}
	layout->nr_ranges = nr;
	if (!nr)
		return iopt_err_set(view->err, -EINVAL,
				    "%s: holes leave no range", layout->name);
	qsort(layout->ranges, nr, sizeof(layout->ranges[0]), by_iova);
	for (size_t i = 0; i < nr; i++) {
		struct vm_range *r = &layout->ranges[i];

		if (r->kind == VM_RAM)
			ram += r->size;
		if (r->kind == VM_ROM || r->kind == VM_VRAM) {
			r->offset = layout->own_bytes;
			layout->own_bytes += r->size;
		}
	}
	layout->hidden_bytes = layout->ram_bytes - ram;
	layout->last_iova =
		layout->ranges[nr - 1].iova + layout->ranges[nr - 1].size - 1;
	return 0;
}

static bool overlaps(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Windows may not overlap, nor may BARs on the side of the host. */
static int view_check(const struct view *view)
{
	const struct vm_layout *layout = view->layout;

	for (size_t i = 0; i < layout->nr_ranges; i++) {
		const struct vm_range *a = &layout->ranges[i];

		for (size_t k = 0; k < i; k++) {
			const struct vm_range *b = &layout->ranges[k];

			if (overlaps(a->iova, a->size, b->iova, b->size))
				return iopt_err_set(view->err, -EINVAL,
						    "%s: %s overlaps %s",
						    layout->name, a->name,
						    b->name);
			if (a->kind == VM_BAR && b->kind == VM_BAR &&
			    overlaps(a->phys, a->size, b->phys, b->size))
				return iopt_err_set(view->err, -EINVAL,
						    "%s: phys of %s overlaps "
						    "that of %s",
						    layout->name, a->name,
						    b->name);
		}
	}
	return 0;
}

static int view_make(struct view *view)
{
	const struct vm_template *t = view->template;
	int ret = view_ram(view);

	for (size_t i = 0; i < t->nr_pieces && !ret; i++)
		ret = view_piece(view, &t->pieces[i]);
	if (!ret)
		ret = view_finish(view);
	return ret ? ret : view_check(view);
}

static int check_request(const struct vm_template *t, u64 ram, u64 host_page,
			 struct iopt_err *err)
{
	char got[SIZE_TEXT_MAX], min[SIZE_TEXT_MAX], max[SIZE_TEXT_MAX];

	if (host_page != SZ_4K && host_page != SZ_16K && host_page != SZ_64K)
		return iopt_err_set(err, -EINVAL,
				    "host page of %s: must be 4K, 16K or 64K",
				    size_format(host_page, got));
	if (ram < t->ram_min || ram > t->ram_max || ram % SZ_2M)
		return iopt_err_set(err, -EINVAL,
				    "%s with %s of RAM: must be %s to %s, a "
				    "multiple of 2M",
				    t->name, size_format(ram, got),
				    size_format(t->ram_min, min),
				    size_format(t->ram_max, max));
	return 0;
}

int vm_layout_create(const char *machine, u64 ram_bytes, u64 host_page,
		     struct vm_layout **out, struct iopt_err *err)
{
	struct vm_template *t = calloc(1, sizeof(*t));
	struct vm_layout *layout = calloc(1, sizeof(*layout));
	struct view view = { .layout = layout, .template = t, .err = err };
	int ret;

	if (!t || !layout)
		ret = iopt_err_set(err, -ENOMEM, "no memory for a layout");
	else
		ret = vm_template_load(machine, t, err);
	if (!ret)
		ret = check_request(t, ram_bytes, host_page, err);
	if (!ret) {
		strcpy(layout->name, t->name);
		strcpy(layout->title, t->title);
		strcpy(layout->source, t->source);
		layout->ram_bytes = ram_bytes;
		layout->host_page = host_page;
		ret = view_make(&view);
	}
	free(t);
	if (ret) {
		free(layout);
		return ret;
	}
	*out = layout;
	return 0;
}

int vm_layout_create_word(const char *word, u64 host_page,
			  struct vm_layout **out, struct iopt_err *err)
{
	const char *dash = strchr(word, '-');
	size_t len = dash ? (size_t)(dash - word) : strlen(word);
	char size[SIZE_TEXT_MAX] = "";
	u64 ram;

	if (len < sizeof(size))
		memcpy(size, word, len);
	if (size_parse(size, &ram) || (dash && !dash[1]))
		return iopt_err_set(err, -EINVAL,
				    "vm \"%s\": must be RAM, such as 64G, or "
				    "RAM-machine, such as 64G-q35",
				    word);
	return vm_layout_create(dash ? dash + 1 : shipped[0], ram, host_page,
				out, err);
}

const char *vm_layout_name_at(size_t i)
{
	return i < ARRAY_SIZE(shipped) ? shipped[i] : NULL;
}

const char *vm_range_kind_name(enum vm_range_kind kind)
{
	static const char *const names[] = {
		[VM_RAM] = "ram",
		[VM_ROM] = "rom",
		[VM_VRAM] = "vram",
		[VM_BAR] = "bar",
	};

	return names[kind];
}

void vm_layout_destroy(struct vm_layout *layout)
{
	free(layout);
}

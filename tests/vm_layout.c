// SPDX-License-Identifier: GPL-2.0-only
/* Layouts of virtual machines: what QEMU maps, for any RAM and host page. */
#include "test.h"

#include <unistd.h>

#include "lg2.h"
#include "sizes.h"
#include "vm_layout.h"

#define SZ_T 0x10000000000ull

static struct vm_layout *create(const char *word, u64 host_page)
{
	struct vm_layout *layout = NULL;
	struct iopt_err err;

	if (vm_layout_create_word(word, host_page, &layout, &err))
		fail_msg("%s: %s", word, err.msg);
	return layout;
}

/* A section of "info mtree -f" that is RAM or ROM; BARs were RAM there. */
struct section {
	u64 start, last;
	enum vm_range_kind kind;
	bool is_readonly;
	u64 offset;
};

static const struct section virt_4g[] = {
	{ 0x10000000, 0x10ffffff, VM_VRAM, false, 0 },
	{ 0x40000000, 0x7fffffff, VM_RAM, false, 0 },
	{ 0x80000000, 0xbfffffff, VM_RAM, false, SZ_1G },
	{ 0xc0000000, 0xffffffff, VM_RAM, false, 2 * SZ_1G },
	{ 0x100000000, 0x13fffffff, VM_RAM, false, 3 * SZ_1G },
	{ 0x8000000000, 0x83ffffffff, VM_BAR, false, 0 },
	{ 0x8400000000, 0x8401ffffff, VM_BAR, false, 0 },
	{ 0x8402000000, 0x8402007fff, VM_BAR, false, 0 },
	{ 0x8402009000, 0x840200ffff, VM_BAR, false, 0 },
	{ 0x8402010000, 0x8402011fff, VM_BAR, false, 0 },
	{ 0x8402014000, 0x8402015fff, VM_BAR, false, 0 },
};

/* The PCIe window moves up to 1.5T, since RAM ends 1G above 1T. */
static const struct section virt_1t[] = {
	{ 0x10000000, 0x10ffffff, VM_VRAM, false, 0 },
	{ 0x40000000, 0x403fffffff, VM_RAM, false, 0 },
	{ 0x4040000000, 0x803fffffff, VM_RAM, false, SZ_T / 4 },
	{ 0x8040000000, 0xc03fffffff, VM_RAM, false, SZ_T / 2 },
	{ 0xc040000000, 0x1003fffffff, VM_RAM, false, 3 * SZ_T / 4 },
	{ 0x18000000000, 0x183ffffffff, VM_BAR, false, 0 },
	{ 0x18400000000, 0x18401ffffff, VM_BAR, false, 0 },
	{ 0x18402000000, 0x18402007fff, VM_BAR, false, 0 },
	{ 0x18402009000, 0x1840200ffff, VM_BAR, false, 0 },
	{ 0x18402010000, 0x18402011fff, VM_BAR, false, 0 },
	{ 0x18402014000, 0x18402015fff, VM_BAR, false, 0 },
};

/* Pages of 64K: no BAR with an emulated page in it is left. */
static const struct section virt_4g_64k[] = {
	{ 0x10000000, 0x10ffffff, VM_VRAM, false, 0 },
	{ 0x40000000, 0x7fffffff, VM_RAM, false, 0 },
	{ 0x80000000, 0xbfffffff, VM_RAM, false, SZ_1G },
	{ 0xc0000000, 0xffffffff, VM_RAM, false, 2 * SZ_1G },
	{ 0x100000000, 0x13fffffff, VM_RAM, false, 3 * SZ_1G },
	{ 0x8000000000, 0x83ffffffff, VM_BAR, false, 0 },
	{ 0x8400000000, 0x8401ffffff, VM_BAR, false, 0 },
};

static const struct section q35_4g[] = {
	{ 0x0, 0x9ffff, VM_RAM, false, 0 },
	{ 0xc0000, 0xc9fff, VM_RAM, true, 0xc0000 },
	{ 0xca000, 0xccfff, VM_RAM, false, 0xca000 },
	{ 0xcd000, 0xe7fff, VM_RAM, true, 0xcd000 },
	{ 0xe8000, 0xeffff, VM_RAM, false, 0xe8000 },
	{ 0xf0000, 0xfffff, VM_RAM, true, 0xf0000 },
	{ 0x100000, 0x3fffffff, VM_RAM, false, 0x100000 },
	{ 0x40000000, 0x7fffffff, VM_RAM, false, SZ_1G },
	{ 0xfd000000, 0xfdffffff, VM_VRAM, false, 0 },
	{ 0xfffc0000, 0xffffffff, VM_ROM, true, 0x1000000 },
	{ 0x100000000, 0x13fffffff, VM_RAM, false, 2 * SZ_1G },
	{ 0x140000000, 0x17fffffff, VM_RAM, false, 3 * SZ_1G },
	{ 0x180000000, 0x180001fff, VM_BAR, false, 0 },
	{ 0x400000000, 0x7ffffffff, VM_BAR, false, 0 },
	{ 0x800000000, 0x801ffffff, VM_BAR, false, 0 },
	{ 0x802000000, 0x80200ffff, VM_BAR, false, 0 },
};

/* A node goes on above the PCI hole. */
static const struct section q35_64g_ram[] = {
	{ 0x100000, 0x7fffffff, VM_RAM, false, 0x100000 },
	{ 0x100000000, 0x47fffffff, VM_RAM, false, 0x80000000 },
	{ 0x480000000, 0x87fffffff, VM_RAM, false, 0x400000000 },
	{ 0x880000000, 0xc7fffffff, VM_RAM, false, 0x800000000 },
	{ 0xc80000000, 0x107fffffff, VM_RAM, false, 0xc00000000 },
};

/* Less than 2816M stays below 4G. */
static const struct section q35_2g_ram[] = {
	{ 0x100000, 0x3fffffff, VM_RAM, false, 0x100000 },
	{ 0x40000000, 0x7fffffff, VM_RAM, false, SZ_1G },
};

static const struct section q35_2560m_ram[] = {
	{ 0x40000000, 0x9fffffff, VM_RAM, false, SZ_1G },
};

/* From there on what is above 2G goes above 4G. */
static const struct section q35_2816m_ram[] = {
	{ 0x40000000, 0x7fffffff, VM_RAM, false, SZ_1G },
	{ 0x100000000, 0x12fffffff, VM_RAM, false, 2 * SZ_1G },
};

static const struct {
	const char *word;
	u64 host_page;
	const struct section *sections;
	size_t nr;
	bool is_all;
} qemu_rows[] = {
	{ "4G", SZ_4K, virt_4g, ARRAY_SIZE(virt_4g), true },
	{ "1T-virt", SZ_4K, virt_1t, ARRAY_SIZE(virt_1t), true },
	{ "4G", SZ_64K, virt_4g_64k, ARRAY_SIZE(virt_4g_64k), true },
	{ "4G-q35", SZ_4K, q35_4g, ARRAY_SIZE(q35_4g), true },
	{ "64G-q35", SZ_4K, q35_64g_ram, ARRAY_SIZE(q35_64g_ram), false },
	{ "2G-q35", SZ_4K, q35_2g_ram, ARRAY_SIZE(q35_2g_ram), false },
	{ "2560M-q35", SZ_4K, q35_2560m_ram, ARRAY_SIZE(q35_2560m_ram), false },
	{ "2816M-q35", SZ_4K, q35_2816m_ram, ARRAY_SIZE(q35_2816m_ram), false },
};

static const struct vm_range *find(const struct vm_layout *l, u64 iova)
{
	for (size_t i = 0; i < l->nr_ranges; i++)
		if (l->ranges[i].iova == iova)
			return &l->ranges[i];
	return NULL;
}

/* Against what QEMU 7.2 printed. */
static void test_qemu(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(qemu_rows); i++) {
		const char *word = qemu_rows[i].word;
		struct vm_layout *l = create(word, qemu_rows[i].host_page);

		for (size_t k = 0; k < qemu_rows[i].nr; k++) {
			const struct section *s = &qemu_rows[i].sections[k];
			const struct vm_range *r = find(l, s->start);

			if (!r)
				fail_msg("%s: nothing at 0x%" PRIx64, word,
					 s->start);
			expect_u64(r->iova + r->size - 1, s->last,
				   "%s: last of 0x%" PRIx64, word, s->start);
			expect_u64(r->kind, s->kind, "%s: kind of 0x%" PRIx64,
				   word, s->start);
			expect_u64(r->is_readonly, s->is_readonly,
				   "%s: read only 0x%" PRIx64, word, s->start);
			expect_u64(r->offset, s->offset,
				   "%s: offset of 0x%" PRIx64, word, s->start);
		}
		if (qemu_rows[i].is_all)
			expect_u64(l->nr_ranges, qemu_rows[i].nr, "%s: ranges",
				   word);
		vm_layout_destroy(l);
	}
}

/* Each byte of RAM has one place, or is hidden; kinds tell offsets apart. */
static void check_offsets(const struct vm_layout *l, const char *what)
{
	u64 ram = 0, own = 0;

	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];

		if (r->kind == VM_BAR) {
			assert_true(r->phys);
			continue;
		}
		for (size_t k = 0; k < i; k++) {
			const struct vm_range *s = &l->ranges[k];

			if ((s->kind == VM_RAM) == (r->kind == VM_RAM) &&
			    s->kind != VM_BAR &&
			    r->offset < s->offset + s->size &&
			    s->offset < r->offset + r->size)
				fail_msg("%s: %s and %s share memory", what,
					 r->name, s->name);
		}
		if (r->kind == VM_RAM)
			ram += r->size;
		else
			own += r->size;
		assert_true(r->offset + r->size <=
			    (r->kind == VM_RAM ? l->ram_bytes : l->own_bytes));
	}
	expect_u64(ram + l->hidden_bytes, l->ram_bytes, "%s: RAM", what);
	expect_u64(own, l->own_bytes, "%s: own memory", what);
}

static void check_layout(const struct vm_layout *l, const char *what)
{
	u64 before = 0;

	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];

		if (r->iova < before || !r->size)
			fail_msg("%s: %s overlaps or is empty", what, r->name);
		before = r->iova + r->size;
		expect_u64((r->iova | r->size | r->offset | r->phys) &
				   (l->host_page - 1),
			   0, "%s: %s is not aligned", what, r->name);
		/* QEMU aligns its memory: blocks of up to 1G can be used. */
		if (r->kind == VM_RAM)
			expect_u64((r->iova - r->offset) & (SZ_1G - 1), 0,
				   "%s: %s is not congruent", what, r->name);
		assert_true(*r->name && *r->note);
	}
	expect_u64(l->last_iova, before - 1, "%s: last", what);
	check_offsets(l, what);
}

static void test_sizes(void **unused)
{
	static const char *const sizes[] = {
		"1G",	"2G",  "3G",  "2814M", "2816M", "4G",
		"6G",	"10G", "16G", "64G",   "100G",	"256G",
		"511G", "1T",  "4T",  "10T",   "16T",
	};
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	const char *machine;

	(void)unused;
	for (size_t m = 0; (machine = vm_layout_name_at(m)); m++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
			for (size_t p = 0; p < ARRAY_SIZE(pages); p++) {
				char word[64], what[128];
				struct vm_layout *l;
				u64 ram;

				snprintf(word, sizeof(word), "%s-%s", sizes[s],
					 machine);
				snprintf(what, sizeof(what), "%s, %" PRIu64,
					 word, pages[p]);
				l = create(word, pages[p]);
				assert_int_equal(size_parse(sizes[s], &ram), 0);
				expect_u64(l->ram_bytes, ram, "%s", what);
				expect_u64(l->host_page, pages[p], "%s", what);
				check_layout(l, what);
				/* The VGA window, and pieces of 64K pages. */
				if (l->hidden_bytes > 512 * SZ_1K)
					fail_msg("%s: hides too much", what);
				vm_layout_destroy(l);
			}
}

static const struct {
	const char *word;
	u64 host_page;
	const char *text;
} refused[] = {
	{ "", SZ_4K, "must be RAM, such as 64G" },
	{ "64", SZ_4K, "must be 1G to 16T" },
	{ "64X", SZ_4K, "must be RAM, such as 64G" },
	{ "64G-", SZ_4K, "must be RAM, such as 64G" },
	{ "-q35", SZ_4K, "must be RAM, such as 64G" },
	{ "512M", SZ_4K, "virt with 512M of RAM: must be 1G to 16T" },
	{ "32T-q35", SZ_4K, "q35 with 32T of RAM: must be 1G to 16T" },
	{ "0x40001000", SZ_4K, "a multiple of 2M" },
	{ "64G-pc", SZ_4K, "no machine \"pc\"" },
	{ "64G", SZ_2M, "host page of 2M: must be 4K, 16K or 64K" },
	{ "64G", 0, "host page of 0: must be 4K, 16K or 64K" },
};

static void test_refused(void **unused)
{
	struct vm_layout *l = NULL;
	struct iopt_err err;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int ret = vm_layout_create_word(refused[i].word,
						refused[i].host_page, &l, &err);

		if (ret != -EINVAL && ret != -ENOENT)
			fail_msg("%s: got %d", refused[i].word, ret);
		expect_text(err.msg, refused[i].text, refused[i].word);
		assert_null(l);
	}
}

#define HEAD                                                     \
	"[layout]\nname = x\ntitle = t\nsource = s\nnodes = 2\n" \
	"node_min = 1G\nram_min = 1G\nram_max = 1T\n"
#define RAM  "[window a]\niova = 1G\nnote = n\n"
#define BAR  "[range b]\nkind = bar\nnote = n\niova = 0x1000\nsize = 4K\n"
#define HOLE "[range h]\nkind = hole\nnote = n\niova = 0x1000\nsize = 4K\n"

/* A file, and what is said of it; lines count from 1. */
static const struct {
	const char *name, *text, *says;
} files[] = {
	{ "empty", "", ":0: ends without [layout]" },
	{ "no window", HEAD, ":8: ends without a [window NAME]" },
	{ "no layout", RAM, ":3: ends without [layout]" },
	{ "missing key", "[layout]\nname = x\n" RAM,
	  ":1: this section has no" },
	{ "twice", HEAD RAM "[layout]\n", ":12: [layout] is there twice" },
	{ "range twice", HEAD RAM HOLE HOLE, ":17: [range h] is there twice" },
	{ "section", HEAD "[ram]\n", ":9: [ram]: must be [layout], [window" },
	{ "bad name", HEAD "[range a b]\n", ":9: [range a b]: must be" },
	{ "key", HEAD RAM "speed = 3\n", ":12: unknown key speed" },
	{ "key twice", HEAD RAM "iova = 1G\n", ":12: iova is there twice" },
	{ "no section", "name = x\n" HEAD, ":1: name is in no section" },
	{ "kind", HEAD RAM "[range r]\nkind = ram\n",
	  ":13: kind = ram: must be" },
	{ "size", HEAD RAM "[range r]\nsize = 4k\n",
	  ":13: size = 4k: must be" },
	{ "empty value", HEAD RAM "[range r]\nsize =\n", ":13: size is empty" },
	{ "two lines", HEAD RAM "[range r]\nsize = 4K\n 4K\n",
	  ":14: size must be on one line" },
	{ "no phys", HEAD RAM BAR, ":12: [range b]: a bar, and nothing else" },
	{ "phys", HEAD RAM HOLE "phys = 1G\n", ":12: [range h]: a bar, and" },
	{ "gap", HEAD RAM HOLE "gap = 1G\n", ":12: [range h]: gap and floor" },
	{ "above", HEAD RAM HOLE "above_ram = 3G\n", "a power of two" },
	{ "unaligned", HEAD RAM BAR "phys = 0x10\n", "multiples of 4K" },
	{ "too high", HEAD RAM BAR "phys = 0x8000000000000000\n",
	  "must end at 0x10000000000000" },
	{ "window", HEAD "[window a]\nnote = n\niova = 0x1000\n",
	  ":9: iova, size and all_below must be multiples of 2M" },
	{ "no bracket", HEAD "[window a\n", ":9: a section must read [name]" },
	{ "no equals", HEAD "nonsense\n", ":9: must be [section] or key" },
	{ "too small", HEAD "[window a]\nnote = n\niova = 1G\nsize = 2M\n",
	  "windows hold 0x200000 bytes of RAM" },
	{ "overlap",
	  HEAD RAM BAR
	  "phys = 1G\n"
	  "[range c]\nkind = rom\nnote = n\niova = 0x1000\nsize = 4K\n",
	  "[range c] overlaps b" },
	{ "windows",
	  HEAD "[window a]\niova = 1G\nnote = n\nsize = 1G\nall_below = 1G\n"
	       "[window b]\niova = 1G\nnote = n\n",
	  "x: node1 overlaps node0" },
	{ "phys",
	  HEAD RAM BAR "phys = 1G\n[range c]\nkind = bar\nnote = n\n"
		       "iova = 64K\nsize = 64K\nphys = 0x3fff8000\n",
	  "x: phys of c overlaps that of b" },
	{ "all hidden",
	  HEAD RAM "[range h]\nkind = hole\nnote = n\niova = 0\nsize = 1T\n",
	  "x: holes leave no range" },
	{ "shadow",
	  HEAD RAM
	  "[range c]\nkind = shadow\nnote = n\niova = 0x1000\nsize = 4K\n",
	  "[range c] must lie in one backend's RAM" },
};

static int load_text(const char *text, u64 ram, struct vm_layout **l,
		     struct iopt_err *err)
{
	char path[] = "/tmp/iopt-layout-XXXXXX.ini";
	int fd = mkstemps(path, 4);
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = vm_layout_create(path, ram, SZ_4K, l, err);
	unlink(path);
	return ret;
}

static void test_files(void **unused)
{
	struct vm_layout *l = NULL;
	struct iopt_err err;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		expect_int(load_text(files[i].text, 2 * SZ_1G, &l, &err),
			   -EINVAL, files[i].name);
		expect_text(err.msg, files[i].says, files[i].name);
		assert_null(l);
	}
	/* Nothing is wrong with what they are made of. */
	assert_int_equal(load_text(HEAD RAM HOLE, 2 * SZ_1G, &l, &err), 0);
	expect_u64(l->nr_ranges, 2, "two nodes");
	vm_layout_destroy(l);
}

/* A hole in the middle of a BAR moves what is behind it along. */
static void test_cut_bar(void **unused)
{
	struct vm_layout *l = NULL;
	struct iopt_err err;

	(void)unused;
	if (load_text(HEAD RAM "[range b]\nkind = bar\nnote = n\niova = 64K\n"
			       "size = 64K\nphys = 0x100000\n"
			       "[range m]\nkind = hole\nnote = n\n"
			       "iova = 0x14000\nsize = 0x3000\n",
		      SZ_1G, &l, &err))
		fail_msg("%s", err.msg);
	expect_u64(l->nr_ranges, 3, "ranges");
	expect_u64(l->ranges[0].size, SZ_16K, "below");
	expect_u64(l->ranges[0].phys, 0x100000, "below");
	expect_u64(l->ranges[1].iova, 0x17000, "behind");
	expect_u64(l->ranges[1].size, 0x9000, "behind");
	expect_u64(l->ranges[1].phys, 0x107000, "behind");
	vm_layout_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu),	cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_files),
		cmocka_unit_test(test_cut_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

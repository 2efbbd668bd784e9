// SPDX-License-Identifier: GPL-2.0-only
/* The null check of vfio_null over whole virtual machines, in every layout. */
#include "vfio_null.h"

#include "vm_backing.h"

#define OAS 48

static const u64 host_pages[] = { SZ_4K, SZ_16K, SZ_64K };

static const char *const rules[] = { "6.12", "7.3" };

static void compare_backing(const struct vm_layout *layout, const char *word,
			    const char *rule)
{
	struct null_map maps[VM_MAX_RANGES];
	struct vm_backing *backing = NULL;
	struct iopt_err err = { "" };
	char name[96];
	const struct setup s = {
		.strategy = "chunked-fast",
		.rule = rule,
		.granule = layout->host_page,
		.maps = maps,
		.nr_maps = layout->nr_ranges,
		.nr_engines = 2,
		.name = name,
	};

	snprintf(name, sizeof(name), "%s, %" PRIu64 "K pages, backing %s",
		 layout->name, layout->host_page / 1024, word);
	if (vm_backing_create(word, layout, OAS, 1, &backing, &err))
		fail_msg("%s: %s", name, err.msg);
	for (size_t i = 0; i < layout->nr_ranges; i++)
		maps[i] = (struct null_map){
			.iova = layout->ranges[i].iova,
			.size = layout->ranges[i].size,
			.memory = *vm_backing_memory(backing, i),
		};
	null_compare(&s);
	vm_backing_destroy(backing);
}

/* The words for a host page, each with one driver's rule in turn. */
static void compare_machine(const char *machine, u64 host_page, size_t first)
{
	const char *word;

	for (size_t w = first; (word = vm_backing_word_at(host_page, w));
	     w += test_nth(3)) {
		struct vm_layout *layout = NULL;
		struct iopt_err err = { "" };

		if (vm_layout_create(machine, SZ_1G, host_page, &layout, &err))
			fail_msg("%s", err.msg);
		compare_backing(layout, word, rules[w % ARRAY_SIZE(rules)]);
		vm_layout_destroy(layout);
	}
}

static void test_layouts(void **unused)
{
	const char *machine;

	(void)unused;
	for (size_t p = 0; p < ARRAY_SIZE(host_pages); p++)
		for (size_t m = 0; (machine = vm_layout_name_at(m)); m++)
			compare_machine(machine, host_pages[p],
					(p + m) % test_nth(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

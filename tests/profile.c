// SPDX-License-Identifier: GPL-2.0-only
/* Cost profiles: the shipped ones hold, and what is wrong is refused. */
#include "test.h"

#include <unistd.h>

#include "profile.h"

/* What the shipped files are for: nanoseconds, as their sources say. */
static const struct {
	const char *name;
	enum cost_interface interface;
	bool has_ril, flushes_by_asid;
	u64 issue_ns, exec_ns, context_ns, sync_ns;
	u32 nr_contention;
} shipped[] = {
	{ "smmuv3-ril", COST_SMMUV3, true, false, 20, 74, 20, 280, 5 },
	{ "smmuv3-noril", COST_SMMUV3, false, false, 20, 74, 20, 280, 5 },
	{ "smmuv3-guest-trapped", COST_SMMUV3, false, false, 2400, 0, 2400,
	  33300, 0 },
	{ "grace-vcmdq", COST_SMMUV3, false, false, 200, 0, 200, 5100, 0 },
	{ "smmuv3-remote-numa", COST_SMMUV3, false, false, 20, 74, 20, 550, 0 },
	{ "smmuv2-sm8150", COST_SMMUV2, false, true, 120, 0, 1744, 1350, 0 },
	{ "none", COST_NOTHING, false, false, 0, 0, 0, 0, 0 },
};

static void test_shipped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
		struct cost_profile p;
		struct iopt_err err;

		assert_string_equal(profile_name_at(i), shipped[i].name);
		if (profile_load(shipped[i].name, &p, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(p.name, shipped[i].name);
		expect_u64(p.interface, shipped[i].interface, "%s", p.name);
		expect_u64(p.has_ril, shipped[i].has_ril, "%s", p.name);
		expect_u64(p.flushes_by_asid, shipped[i].flushes_by_asid, "%s",
			   p.name);
		expect_u64(p.items[COST_ISSUE].ps, 1000 * shipped[i].issue_ns,
			   "%s issue", p.name);
		expect_u64(p.items[COST_EXEC].ps, 1000 * shipped[i].exec_ns,
			   "%s exec", p.name);
		expect_u64(p.items[COST_CONTEXT_ISSUE].ps,
			   1000 * shipped[i].context_ns, "%s context", p.name);
		expect_u64(p.items[COST_SYNC].ps, 1000 * shipped[i].sync_ns,
			   "%s sync", p.name);
		expect_u64(p.items[COST_UNPIN_4K].ps, 74400, "%s unpin",
			   p.name);
		expect_u64(p.nr_contention, shipped[i].nr_contention, "%s",
			   p.name);
		for (int item = 0; item < COST_NR_ITEMS; item++) {
			const struct cost_value *v = &p.items[item];

			if (!*v->source)
				fail_msg("%s: no source of %s", p.name,
					 cost_item_name(item));
			expect_u64(*v->arithmetic != '\0',
				   v->kind == COST_DERIVED,
				   "%s: arithmetic of %s", p.name,
				   cost_item_name(item));
		}
	}
	assert_null(profile_name_at(ARRAY_SIZE(shipped)));
}

/* The published table, as it stands. */
static void test_contention(void **unused)
{
	static const u64 rows[][4] = {
		{ 1, 1956, 1328, 883 },	      { 16, 8891, 7474, 4000 },
		{ 32, 22043, 19519, 6879 },   { 64, 60842, 55895, 16746 },
		{ 96, 101880, 93649, 24429 },
	};
	struct cost_contention row;
	struct cost_profile p;

	(void)unused;
	assert_int_equal(profile_load("smmuv3-noril", &p, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(cost_contention(&p, (u32)rows[i][0], &row), 0);
		expect_u64(row.unmap_ps, 1000 * rows[i][1], "row %zu", i);
		expect_u64(row.cmdlist_ps, 1000 * rows[i][2], "row %zu", i);
		expect_u64(row.sync_ps, 1000 * rows[i][3], "row %zu", i);
	}
	expect_int(cost_contention(&p, 128, &row), -ERANGE, "beyond 96");
	expect_text(p.contention_source, "huawei.com", "source");
}

#define TIMES                                                         \
	"[issue]\nvalue = 20 ns\nkind = assumed\nsource = x\n"        \
	"[exec]\nvalue = 0.0745 us\nkind = derived\nsource = x\n"     \
	"arithmetic = 1 +\n\t1\n"                                     \
	"[context_issue]\nvalue = 1 s\nkind = measured\nsource = x\n" \
	"[context_exec]\nvalue = 2 ms\nkind = measured\nsource = x\n" \
	"[atc_issue]\nvalue = 3ns\nkind = measured\nsource = x\n"     \
	"[atc_exec]\nvalue = 4 ps\nkind = measured\nsource = x\n"     \
	"[sync]\nvalue = 0 ns\nkind = measured\nsource = x\n"         \
	"[submit]\nvalue = 5 ns\nkind = measured\nsource = x\n"       \
	"[call]\nvalue = 6 ns\nkind = measured\nsource = x\n"         \
	"[clear]\nvalue = 7 ns\nkind = measured\nsource = x\n"        \
	"[unpin_4k]\nvalue = 8 ns\nkind = measured\nsource = x\n"     \
	"[unpin_2m]\nvalue = 9 ns\nkind = measured\nsource = x\n"

#define HEAD "[profile]\nname = my_1.0\ntitle = mine\ninterface = smmuv3\n"

static int load_text(const char *text, struct cost_profile *p,
		     struct iopt_err *err)
{
	char path[] = "/tmp/iopt-profile-XXXXXX.ini";
	int fd = mkstemps(path, 4);
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = profile_load(path, p, err);
	unlink(path);
	return ret;
}

static void test_own(void **unused)
{
	static const u64 ps[] = {
		20000, 74500, 1000000000000, 2000000000, 3000, 4,
		0,     5000,  6000,	     7000,	 8000, 9000,
	};
	struct cost_profile p;
	struct iopt_err err;

	(void)unused;
	if (load_text("# mine\n; too\n" HEAD
		      "ril = on\nrepeats_tlbi = on\n" TIMES
		      "[contention 2]\nunmap = 3 ns\ncmdlist = 2 ns\n"
		      "sync = 1 ns\nkind = measured\nsource = x\n",
		      &p, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(p.name, "my_1.0");
	assert_true(p.has_ril);
	assert_true(p.repeats_tlbi);
	for (int i = 0; i < COST_NR_ITEMS; i++)
		expect_u64(p.items[i].ps, ps[i], "%s", cost_item_name(i));
	assert_string_equal(p.items[COST_EXEC].arithmetic, "1 + 1");
	expect_u64(p.items[COST_ISSUE].kind, COST_ASSUMED, "kind");
	expect_u64(p.nr_contention, 1, "rows");
}

/* One row a file that is refused, with its line and the reason. */
static const struct {
	const char *text, *reason;
} bad[] = {
	{ "[issue]\nvalue = 20\nkind = assumed\nsource = x\n",
	  ".ini:2: value: \"20\" has no unit" },
	{ "[issue]\nvalue = 20 cycles\n",
	  ".ini:2: value: \"20 cycles\" in unit \"cycles\": must be ps, ns" },
	{ "[issue]\nkind = assumed\n\nvalue = -5 ns\n",
	  ".ini:4: value: \"-5 ns\" is negative: must be 0 or more" },
	{ "[issue]\nvalue = fast\n", ".ini:2: value: \"fast\" is no number" },
	{ "[issue]\nvalue = 1.5 ps\n", ".ini:2: value: \"1.5 ps\" has a part" },
	{ "[issue]\nvalue = 1.05 ps\n", ".ini:2: value: \"1.05 ps\" has a" },
	{ "[issue]\nvalue = 2 s s\n", ".ini:2: value: \"2 s s\" in unit" },
	{ "[issue]\nvalue = 3601 s\n", ".ini:2: value: \"3601 s\" is above" },
	{ "[issue]\nvalue = 99999999999999999999 ns\n", "is above an hour" },
	{ "[issue]\nvalue =\n", ".ini:2: value: \"\" is no number" },
	{ "[issue]\nvalue = 1 ns\nvalue = 1 ns\n",
	  ".ini:3: value is there twice in [issue]" },
	{ "[issue]\nvalue = 1 ns\n\t2 ns\n",
	  ".ini:3: value must be on one line" },
	{ "[issue]\nvalue = 1 ns\nkind = guessed\n",
	  ".ini:3: kind = guessed: must be one of measured, derived, assumed" },
	{ "[issue]\nvalue = 1 ns\nunit = ns\n",
	  ".ini:3: unknown key unit in [issue]" },
	{ "[issue]\nril = on\n", ".ini:2: unknown key ril in [issue]" },
	{ "[issues]\n", ".ini:1: unknown section [issues]" },
	{ "\n[issue\nvalue = 1 ns\n", ".ini:2: a section must read [name]" },
	{ "value = 1 ns\n", ".ini:1: value is in no section" },
	{ "[issue]\nvalue 1 ns\n", ".ini:2: must be [section] or key = value" },
	{ "[issue]\nvalue 1 ns\nkind = x\n", ".ini:2: must be [section] or" },
	{ "[issue]\nvalue = 1 ns\nkind = measured\n[exec]\n",
	  ".ini:1: [issue] has no source" },
	{ "[issue]\nvalue = 1 ns\nkind = derived\nsource = x\n[exec]\n",
	  ".ini:1: [issue] has no arithmetic, which a derived value needs" },
	{ "[issue]\nkind = measured\nsource = x\n",
	  ".ini:1: [issue] has no value" },
	{ "[issue]\nvalue = 1 ns\nkind = measured\nsource =\n",
	  ".ini:4: source is empty" },
	{ "[issue]\nvalue = 1 ns\nkind = measured\nsource = x\n[issue]\n",
	  ".ini:5: [issue] is there twice" },
	{ "[issue]\nvalue = 1 ns\nkind = measured\nsource = x\n [exec]\n",
	  ".ini:5: a section must start in the first column" },
	{ TIMES, "ends without [profile]" },
	{ HEAD "[issue]\nvalue = 1 ns\nkind = measured\nsource = x\n",
	  ".ini:8: ends without [exec]" },
	{ "", ".ini:0: ends without [profile]" },
	{ HEAD HEAD, ".ini:5: [profile] is there twice" },
	{ "[profile]\ntitle = x\ninterface = smmuv3\n" TIMES,
	  ".ini:1: [profile] has no name" },
	{ "[profile]\nname = a/b\n", ".ini:2: name = a/b: must be of letters" },
	{ "[profile]\ninterface = smmuv1\n",
	  ".ini:2: interface = smmuv1: must be one of smmuv3, smmuv2, none" },
	{ HEAD "ril = yes\n", ".ini:5: ril = yes: must be one of off, on" },
	{ HEAD "table_flush = asid\n" TIMES,
	  "interface smmuv3: table_flush is of smmuv2" },
	{ "[profile]\nname = x\ntitle = x\ninterface = none\nril = on\n" TIMES,
	  "interface none: ril and repeats_tlbi are of smmuv3" },
	{ "[contention 16]\nunmap = 1 ns\nkind = assumed\n",
	  ".ini:3: kind = assumed: a contention row must be measured" },
	{ "[contention x]\n", ".ini:1: [contention x]: must be [contention" },
	{ "[contention 0]\n", ".ini:1: [contention 0]: must be [contention" },
	{ "[contention 4]\nunmap = 1 ns\ncmdlist = 1 ns\nsync = 1 ns\n"
	  "kind = measured\nsource = x\n[contention 4]\n",
	  ".ini:7: [contention 4]: must come in rising order, each once" },
	{ "[contention 4]\nunmap = 1 ns\n[issue]\n",
	  ".ini:1: [contention 4] has no kind" },
};

static void test_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cost_profile p = { .name = "untouched" };
		struct iopt_err err = { "" };
		int ret = load_text(bad[i].text, &p, &err);

		expect_int(ret, -EINVAL, bad[i].reason);
		expect_text(err.msg, bad[i].reason, bad[i].text);
		assert_string_equal(p.name, "untouched");
	}
}

static void test_long_line(void **unused)
{
	char text[600];
	struct cost_profile p;
	struct iopt_err err;

	(void)unused;
	memset(text, 'x', sizeof(text));
	memcpy(text, "[issue]\nsource = ", 17);
	text[sizeof(text) - 1] = '\0';
	expect_int(load_text(text, &p, &err), -EINVAL, "a line of 592");
	expect_text(err.msg, ".ini:2: longer than", "a line of 592");
}

static void test_missing(void **unused)
{
	struct cost_profile p;
	struct iopt_err err;

	(void)unused;
	expect_int(profile_load("smmuv9", &p, &err), -ENOENT, "no such name");
	expect_text(err.msg, "no cost profile \"smmuv9\"", "no such name");
	expect_int(profile_load("/nonexistent/x.ini", &p, &err), -ENOENT,
		   "no such file");
	expect_text(err.msg, "/nonexistent/x.ini: No such file", "text");
	expect_int(profile_load("/tmp/", &p, &err), -EIO, "a directory");
}

static void test_time(void **unused)
{
	static const struct {
		const char *text;
		int ret;
		u64 ps;
	} times[] = {
		{ "0 ns", 0, 0 },	  { "3600 s", 0, 3600000000000000 },
		{ "0.001 ns", 0, 1 },	  { "1.500 ps", -EINVAL, 0 },
		{ "1.000 ps", 0, 1 },	  { "1. ns", -EINVAL, 0 },
		{ ".5 ns", -EINVAL, 0 },  { "+5 ns", -EINVAL, 0 },
		{ " 5 ns", -EINVAL, 0 },  { "5 NS", -EINVAL, 0 },
		{ "1e3 ns", -EINVAL, 0 }, { "3600.1 s", -ERANGE, 0 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		u64 ps = 99;

		expect_int(profile_time_parse(times[i].text, &ps, NULL),
			   times[i].ret, times[i].text);
		expect_u64(ps, times[i].ret ? 99 : times[i].ps, "%s",
			   times[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_contention),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

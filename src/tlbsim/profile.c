// SPDX-License-Identifier: GPL-2.0-only
/* Reading cost profiles. */
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini_file.h"

#define MAX_PS	   (3600ull * 1000000000000ull)
#define CONTENTION "contention "

static const char *const shipped[] = {
	"smmuv3-ril",  "smmuv3-noril",	     "smmuv3-guest-trapped",
	"grace-vcmdq", "smmuv3-remote-numa", "smmuv2-sm8150",
	"none",
};

/* Keys of all sections; a set of them was seen, another is allowed. */
enum key {
	KEY_NAME,
	KEY_TITLE,
	KEY_INTERFACE,
	KEY_RIL,
	KEY_TABLE_FLUSH,
	KEY_REPEATS,
	KEY_VALUE,
	KEY_KIND,
	KEY_SOURCE,
	KEY_ARITHMETIC,
	KEY_UNMAP,
	KEY_CMDLIST,
	KEY_SYNC,
	NR_KEYS,
};

static const char *const key_names[NR_KEYS] = {
	[KEY_NAME] = "name",
	[KEY_TITLE] = "title",
	[KEY_INTERFACE] = "interface",
	[KEY_RIL] = "ril",
	[KEY_TABLE_FLUSH] = "table_flush",
	[KEY_REPEATS] = "repeats_tlbi",
	[KEY_VALUE] = "value",
	[KEY_KIND] = "kind",
	[KEY_SOURCE] = "source",
	[KEY_ARITHMETIC] = "arithmetic",
	[KEY_UNMAP] = "unmap",
	[KEY_CMDLIST] = "cmdlist",
	[KEY_SYNC] = "sync",
};

#define BIT(key) (1u << (key))

#define PROFILE_NEEDS (BIT(KEY_NAME) | BIT(KEY_TITLE) | BIT(KEY_INTERFACE))
#define PROFILE_MAY \
	(PROFILE_NEEDS | BIT(KEY_RIL) | BIT(KEY_TABLE_FLUSH) | BIT(KEY_REPEATS))
#define ITEM_NEEDS (BIT(KEY_VALUE) | BIT(KEY_KIND) | BIT(KEY_SOURCE))
#define ITEM_MAY   (ITEM_NEEDS | BIT(KEY_ARITHMETIC))
#define CONTENTION_MAY                                                       \
	(BIT(KEY_UNMAP) | BIT(KEY_CMDLIST) | BIT(KEY_SYNC) | BIT(KEY_KIND) | \
	 BIT(KEY_SOURCE))
#define CONTENTION_NEEDS CONTENTION_MAY

enum section { IN_NOTHING, IN_PROFILE, IN_ITEM, IN_CONTENTION };

/**
 * struct reader - A file being read.
 * @ini: the file
 * @line: number of the line read last
 * @is_continuation: that line starts with a blank
 * @section: kind of the open section
 * @section_name: its name
 * @section_line: where it starts
 * @seen: keys seen in it
 * @key: key read last
 * @item: its price
 * @has_profile: [profile] was there
 * @items_seen: prices that were there
 * @profile: what is read
 */
struct reader {
	struct ini_file *ini;
	int line;
	bool is_continuation;
	enum section section;
	char section_name[64];
	int section_line;
	u32 seen;
	enum key key;
	enum cost_item item;
	bool has_profile;
	u32 items_seen;
	struct cost_profile profile;
};

static u32 section_needs(const struct reader *r)
{
	switch (r->section) {
	case IN_PROFILE:
		return PROFILE_NEEDS;
	case IN_ITEM:
		if (r->profile.items[r->item].kind == COST_DERIVED)
			return ITEM_MAY;
		return ITEM_NEEDS;
	case IN_CONTENTION:
		return CONTENTION_NEEDS;
	default:
		return 0;
	}
}

static u32 section_may(enum section section)
{
	static const u32 may[] = { 0, PROFILE_MAY, ITEM_MAY, CONTENTION_MAY };

	return may[section];
}

/* A section ends: is all there? */
static int section_close(struct reader *r)
{
	u32 missing = section_needs(r) & ~r->seen;

	if (missing)
		ini_file_fail(r->ini, r->section_line, "[%s] has no %s%s",
			      r->section_name,
			      key_names[__builtin_ctz(missing)],
			      missing == BIT(KEY_ARITHMETIC) ?
				      ", which a derived value needs" :
				      "");
	r->section = IN_NOTHING;
	r->seen = 0;
	return ini_file_error(r->ini);
}

static int contention_open(struct reader *r, const char *threads)
{
	struct cost_profile *p = &r->profile;
	char *end;
	unsigned long n = strtoul(threads, &end, 10);

	if (!isdigit((unsigned char)*threads) || *end || !n || n > 65536)
		return ini_file_fail(r->ini, r->line,
				     "[%s]: must be [contention THREADS]",
				     r->section_name);
	if (p->nr_contention == COST_MAX_CONTENTION)
		return ini_file_fail(r->ini, r->line,
				     "[%s]: at most %d rows of contention",
				     r->section_name, COST_MAX_CONTENTION);
	if (p->nr_contention &&
	    p->contention[p->nr_contention - 1].threads >= n)
		return ini_file_fail(
			r->ini, r->line,
			"[%s]: must come in rising order, each once",
			r->section_name);
	p->contention[p->nr_contention++].threads = (u32)n;
	r->section = IN_CONTENTION;
	return 0;
}

static int item_open(struct reader *r)
{
	for (int i = 0; i < COST_NR_ITEMS; i++) {
		if (strcmp(r->section_name, cost_item_name(i)) != 0)
			continue;
		if (r->items_seen & BIT(i))
			return ini_file_fail(r->ini, r->line,
					     "[%s] is there twice",
					     r->section_name);
		r->items_seen |= BIT(i);
		r->item = i;
		r->section = IN_ITEM;
		return 0;
	}
	return ini_file_fail(r->ini, r->line, "unknown section [%s]",
			     r->section_name);
}

/* A line "[name]". */
static int section_open(struct reader *r, const char *name)
{
	if (section_close(r))
		return ini_file_error(r->ini);
	snprintf(r->section_name, sizeof(r->section_name), "%s", name);
	r->section_line = r->line;
	if (!strncmp(r->section_name, CONTENTION, strlen(CONTENTION)))
		return contention_open(r, r->section_name + strlen(CONTENTION));
	if (strcmp(r->section_name, "profile") != 0)
		return item_open(r);
	if (r->has_profile)
		return ini_file_fail(r->ini, r->line,
				     "[profile] is there twice");
	r->has_profile = true;
	r->section = IN_PROFILE;
	return 0;
}

/* Length of the number at @text; digits with at most one point. */
static size_t number_len(const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (!len)
		return 0;
	if (text[len] == '.' && isdigit((unsigned char)text[len + 1]))
		len += 1 + strspn(text + len + 1, "0123456789");
	return len;
}

static int unit_ps(const char *unit, u64 *ps)
{
	static const struct {
		const char *name;
		u64 ps;
	} units[] = {
		{ "ps", 1 },	      { "ns", 1000 },	      { "us", 1000000 },
		{ "ms", 1000000000 }, { "s", 1000000000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].name, unit) != 0)
			continue;
		*ps = units[i].ps;
		return 0;
	}
	return -EINVAL;
}

/* @text of @len characters in units of @unit; exact or refused. */
static int number_scale(const char *text, size_t len, u64 unit, u64 *ps)
{
	u64 sum = 0, place = unit;
	bool is_fraction = false;

	for (size_t i = 0; i < len; i++) {
		u64 digit = (u64)(text[i] - '0');

		if (text[i] == '.') {
			is_fraction = true;
		} else if (is_fraction) {
			if (place < 10 && digit)
				return -EINVAL;
			place /= 10;
			sum += digit * place;
		} else {
			sum = sum * 10 + digit * unit;
		}
		if (sum > MAX_PS)
			return -ERANGE;
	}
	*ps = sum;
	return 0;
}

int profile_time_parse(const char *text, u64 *ps, struct iopt_err *err)
{
	size_t len = number_len(text);
	const char *unit = text + len;
	u64 scale, value;
	int ret;

	if (*text == '-')
		return iopt_err_set(err, -EINVAL,
				    "\"%s\" is negative: must be 0 or more",
				    text);
	if (!len)
		return iopt_err_set(err, -EINVAL,
				    "\"%s\" is no number: must read like 74 ns",
				    text);
	unit += strspn(unit, " \t");
	if (!*unit)
		return iopt_err_set(
			err, -EINVAL,
			"\"%s\" has no unit: must be ps, ns, us, ms or s",
			text);
	if (unit_ps(unit, &scale))
		return iopt_err_set(
			err, -EINVAL,
			"\"%s\" in unit \"%s\": must be ps, ns, us, ms or s",
			text, unit);
	ret = number_scale(text, len, scale, &value);
	if (ret)
		return iopt_err_set(err, ret,
				    ret == -ERANGE ?
					    "\"%s\" is above an hour" :
					    "\"%s\" has a part of a picosecond",
				    text);
	*ps = value;
	return 0;
}

static int read_time(struct reader *r, const char *text, u64 *ps)
{
	struct iopt_err err;

	if (!profile_time_parse(text, ps, &err))
		return 0;
	return ini_file_fail(r->ini, r->line, "%s: %s", key_names[r->key],
			     err.msg);
}

/* One of @nr words; *@word is its number. */
static int read_word(struct reader *r, const char *text,
		     const char *const *words, u32 nr, u32 *word)
{
	char all[96] = "";

	for (u32 i = 0; i < nr; i++) {
		if (!strcmp(words[i], text)) {
			*word = i;
			return 0;
		}
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 i ? ", " : "", words[i]);
	}
	return ini_file_fail(r->ini, r->line, "%s = %s: must be one of %s",
			     key_names[r->key], text, all);
}

static int read_flag(struct reader *r, const char *text,
		     const char *const words[2], bool *flag)
{
	u32 word;

	if (read_word(r, text, words, 2, &word))
		return ini_file_error(r->ini);
	*flag = word;
	return 0;
}

static int read_text(struct reader *r, const char *text, char *to, size_t room)
{
	size_t len = r->is_continuation ? strlen(to) : 0;

	if (!*text)
		return ini_file_fail(r->ini, r->line, "%s is empty",
				     key_names[r->key]);
	if (len + 1 + strlen(text) >= room)
		return ini_file_fail(r->ini, r->line,
				     "%s is longer than %zu characters",
				     key_names[r->key], room - 2);
	snprintf(to + len, room - len, "%s%s", len ? " " : "", text);
	return 0;
}

static int read_name(struct reader *r, const char *text, char *to, size_t room)
{
	if (text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-")])
		return ini_file_fail(
			r->ini, r->line,
			"name = %s: must be of letters, digits, _ . and -",
			text);
	return read_text(r, text, to, room);
}

static int read_profile(struct reader *r, const char *text)
{
	static const char *const interfaces[] = { "smmuv3", "smmuv2", "none" };
	static const char *const switches[] = { "off", "on" };
	static const char *const flushes[] = { "page", "asid" };
	struct cost_profile *p = &r->profile;
	u32 word = 0;

	switch (r->key) {
	case KEY_NAME:
		return read_name(r, text, p->name, sizeof(p->name));
	case KEY_TITLE:
		return read_text(r, text, p->title, sizeof(p->title));
	case KEY_INTERFACE:
		if (!read_word(r, text, interfaces, 3, &word))
			p->interface = (enum cost_interface)word;
		return ini_file_error(r->ini);
	case KEY_RIL:
		return read_flag(r, text, switches, &p->has_ril);
	case KEY_TABLE_FLUSH:
		return read_flag(r, text, flushes, &p->flushes_by_asid);
	default:
		return read_flag(r, text, switches, &p->repeats_tlbi);
	}
}

static int read_kind(struct reader *r, const char *text, enum cost_kind *kind)
{
	static const char *const kinds[] = { "measured", "derived", "assumed" };
	u32 word = 0;

	if (!read_word(r, text, kinds, 3, &word))
		*kind = (enum cost_kind)word;
	return ini_file_error(r->ini);
}

static int read_item(struct reader *r, const char *text)
{
	struct cost_value *v = &r->profile.items[r->item];

	switch (r->key) {
	case KEY_VALUE:
		return read_time(r, text, &v->ps);
	case KEY_KIND:
		return read_kind(r, text, &v->kind);
	case KEY_SOURCE:
		return read_text(r, text, v->source, sizeof(v->source));
	default:
		return read_text(r, text, v->arithmetic, sizeof(v->arithmetic));
	}
}

static int read_contention(struct reader *r, const char *text)
{
	struct cost_profile *p = &r->profile;
	struct cost_contention *row = &p->contention[p->nr_contention - 1];
	enum cost_kind kind = COST_MEASURED;

	switch (r->key) {
	case KEY_UNMAP:
		return read_time(r, text, &row->unmap_ps);
	case KEY_CMDLIST:
		return read_time(r, text, &row->cmdlist_ps);
	case KEY_SYNC:
		return read_time(r, text, &row->sync_ps);
	case KEY_KIND:
		if (!read_kind(r, text, &kind) && kind != COST_MEASURED)
			ini_file_fail(
				r->ini, r->line,
				"kind = %s: a contention row must be measured",
				text);
		return ini_file_error(r->ini);
	default:
		return read_text(r, text, p->contention_source,
				 sizeof(p->contention_source));
	}
}

static bool is_text(enum key key)
{
	return key == KEY_TITLE || key == KEY_SOURCE || key == KEY_ARITHMETIC;
}

static int read_key(struct reader *r, const char *name, const char *text)
{
	int key = 0;

	while (key < NR_KEYS && strcmp(key_names[key], name) != 0)
		key++;
	if (r->section == IN_NOTHING)
		return ini_file_fail(r->ini, r->line, "%s is in no section",
				     name);
	if (key == NR_KEYS || !(section_may(r->section) & BIT(key)))
		return ini_file_fail(r->ini, r->line, "unknown key %s in [%s]",
				     name, r->section_name);
	if (r->is_continuation && !is_text((enum key)key))
		return ini_file_fail(r->ini, r->line, "%s must be on one line",
				     name);
	if (!r->is_continuation && r->seen & BIT(key))
		return ini_file_fail(r->ini, r->line,
				     "%s is there twice in [%s]", name,
				     r->section_name);
	r->seen |= BIT(key);
	r->key = (enum key)key;
	if (r->section == IN_PROFILE)
		return read_profile(r, text);
	if (r->section == IN_ITEM)
		return read_item(r, text);
	return read_contention(r, text);
}

/* What no single section can tell. */
static void check_whole(struct reader *r)
{
	u32 missing = ~r->items_seen & (BIT(COST_NR_ITEMS) - 1);
	const struct cost_profile *p = &r->profile;

	section_close(r);
	if (!r->has_profile)
		ini_file_fail(r->ini, r->line, "ends without [profile]");
	if (missing)
		ini_file_fail(r->ini, r->line, "ends without [%s]",
			      cost_item_name(__builtin_ctz(missing)));
	if (p->interface != COST_SMMUV3 && (p->has_ril || p->repeats_tlbi))
		ini_file_fail(
			r->ini, r->line,
			"interface %s: ril and repeats_tlbi are of smmuv3",
			cost_interface_name(p->interface));
	if (p->interface != COST_SMMUV2 && p->flushes_by_asid)
		ini_file_fail(r->ini, r->line,
			      "interface %s: table_flush is of smmuv2",
			      cost_interface_name(p->interface));
}

static void on_section(struct ini_file *ini, void *arg, const char *name)
{
	struct reader *r = arg;

	r->ini = ini;
	r->line = ini_file_line(ini);
	section_open(r, name);
}

static void on_key(struct ini_file *ini, void *arg, const char *name,
		   const char *value)
{
	struct reader *r = arg;

	r->ini = ini;
	r->line = ini_file_line(ini);
	r->is_continuation = ini_file_is_continuation(ini);
	read_key(r, name, value);
}

static void on_end(struct ini_file *ini, void *arg)
{
	struct reader *r = arg;

	r->ini = ini;
	r->line = ini_file_line(ini);
	check_whole(r);
}

int profile_load(const char *text, struct cost_profile *profile,
		 struct iopt_err *err)
{
	static const char *const dirs[] = { IOPT_PROFILE_DIR, "data/profiles" };
	static const struct ini_hooks hooks = { on_section, on_key, on_end };
	struct reader *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return iopt_err_set(err, -ENOMEM, "no memory for %s", text);
	ret = ini_file_find(dirs, ARRAY_SIZE(dirs), text, &hooks, r, err);
	if (ret == -ENOENT && !ini_file_is_path(text))
		iopt_err_set(err, ret,
			     "no cost profile \"%s\": must be one of "
			     "data/profiles, or a file with a / in its name or "
			     ".ini at its end",
			     text);
	if (!ret)
		*profile = r->profile;
	free(r);
	return ret;
}

const char *profile_name_at(size_t i)
{
	return i < ARRAY_SIZE(shipped) ? shipped[i] : NULL;
}

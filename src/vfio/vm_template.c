// SPDX-License-Identifier: GPL-2.0-only
/* Reading the files of data/layouts. */
#include "vm_template.h"

#include <errno.h>
#include <string.h>

#include "ini_file.h"
#include "lg2.h"
#include "sizes.h"

/* Above this no machine's addresses go. */
#define ADDRESS_END (1ull << 52)

enum section { IN_NOTHING, IN_LAYOUT, IN_WINDOW, IN_RANGE, NR_SECTIONS };

enum key {
	KEY_NAME,
	KEY_TITLE,
	KEY_SOURCE,
	KEY_NODES,
	KEY_NODE_MIN,
	KEY_RAM_MIN,
	KEY_RAM_MAX,
	KEY_NOTE,
	KEY_IOVA,
	KEY_SIZE,
	KEY_ALL_BELOW,
	KEY_KIND,
	KEY_PHYS,
	KEY_ABOVE_RAM,
	KEY_GAP,
	KEY_FLOOR,
	NR_KEYS,
};

static const char *const key_names[NR_KEYS] = {
	[KEY_NAME] = "name",
	[KEY_TITLE] = "title",
	[KEY_SOURCE] = "source",
	[KEY_NODES] = "nodes",
	[KEY_NODE_MIN] = "node_min",
	[KEY_RAM_MIN] = "ram_min",
	[KEY_RAM_MAX] = "ram_max",
	[KEY_NOTE] = "note",
	[KEY_IOVA] = "iova",
	[KEY_SIZE] = "size",
	[KEY_ALL_BELOW] = "all_below",
	[KEY_KIND] = "kind",
	[KEY_PHYS] = "phys",
	[KEY_ABOVE_RAM] = "above_ram",
	[KEY_GAP] = "gap",
	[KEY_FLOOR] = "floor",
};

#define BIT(key) (1u << (key))

static const struct {
	u32 needs;
	u32 may;
} section_keys[NR_SECTIONS] = {
	[IN_LAYOUT] = {
		.needs = BIT(KEY_NAME) | BIT(KEY_TITLE) | BIT(KEY_SOURCE) |
			 BIT(KEY_NODES) | BIT(KEY_NODE_MIN) | BIT(KEY_RAM_MIN) |
			 BIT(KEY_RAM_MAX),
	},
	[IN_WINDOW] = {
		.needs = BIT(KEY_NOTE) | BIT(KEY_IOVA),
		.may = BIT(KEY_SIZE) | BIT(KEY_ALL_BELOW),
	},
	[IN_RANGE] = {
		.needs = BIT(KEY_NOTE) | BIT(KEY_KIND) | BIT(KEY_IOVA) |
			 BIT(KEY_SIZE),
		.may = BIT(KEY_PHYS) | BIT(KEY_ABOVE_RAM) | BIT(KEY_GAP) |
		       BIT(KEY_FLOOR),
	},
};

/**
 * struct reader - A file being read.
 * @ini: the file
 * @t: what is read
 * @section: the open section
 * @section_line: where it starts
 * @seen: keys seen in it
 * @has_layout: [layout] was there
 */
struct reader {
	struct ini_file *ini;
	struct vm_template *t;
	enum section section;
	int section_line;
	u32 seen;
	bool has_layout;
};

static struct vm_piece *open_piece(struct reader *r)
{
	return &r->t->pieces[r->t->nr_pieces - 1];
}

static struct vm_window *open_window(struct reader *r)
{
	return &r->t->windows[r->t->nr_windows - 1];
}

static void check_window(struct reader *r)
{
	const struct vm_window *w = open_window(r);

	if ((w->iova | w->size | w->all_below) & (SZ_2M - 1))
		ini_file_fail(r->ini, r->section_line,
			      "iova, size and all_below must be multiples of "
			      "2M");
	else if (w->iova > ADDRESS_END || w->size > ADDRESS_END - w->iova)
		ini_file_fail(r->ini, r->section_line,
			      "a window must end at 0x%llx or below",
			      ADDRESS_END);
}

static void check_piece(struct reader *r)
{
	const struct vm_piece *p = open_piece(r);
	u32 place = BIT(KEY_GAP) | BIT(KEY_FLOOR);

	if ((p->kind == VM_PIECE_BAR) != !!(r->seen & BIT(KEY_PHYS)))
		ini_file_fail(r->ini, r->section_line,
			      "[range %s]: a bar, and nothing else, must have "
			      "phys",
			      p->name);
	else if (r->seen & place && !p->above_ram)
		ini_file_fail(r->ini, r->section_line,
			      "[range %s]: gap and floor need above_ram",
			      p->name);
	else if (p->above_ram && !is_pow2(p->above_ram))
		ini_file_fail(r->ini, r->section_line,
			      "[range %s]: above_ram must be a power of two",
			      p->name);
	else if (!p->size || (p->iova | p->size | p->phys) & (SZ_4K - 1))
		ini_file_fail(r->ini, r->section_line,
			      "[range %s]: iova, size and phys must be "
			      "multiples of 4K, size not 0",
			      p->name);
	else if (p->size > ADDRESS_END || p->iova > ADDRESS_END - p->size ||
		 p->phys > ADDRESS_END - p->size || p->gap > ADDRESS_END ||
		 p->floor > ADDRESS_END || p->above_ram > ADDRESS_END)
		ini_file_fail(r->ini, r->section_line,
			      "[range %s]: must end at 0x%llx or below",
			      p->name, ADDRESS_END);
}

static void check_layout(struct reader *r)
{
	const struct vm_template *t = r->t;

	if (!is_pow2(t->nr_nodes) || t->nr_nodes > 16)
		ini_file_fail(r->ini, r->section_line,
			      "nodes must be 1, 2, 4, 8 or 16");
	else if (!is_pow2(t->node_min) || t->node_min < SZ_2M)
		ini_file_fail(r->ini, r->section_line,
			      "node_min must be a power of two, at least 2M");
	else if (t->ram_min < t->node_min || t->ram_max < t->ram_min ||
		 t->ram_max > ADDRESS_END)
		ini_file_fail(r->ini, r->section_line,
			      "must have node_min <= ram_min <= ram_max <= "
			      "0x%llx",
			      ADDRESS_END);
}

/* A section ends: is all there, and does it hold together? */
static void section_close(struct reader *r)
{
	u32 missing = section_keys[r->section].needs & ~r->seen;

	if (missing)
		ini_file_fail(r->ini, r->section_line, "this section has no %s",
			      key_names[lg2_low(missing)]);
	else if (r->section == IN_LAYOUT)
		check_layout(r);
	else if (r->section == IN_WINDOW)
		check_window(r);
	else if (r->section == IN_RANGE)
		check_piece(r);
	r->seen = 0;
	r->section = IN_NOTHING;
	r->section_line = ini_file_line(r->ini);
}

static bool is_word(const char *text)
{
	return *text && strlen(text) < VM_NAME_BYTES &&
	       !text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-")];
}

static void window_open(struct reader *r)
{
	if (r->t->nr_windows == VM_MAX_WINDOWS) {
		ini_file_fail(r->ini, r->section_line, "at most %u windows",
			      VM_MAX_WINDOWS);
		return;
	}
	r->t->nr_windows++;
	open_window(r)->size = ADDRESS_END / 2;
	r->section = IN_WINDOW;
}

static void piece_open(struct reader *r, const char *name)
{
	struct vm_template *t = r->t;

	for (size_t i = 0; i < t->nr_pieces; i++)
		if (!strcmp(t->pieces[i].name, name)) {
			ini_file_fail(r->ini, r->section_line,
				      "[range %s] is there twice", name);
			return;
		}
	if (t->nr_pieces == VM_MAX_PIECES) {
		ini_file_fail(r->ini, r->section_line, "at most %u ranges",
			      VM_MAX_PIECES);
		return;
	}
	t->nr_pieces++;
	strcpy(open_piece(r)->name, name);
	r->section = IN_RANGE;
}

static void on_section(struct ini_file *ini, void *arg, const char *name)
{
	struct reader *r = arg;

	r->ini = ini;
	section_close(r);
	if (!strcmp(name, "layout") && r->has_layout) {
		ini_file_fail(ini, r->section_line, "[layout] is there twice");
	} else if (!strcmp(name, "layout")) {
		r->has_layout = true;
		r->section = IN_LAYOUT;
	} else if (!strncmp(name, "window ", 7) && is_word(name + 7)) {
		window_open(r);
	} else if (!strncmp(name, "range ", 6) && is_word(name + 6)) {
		piece_open(r, name + 6);
	} else {
		ini_file_fail(ini, r->section_line,
			      "[%s]: must be [layout], [window NAME] or "
			      "[range NAME]",
			      name);
	}
}

static void read_text(struct reader *r, enum key key, const char *value,
		      char *to, size_t room)
{
	size_t len = ini_file_is_continuation(r->ini) ? strlen(to) : 0;

	if (len + 1 + strlen(value) >= room) {
		ini_file_fail(r->ini, ini_file_line(r->ini),
			      "%s is longer than %zu characters",
			      key_names[key], room - 2);
		return;
	}
	if (len)
		to[len++] = ' ';
	strcpy(to + len, value);
}

static void read_size(struct reader *r, enum key key, const char *value,
		      u64 *to)
{
	if (size_parse(value, to))
		ini_file_fail(r->ini, ini_file_line(r->ini),
			      "%s = %s: must be a size, such as 64K or 0x1000",
			      key_names[key], value);
}

static void read_kind(struct reader *r, const char *value)
{
	static const char *const kinds[] = {
		[VM_PIECE_HOLE] = "hole",     [VM_PIECE_ROM] = "rom",
		[VM_PIECE_SHADOW] = "shadow", [VM_PIECE_VRAM] = "vram",
		[VM_PIECE_BAR] = "bar",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i], value)) {
			open_piece(r)->kind = (enum vm_piece_kind)i;
			return;
		}
	ini_file_fail(r->ini, ini_file_line(r->ini),
		      "kind = %s: must be hole, rom, shadow, vram or bar",
		      value);
}

static void read_name(struct reader *r, const char *value)
{
	if (is_word(value))
		strcpy(r->t->name, value);
	else
		ini_file_fail(r->ini, ini_file_line(r->ini),
			      "name = %s: must be of letters, digits, _ . and "
			      "-, less than %u of them",
			      value, VM_NAME_BYTES);
}

static void read_layout(struct reader *r, enum key key, const char *value)
{
	struct vm_template *t = r->t;

	switch (key) {
	case KEY_NAME:
		read_name(r, value);
		break;
	case KEY_TITLE:
		read_text(r, key, value, t->title, sizeof(t->title));
		break;
	case KEY_SOURCE:
		read_text(r, key, value, t->source, sizeof(t->source));
		break;
	case KEY_NODES:
		read_size(r, key, value, &t->nr_nodes);
		break;
	case KEY_NODE_MIN:
		read_size(r, key, value, &t->node_min);
		break;
	case KEY_RAM_MIN:
		read_size(r, key, value, &t->ram_min);
		break;
	default:
		read_size(r, key, value, &t->ram_max);
	}
}

static void read_window(struct reader *r, enum key key, const char *value)
{
	struct vm_window *w = open_window(r);

	switch (key) {
	case KEY_NOTE:
		read_text(r, key, value, w->note, sizeof(w->note));
		break;
	case KEY_IOVA:
		read_size(r, key, value, &w->iova);
		break;
	case KEY_SIZE:
		read_size(r, key, value, &w->size);
		break;
	default:
		read_size(r, key, value, &w->all_below);
	}
}

static void read_range(struct reader *r, enum key key, const char *value)
{
	struct vm_piece *p = open_piece(r);

	switch (key) {
	case KEY_NOTE:
		read_text(r, key, value, p->note, sizeof(p->note));
		break;
	case KEY_KIND:
		read_kind(r, value);
		break;
	case KEY_IOVA:
		read_size(r, key, value, &p->iova);
		break;
	case KEY_SIZE:
		read_size(r, key, value, &p->size);
		break;
	case KEY_PHYS:
		read_size(r, key, value, &p->phys);
		break;
	case KEY_ABOVE_RAM:
		read_size(r, key, value, &p->above_ram);
		break;
	case KEY_GAP:
		read_size(r, key, value, &p->gap);
		break;
	default:
		read_size(r, key, value, &p->floor);
	}
}

/* Is the key allowed here, and for the first time? */
static bool key_check(struct reader *r, const char *name, unsigned int *key)
{
	bool is_more = ini_file_is_continuation(r->ini);
	int line = ini_file_line(r->ini);
	u32 may = section_keys[r->section].needs | section_keys[r->section].may;
	unsigned int k = 0;

	while (k < NR_KEYS && strcmp(key_names[k], name) != 0)
		k++;
	if (r->section == IN_NOTHING)
		ini_file_fail(r->ini, line, "%s is in no section", name);
	else if (k == NR_KEYS || !(may & BIT(k)))
		ini_file_fail(r->ini, line, "unknown key %s", name);
	else if (is_more && k != KEY_TITLE && k != KEY_SOURCE && k != KEY_NOTE)
		ini_file_fail(r->ini, line, "%s must be on one line", name);
	else if (!is_more && r->seen & BIT(k))
		ini_file_fail(r->ini, line, "%s is there twice", name);
	*key = k;
	return !ini_file_error(r->ini);
}

static void on_key(struct ini_file *ini, void *arg, const char *name,
		   const char *value)
{
	static void (*const readers[NR_SECTIONS])(struct reader *, enum key,
						  const char *) = {
		[IN_LAYOUT] = read_layout,
		[IN_WINDOW] = read_window,
		[IN_RANGE] = read_range,
	};
	struct reader *r = arg;
	unsigned int key;

	r->ini = ini;
	if (!key_check(r, name, &key))
		return;
	r->seen |= BIT(key);
	if (!*value)
		ini_file_fail(ini, ini_file_line(ini), "%s is empty", name);
	else
		readers[r->section](r, (enum key)key, value);
}

static void on_end(struct ini_file *ini, void *arg)
{
	struct reader *r = arg;

	r->ini = ini;
	section_close(r);
	if (!r->has_layout)
		ini_file_fail(ini, ini_file_line(ini), "ends without [layout]");
	else if (!r->t->nr_windows)
		ini_file_fail(ini, ini_file_line(ini),
			      "ends without a [window NAME] for RAM");
}

int vm_template_load(const char *machine, struct vm_template *t,
		     struct iopt_err *err)
{
	static const char *const dirs[] = { IOPT_LAYOUT_DIR, "data/layouts" };
	static const struct ini_hooks hooks = { on_section, on_key, on_end };
	struct reader r = { .t = t };
	int ret;

	*t = (struct vm_template){ .nr_nodes = 0 };
	ret = ini_file_find(dirs, ARRAY_SIZE(dirs), machine, &hooks, &r, err);
	if (ret == -ENOENT && !ini_file_is_path(machine))
		iopt_err_set(err, ret,
			     "no machine \"%s\": must be one of data/layouts, "
			     "or a file with a / in its name or .ini at its "
			     "end",
			     machine);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Loading modules, and the set of their engines. */
#include "kernel_engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX	       ".so"
#define COUNTED_SUFFIX ".counted.so"
#define MAX_ENGINES    2 /* of a module */

/**
 * struct loaded - A module and its twin.
 * @handles: of the dynamic linker; NULL for none
 * @doors: of the module and of its counted twin, or NULL
 */
struct loaded {
	void *handles[2];
	const struct kmodule *doors[2];
};

/**
 * struct kernel_set - Modules of a process.
 * @modules: in the order given
 * @nr: entries in @modules
 * @engines: of all modules
 * @list: their addresses
 * @set: the list, as the rest of the suite takes it
 */
struct kernel_set {
	struct loaded *modules;
	size_t nr;
	struct kernel_engine *engines;
	const struct pgtable_engine **list;
	struct pgtable_engine_set set;
};

static int open_door(const char *path, void **handle,
		     const struct kmodule **out, struct iopt_err *err)
{
	const struct kmodule *(*door)(void);
	/* Without a slash the linker would look where libraries are. */
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s%s", strchr(path, '/') ? "" : "./",
		 path);
	*handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!*handle)
		return iopt_err_set(err, -EINVAL,
				    "%s; a module that scripts/kernel.py "
				    "built is wanted",
				    dlerror());
	*(void **)&door = dlsym(*handle, "kmodule");
	if (!door)
		return iopt_err_set(err, -EINVAL,
				    "%s: is no module that scripts/kernel.py "
				    "built",
				    path);
	if (door()->abi != KMODULE_ABI)
		return iopt_err_set(err, -EINVAL,
				    "%s: was built for interface %u, this is "
				    "%u; build it again",
				    path, door()->abi, KMODULE_ABI);
	*out = door();
	return 0;
}

/* X.so and, if it is there, X.counted.so. */
static int load(struct loaded *m, const char *path, struct iopt_err *err)
{
	char twin[PATH_MAX];
	size_t len = strlen(path);
	int ret = open_door(path, &m->handles[0], &m->doors[0], err);
	FILE *f;

	if (ret)
		return ret;
	if (len > strlen(SUFFIX) &&
	    !strcmp(path + len - strlen(SUFFIX), SUFFIX))
		len -= strlen(SUFFIX);
	snprintf(twin, sizeof(twin), "%.*s%s", (int)len, path, COUNTED_SUFFIX);
	f = fopen(twin, "r");
	if (!f)
		return 0;
	fclose(f);
	ret = open_door(twin, &m->handles[1], &m->doors[1], err);
	if (!ret && !m->doors[1]->is_counted)
		return iopt_err_set(err, -EINVAL,
				    "%s: is no counted twin, build it again",
				    twin);
	return ret;
}

static int add_engine(struct kernel_set *set, const struct loaded *m,
		      bool is_v7s, struct iopt_err *err)
{
	struct kernel_engine *e = &set->engines[set->set.nr_more];
	int ret;

	e->timed = m->doors[0];
	e->counted = m->doors[1];
	e->is_v7s = is_v7s;
	if ((size_t)snprintf(e->name, sizeof(e->name), "kernel-%s%s",
			     e->timed->label,
			     is_v7s ? "-v7s" : "") >= sizeof(e->name))
		return iopt_err_set(err, -EINVAL,
				    "kernel-%.40s...: a label has at most %d "
				    "letters",
				    e->timed->label, KERNEL_NAME_MAX - 16);
	if (pgtable_set_find(&set->set, e->name))
		return iopt_err_set(err, -EEXIST,
				    "%s: two trees of this name; give one "
				    "another label",
				    e->name);
	ret = kernel_engine_init(e, err);
	if (ret)
		return ret;
	set->list[set->set.nr_more++] = &e->engine;
	return 0;
}

static int set_init(struct kernel_set *set, const char *const *paths, size_t nr,
		    struct iopt_err *err)
{
	int ret = 0;

	set->modules = calloc(nr + 1, sizeof(*set->modules));
	set->engines = calloc(nr * MAX_ENGINES + 1, sizeof(*set->engines));
	set->list = calloc(nr * MAX_ENGINES + 1, sizeof(*set->list));
	if (!set->modules || !set->engines || !set->list)
		return iopt_err_set(err, -ENOMEM, "no memory for modules");
	set->set.more = set->list;
	for (size_t i = 0; i < nr && !ret; i++) {
		struct loaded *m = &set->modules[set->nr++];

		ret = load(m, paths[i], err);
		if (!ret)
			ret = add_engine(set, m, false, err);
		if (!ret && m->doors[0]->has_fmt[KMODULE_V7S])
			ret = add_engine(set, m, true, err);
	}
	return ret;
}

int kernel_set_create(const char *const *paths, size_t nr,
		      struct kernel_set **out, struct iopt_err *err)
{
	struct kernel_set *set = calloc(1, sizeof(*set));
	int ret;

	if (!set)
		return iopt_err_set(err, -ENOMEM, "no memory for modules");
	ret = set_init(set, paths, nr, err);
	if (ret)
		kernel_set_destroy(set);
	else
		*out = set;
	return ret;
}

void kernel_set_destroy(struct kernel_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->nr; i++)
		for (int k = 0; k < 2; k++) {
			if (set->modules[i].doors[k])
				set->modules[i].doors[k]->unbind();
			if (set->modules[i].handles[k])
				dlclose(set->modules[i].handles[k]);
		}
	free(set->modules);
	free(set->engines);
	free(set->list);
	free(set);
}

const struct pgtable_engine_set *
kernel_set_engines(const struct kernel_set *set)
{
	return set ? &set->set : NULL;
}

const struct kmodule *kernel_set_module(const struct kernel_set *set, size_t i,
					bool is_counted)
{
	if (!set || i >= set->nr)
		return NULL;
	return set->modules[i].doors[is_counted];
}

// SPDX-License-Identifier: GPL-2.0-only
/* Engines by their words. */
#include "pgtable.h"

#include <errno.h>
#include <string.h>

int lpae_create(const struct pgtable_engine *engine,
		const struct pgtable_cfg *cfg, struct pgtable **out,
		struct iopt_err *err);
int amdv1_create(const struct pgtable_engine *engine,
		 const struct pgtable_cfg *cfg, struct pgtable **out,
		 struct iopt_err *err);
#ifdef PGTABLE_HAS_COUNTED
int lpae_counted_create(const struct pgtable_engine *engine,
			const struct pgtable_cfg *cfg, struct pgtable **out,
			struct iopt_err *err);
int amdv1_counted_create(const struct pgtable_engine *engine,
			 const struct pgtable_cfg *cfg, struct pgtable **out,
			 struct iopt_err *err);
#else
#define lpae_counted_create  NULL
#define amdv1_counted_create NULL
#endif

/* The policies differ in nothing else: 6.12's other parameters in each. */
#define LPAE_6_12(policy_)                                              \
	{                                                               \
		.policy = policy_, .clear = PGTABLE_CLEAR_RUN,          \
		.walk = PGTABLE_WALK_LOOP, .concat = PGTABLE_CONCAT_OLD \
	}

#define LPAE_ENGINE(name_, rule_, ...)                                       \
	{                                                                    \
		.name = name_, .rule = rule_, .params = __VA_ARGS__,         \
		.create = lpae_create, .create_counted = lpae_counted_create \
	}

static const struct pgtable_engine engines[] = {
	LPAE_ENGINE("lpae-split", "6.12", LPAE_6_12(PGTABLE_SPLIT)),
	LPAE_ENGINE("lpae-nosplit", "6.12", LPAE_6_12(PGTABLE_NOSPLIT)),
	LPAE_ENGINE("lpae-whole", "6.12", LPAE_6_12(PGTABLE_WHOLE)),
	LPAE_ENGINE("lpae-6.1", "6.1",
		    { .policy = PGTABLE_SPLIT,
		      .clear = PGTABLE_CLEAR_EACH,
		      .walk = PGTABLE_WALK_LOOP,
		      .concat = PGTABLE_CONCAT_OLD }),
	LPAE_ENGINE("lpae-6.12", "6.12", LPAE_6_12(PGTABLE_SPLIT)),
	LPAE_ENGINE("lpae-7.3", "7.3",
		    { .policy = PGTABLE_NOSPLIT,
		      .clear = PGTABLE_CLEAR_RUN,
		      .walk = PGTABLE_WALK_VISITOR,
		      .concat = PGTABLE_CONCAT_NEW }),
	/* The parameters say what it does; none of them changes anything. */
	{ .name = "amdv1",
	  .params = { .policy = PGTABLE_WHOLE,
		      .clear = PGTABLE_CLEAR_RUN,
		      .walk = PGTABLE_WALK_LOOP,
		      .concat = PGTABLE_CONCAT_OLD },
	  .rule = "amdv1",
	  .format = PGTABLE_AMDV1,
	  .is_fixed = true,
	  .create = amdv1_create,
	  .create_counted = amdv1_counted_create },
};

const struct pgtable_engine *
pgtable_set_at(const struct pgtable_engine_set *set, size_t i)
{
	if (i < ARRAY_SIZE(engines))
		return &engines[i];
	i -= ARRAY_SIZE(engines);
	return set && i < set->nr_more ? set->more[i] : NULL;
}

const struct pgtable_engine *
pgtable_set_find(const struct pgtable_engine_set *set, const char *name)
{
	const struct pgtable_engine *engine;

	for (size_t i = 0; (engine = pgtable_set_at(set, i)); i++)
		if (!strcmp(engine->name, name))
			return engine;
	return NULL;
}

const struct pgtable_engine *pgtable_engine_find(const char *name)
{
	return pgtable_set_find(NULL, name);
}

const struct pgtable_engine *pgtable_engine_at(size_t i)
{
	return pgtable_set_at(NULL, i);
}

int pgtable_create(const struct pgtable_engine *engine,
		   const struct pgtable_cfg *cfg, struct pgtable **out,
		   struct iopt_err *err)
{
	return engine->create(engine, cfg, out, err);
}

int pgtable_create_counted(const struct pgtable_engine *engine,
			   const struct pgtable_cfg *cfg, struct pgtable **out,
			   struct iopt_err *err)
{
	if (!engine->create_counted)
		return iopt_err_set(err, -EOPNOTSUPP,
				    "%s: this build counts no stores "
				    "(it has a sanitizer of its own)",
				    engine->name);
	return engine->create_counted(engine, cfg, out, err);
}

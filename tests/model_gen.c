// SPDX-License-Identifier: GPL-2.0-only
/* Operations and configurations for the oracle, from bytes; and as text. */
#include "lg2.h"
#include "model.h"
#include "sizes.h"

#include <inttypes.h>

/* Where in a table: the first entries, the last, and the middle. */
static u64 pick_index(u64 nr_entries, unsigned int choice)
{
	const u64 from[] = { 0,
			     1,
			     2,
			     3,
			     nr_entries / 2,
			     nr_entries - 3,
			     nr_entries - 2,
			     nr_entries - 1 };

	return from[choice % ARRAY_SIZE(from)] % nr_entries;
}

/*
 * An address that is aligned to the entries of @level; 13 bits choose. Above
 * that level few entries are used, so that operations meet; the last bit
 * reflects it to the end of the input space.
 */
static u64 pick_iova(const struct ref_map *ref, unsigned int level,
		     unsigned int choice)
{
	u64 iova = 0;

	for (unsigned int l = ref->top; l <= level; l++) {
		unsigned int mask = l == level ? 7 : 1;

		iova += ref->size[l] * pick_index(l == ref->top ?
							  ref->top_entries :
							  ref->entries,
						  choice >> 3 * l & mask);
	}
	if (choice >> 3 * REF_LEVELS & 1)
		return (1ull << ref->cfg.ias) - ref->size[level] - iova;
	return iova;
}

static u64 pick_count(u64 left, u64 entries, unsigned int choice)
{
	const u64 from[] = { 1, 1, 2, 3, 5, entries / 2, entries, entries + 1 };
	u64 n = from[choice % ARRAY_SIZE(from)];

	return n < left ? n : left;
}

static unsigned int pick_level(const struct ref_map *ref, unsigned int choice)
{
	u64 sizes = ref_leaf_sizes(&ref->cfg);
	unsigned int level = REF_LEVELS - 1;

	/* Most often the page; then the block above it. */
	if (choice % 8 >= 4 && level > ref->top)
		level--;
	if (choice % 8 >= 6 && level > ref->top &&
	    (sizes & ref->size[level - 1]))
		level--;
	return level;
}

static int pick_prot(unsigned int choice)
{
	static const int from[] = {
		IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
		IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
		IOMMU_READ | IOMMU_WRITE,
		IOMMU_READ,
		IOMMU_WRITE | IOMMU_NOEXEC,
		IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO,
		IOMMU_READ | IOMMU_CACHE | IOMMU_PRIV | IOMMU_NOEXEC,
		IOMMU_CACHE, /* neither READ nor WRITE: refused */
	};

	return from[choice % ARRAY_SIZE(from)];
}

/* What a caller gets wrong; one operation in sixteen is. */
static void spoil(const struct ref_map *ref, struct model_op *op, u8 choice)
{
	switch (choice) {
	case 0:
		op->iova |= 1ull << ref->cfg.ias;
		break;
	case 1:
		op->iova |= 1ull << 63;
		break;
	case 2:
		op->paddr |= 1ull << ref->cfg.oas;
		break;
	case 3:
		op->pgsize |= op->pgsize >> 1;
		break;
	case 4:
		op->pgsize = 0;
		break;
	case 5:
		op->pgsize *= 2;
		break;
	case 6:
		/* A leaf that other geometries have, or of another level. */
		op->pgsize = ref->cfg.oas == 52 ? SZ_4T : SZ_4K;
		op->paddr -= op->paddr % op->pgsize;
		op->pgcount = 1;
		break;
	case 7:
		if (op->kind == MODEL_UNMAP)
			op->pgcount = 0;
		break;
	default:
		/* Inside a larger page than the address is aligned to. */
		if (choice < 16 && op->pgsize > ref->cfg.granule)
			op->iova += (choice - 7) * ref->cfg.granule;
		break;
	}
}

static enum model_op_kind pick_kind(unsigned int choice)
{
	static const enum model_op_kind from[] = {
		MODEL_MAP,   MODEL_MAP,	  MODEL_MAP,   MODEL_MAP,
		MODEL_MAP,   MODEL_MAP,	  MODEL_UNMAP, MODEL_UNMAP,
		MODEL_UNMAP, MODEL_UNMAP, MODEL_UNMAP, MODEL_UNMAP,
		MODEL_PHYS,  MODEL_WALK,  MODEL_SYNC,  MODEL_QUEUE,
	};

	if (choice % 32 == 31)
		return MODEL_FAIL;
	return from[choice % ARRAY_SIZE(from)];
}

struct model_op model_op_decode(const struct ref_map *ref,
				const u8 b[MODEL_OP_BYTES])
{
	unsigned int level = pick_level(ref, b[1]);
	unsigned int where = b[2] | (unsigned int)b[3] << 8;
	u64 size = ref->size[level];
	struct model_op op = {
		.kind = pick_kind(b[0]),
		.iova = pick_iova(ref, level, where),
		.pgsize = size,
		.prot = pick_prot(b[4]),
		.has_gather = b[4] >> 3 & 3,
	};
	u64 space = 1ull << (ref->cfg.oas - lg2_floor(size));

	if (op.kind == MODEL_FAIL) {
		op.pgcount = 1 + b[5] % 3;
		return op;
	}
	/* The range ends in the input space, and the memory in the output. */
	op.pgcount = pick_count(((1ull << ref->cfg.ias) - op.iova) / size,
				ref->entries, b[5]);
	if (op.pgcount > space)
		op.pgcount = space;
	op.paddr = (b[6] & 1 ? space - op.pgcount - b[6] % 16 : b[6]) * size %
		   (space * size);
	if (op.paddr + op.pgcount * size > space * size)
		op.paddr = 0;
	if (op.kind == MODEL_PHYS || op.kind == MODEL_WALK)
		op.iova += b[6] * 0x1fdull;
	spoil(ref, &op, b[7]);
	return op;
}

void model_ops_random(const struct pgtable_cfg *cfg, struct rng *rng,
		      struct model_op *ops, size_t nr)
{
	struct ref_map shape;

	ref_map_init(&shape, cfg);
	for (size_t i = 0; i < nr; i++) {
		u64 bits = rng_next(rng);
		u8 bytes[MODEL_OP_BYTES];

		for (size_t j = 0; j < MODEL_OP_BYTES; j++)
			bytes[j] = (u8)(bits >> 8 * j);
		ops[i] = model_op_decode(&shape, bytes);
	}
	ref_map_fini(&shape);
}

struct pgtable_cfg model_cfg_decode(const u8 b[MODEL_CFG_BYTES])
{
	static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };
	static const unsigned int bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	size_t granule = granules[b[0] % 3];
	unsigned int nr_bits = granule == SZ_64K ? 7 : 6;
	unsigned int ias = b[1] % nr_bits;

	return (struct pgtable_cfg){
		.granule = granule,
		.stage = 1 + (b[0] >> 2 & 1),
		.coherent_walk = b[0] >> 3 & 1,
		.ias = bits[ias],
		.oas = bits[ias + (b[1] >> 4) % (nr_bits - ias)],
		.params = {
			.policy = (enum pgtable_policy)(b[2] % 3),
			.clear = (enum pgtable_clear)(b[2] >> 2 & 1),
			.walk = (enum pgtable_walk)((b[2] >> 4) % 3),
			.concat = (enum pgtable_concat)(b[3] & 1),
		},
	};
}

static const char *kind_name(enum model_op_kind kind)
{
	static const char *const names[] = { "map",  "unmap", "phys", "walk",
					     "sync", "queue", "fail" };

	return names[kind];
}

const char *model_op_format(const struct model_op *op,
			    char text[MODEL_TEXT_MAX])
{
	const char *name = kind_name(op->kind);
	char size[SIZE_TEXT_MAX];

	size_format(op->pgsize, size);
	switch (op->kind) {
	case MODEL_MAP:
		snprintf(text, MODEL_TEXT_MAX,
			 "%s 0x%" PRIx64 " to 0x%" PRIx64 " %s x%" PRIu64
			 " prot %d",
			 name, op->iova, op->paddr, size, op->pgcount,
			 op->prot);
		break;
	case MODEL_UNMAP:
		snprintf(text, MODEL_TEXT_MAX,
			 "%s 0x%" PRIx64 " %s x%" PRIu64 "%s", name, op->iova,
			 size, op->pgcount, op->has_gather ? "" : " no gather");
		break;
	case MODEL_PHYS:
	case MODEL_WALK:
		snprintf(text, MODEL_TEXT_MAX, "%s 0x%" PRIx64, name, op->iova);
		break;
	case MODEL_FAIL:
		snprintf(text, MODEL_TEXT_MAX, "%s allocation %" PRIu64, name,
			 op->pgcount);
		break;
	default:
		snprintf(text, MODEL_TEXT_MAX, "%s", name);
		break;
	}
	return text;
}

const char *model_cfg_format(const struct pgtable_cfg *cfg,
			     char text[MODEL_TEXT_MAX])
{
	static const char *const policies[] = { "split", "nosplit", "whole" };
	static const char *const clears[] = { "each", "run" };
	static const char *const walks[] = { "loop", "visitor", "unfixed" };
	static const char *const concats[] = { "old", "new" };
	const struct pgtable_params *params = &cfg->params;
	char size[SIZE_TEXT_MAX];

	snprintf(text, MODEL_TEXT_MAX,
		 "granule %s stage %u ias %u oas %u %scoherent policy %s "
		 "clear %s walk %s concat %s",
		 size_format(cfg->granule, size), cfg->stage, cfg->ias,
		 cfg->oas, cfg->coherent_walk ? "" : "non-",
		 policies[params->policy], clears[params->clear],
		 walks[params->walk], concats[params->concat]);
	return text;
}

const char *model_diff_name(enum model_diff diff)
{
	static const char *const names[] = {
		"same",	  "ret",    "warnings", "inval", "gather",
		"tables", "writes", "phys",	"desc",	 "leak",
	};

	return names[diff];
}

void model_print(FILE *f, const struct pgtable_cfg *cfg,
		 const struct model_op *ops, size_t nr, const char *why)
{
	char text[MODEL_TEXT_MAX];

	fprintf(f, "%s\n", model_cfg_format(cfg, text));
	for (size_t i = 0; i < nr; i++)
		fprintf(f, "  %2zu %s\n", i + 1,
			model_op_format(&ops[i], text));
	fprintf(f, "%s\n", why);
}

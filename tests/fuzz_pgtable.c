// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: any bytes as a configuration and operations on a page
 * table, against the oracle.
 *
 * With FUZZ_REPLAY it is a program that runs files, for a compiler that has no
 * libFuzzer: each input that was kept stays a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "sizes.h"

#define MAX_OPS 64

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Where all inputs take their tables from; it is empty again after each. */
static struct arena *shared_arena(void)
{
	const struct arena_cfg cfg = { .size = 64 * SZ_1M,
				       .want_base_pages = true };
	static struct arena *arena;
	struct iopt_err err;

	if (!arena && arena_create(&cfg, &arena, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	return arena;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 head[MODEL_CFG_BYTES] = { 0 }, bytes[MODEL_OP_BYTES] = { 0 };
	struct model_op ops[MAX_OPS];
	char why[MODEL_TEXT_MAX];
	struct pgtable_cfg cfg;
	struct ref_map shape;
	enum model_diff diff;
	size_t nr = 0;

	if (size < sizeof(head))
		return 0;
	memcpy(head, data, sizeof(head));
	cfg = model_cfg_decode(head);
	cfg.arena = shared_arena();
	ref_map_init(&shape, &cfg);
	for (size_t at = sizeof(head);
	     at + sizeof(bytes) <= size && nr < MAX_OPS; at += sizeof(bytes)) {
		memcpy(bytes, data + at, sizeof(bytes));
		ops[nr++] = model_op_decode(&shape, bytes);
	}
	ref_map_fini(&shape);
	diff = model_run(&cfg, false, ops, nr, why);
	if (!diff)
		return 0;
	if (nr)
		nr = model_shrink(&cfg, false, ops, nr, diff);
	model_run(&cfg, false, ops, nr, why);
	fprintf(stderr, "%s:\n", model_diff_name(diff));
	model_print(stderr, &cfg, ops, nr, why);
	abort();
}

#ifdef FUZZ_REPLAY
#include <dirent.h>

static int replay(const char *path)
{
	u8 data[MODEL_CFG_BYTES + MAX_OPS * MODEL_OP_BYTES];
	FILE *f = fopen(path, "rbe");
	size_t size;

	if (!f) {
		perror(path);
		return EXIT_FAILURE;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	/* A difference aborts: the last line printed names the input. */
	fprintf(stderr, "%s\n", path);
	return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	char path[4096];
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay(path))
			return EXIT_FAILURE;
		nr++;
	}
	closedir(dir);
	printf("%u inputs\n", nr);
	return nr ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Trees of small files that stand for /proc and /sys of another machine. */
#ifndef IOPT_FIXTURE_H
#define IOPT_FIXTURE_H

#include "test.h"

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * struct fixture_file - One file of a tree.
 * @path: below the root, with no leading slash; NULL ends a list
 * @text: what is in it
 */
struct fixture_file {
	const char *path;
	const char *text;
};

/**
 * struct fixture - A tree in a temporary folder.
 * @root: the folder
 */
struct fixture {
	char root[64];
};

static inline void fixture_add(const struct fixture *fixture,
			       const struct fixture_file *file)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fixture->root, file->path);
	for (char *p = path + strlen(fixture->root) + 1;
	     (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0777);
		*p = '/';
	}
	f = fopen(path, "we");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(fputs(file->text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/**
 * fixture_init() - Make a tree.
 * @fixture: set up; the caller ends it by fixture_fini()
 * @files: list that ends in a NULL path
 */
static inline void fixture_init(struct fixture *fixture,
				const struct fixture_file *files)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(fixture->root, sizeof(fixture->root), "%.40s/iopt-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->root));
	for (; files && files->path; files++)
		fixture_add(fixture, files);
}

static inline int fixture_remove(const char *path, const struct stat *st,
				 int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/**
 * fixture_fini() - Remove a tree.
 * @fixture: from fixture_init()
 */
static inline void fixture_fini(struct fixture *fixture)
{
	nftw(fixture->root, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* Devices of made-up machines: which may be used, and why the others not. */
#include "test.h"

#include <ftw.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dma_device.h"
#include "dma_limit.h"
#include "dma_space.h"
#include "sizes.h"

#define BDF    "0000:01:00.0"
#define OTHER  "0000:01:00.1"
#define DEVICE "/sys/bus/pci/devices/" BDF

/**
 * struct row - A machine, and what is said of its device.
 * @bdf: what is asked for
 * @group: name file of the group; NULL: there is no group
 * @driver: of the device; NULL: none
 * @files: files in /dev, separated by blanks; "iommus" is one of the class
 * @ret: expected
 * @says: part of the reason
 */
struct row {
	const char *bdf;
	const char *group;
	const char *driver;
	const char *files;
	int ret;
	const char *says;
};

#define FILES "vfio/vfio vfio/7"

static const struct row rows[] = {
	{ BDF, "DMA-FQ\n", "vfio-pci", FILES, 0, "" },
	{ BDF, "DMA\n", "mlx5_vfio_pci", FILES, 0, "" },
	{ BDF, "DMA\n", "nvgrace-gpu-vfio-pci", FILES " iommu", 0, "" },
	/* Through iommufd no group file is needed. */
	{ BDF, "DMA\n", "vfio-pci", "iommu", 0, "" },
	{ "", "DMA\n", "vfio-pci", FILES, -EINVAL, "must be a PCI address" },
	{ "01:00.0", "DMA\n", "vfio-pci", FILES, -EINVAL, "0000:01:00.0" },
	{ "0000:01:00.8", "DMA\n", "vfio-pci", FILES, -EINVAL, "lspci -D" },
	{ "0000:0A:00.0", "DMA\n", "vfio-pci", FILES, -EINVAL, "lspci -D" },
	{ BDF "/../x", "DMA\n", "vfio-pci", FILES, -EINVAL, "lspci -D" },
	{ "../../../etc", "DMA\n", "vfio-pci", FILES, -EINVAL, "lspci -D" },
	{ "0000:02:00.0", "DMA\n", "vfio-pci", FILES, -ENODEV,
	  "0000:02:00.0: this machine has no such device" },
	{ BDF, NULL, "vfio-pci", FILES, -ENXIO, "no IOMMU stands before it" },
	{ BDF, NULL, "vfio-pci", FILES " iommus", -ENXIO, "no IOMMU stands" },
	{ BDF, NULL, NULL, FILES, -ENXIO, "no IOMMU stands before it" },
	/* With an IOMMU the group may come with the driver. */
	{ BDF, NULL, NULL, FILES " iommus", -EBUSY, "driver_override" },
	{ BDF, "vfio-noiommu\n", "vfio-pci", FILES, -ENXIO, "noiommu mode" },
	{ BDF, "DMA\n", NULL, FILES, -EBUSY, "driver_override" },
	{ BDF, "DMA\n", "nvme", FILES, -EBUSY,
	  "driver nvme has it, and nothing is taken from a driver" },
	{ BDF, "DMA\n", "vfio-pci-not", FILES, -EBUSY, "driver vfio-pci-not" },
	{ BDF, "DMA\n", "vfio-pci", "", -ENOTSUP, "modprobe vfio_iommu_type1" },
	{ BDF, "DMA\n", "vfio-pci", "vfio/vfio", -ENOTSUP,
	  "modprobe vfio-pci" },
};

static void make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
}

static void put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	make_folders(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_link(const char *root, const char *name, const char *to)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", root, name);
	make_folders(path);
	assert_int_equal(symlink(to, path), 0);
}

static void put_driver(const char *root, const char *bdf, const char *driver)
{
	char name[256], to[256];

	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/driver", bdf);
	snprintf(to, sizeof(to), "../../../../bus/pci/drivers/%s", driver);
	put_link(root, name, to);
}

static void build(const char *root, const struct row *row)
{
	char files[128], name[160], *at = NULL;

	put(root, DEVICE "/vendor", "0x1234\n");
	put_link(root, DEVICE "/iommu", "../../virtual/iommu/smmu3.0x2b400000");
	if (row->group) {
		put(root, "/sys/kernel/iommu_groups/7/name", row->group);
		put_link(root, DEVICE "/iommu_group",
			 "../../../../kernel/iommu_groups/7");
	}
	if (row->driver)
		put_driver(root, BDF, row->driver);
	strcpy(files, row->files);
	for (char *f = strtok_r(files, " ", &at); f;
	     f = strtok_r(NULL, " ", &at)) {
		snprintf(name, sizeof(name), "/%s%s",
			 strcmp(f, "iommus") ? "dev/" : "sys/class/iommu/", f);
		put(root, name, "");
	}
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void make_root(char root[DMA_NAME_MAX])
{
	strcpy(root, "/tmp/iopt-dma-XXXXXX");
	assert_non_null(mkdtemp(root));
}

static void remove_root(const char *root)
{
	assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void test_find(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct dma_device device = { .group = 99 };
		char root[DMA_NAME_MAX], what[64];
		struct iopt_err err = { "" };
		int ret;

		make_root(root);
		build(root, row);
		ret = dma_device_find(root, row->bdf, &device, &err);
		remove_root(root);
		snprintf(what, sizeof(what), "row %zu, %s", i, row->says);
		expect_int(ret, row->ret, what);
		expect_text(err.msg, row->says, what);
		assert_null(strchr(err.msg, '\n'));
		/* Whole: a text that does not fit would end in dots. */
		assert_null(strstr(err.msg, "..."));
		expect_int(dma_device_is_refusal(ret), ret && ret != -EINVAL,
			   what);
		expect_u64(device.group, ret ? 99 : 7, "%s", what);
		if (ret)
			continue;
		assert_string_equal(device.bdf, BDF);
		assert_string_equal(device.driver, row->driver);
		assert_string_equal(device.iommu, "smmu3.0x2b400000");
	}
}

/* A file that only its owner may open; root may open any. */
static int find_as_user(const char *root, struct iopt_err *err)
{
	struct dma_device device;
	int pipe_fds[2], status = 0;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int ret = -1;

		if (!setgid(65534) && !setuid(65534))
			ret = dma_device_find(root, BDF, &device, err);
		if (write(pipe_fds[1], err, sizeof(*err)) < 0)
			_exit(255);
		_exit(-ret & 0xff);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], err, sizeof(*err)), sizeof(*err));
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return -WEXITSTATUS(status);
}

static void test_rights(void **unused)
{
	char root[DMA_NAME_MAX], path[256];
	struct iopt_err err = { "" };
	int ret;

	(void)unused;
	if (geteuid()) {
		print_message("skipped: only root can become somebody else\n");
		skip();
	}
	make_root(root);
	assert_int_equal(chmod(root, 0755), 0);
	umask(0);
	build(root, &rows[0]);
	/* Folders are made for the owner alone; here all may pass. */
	snprintf(path, sizeof(path), "find %s -type d -exec chmod 755 {} +",
		 root);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/dev/vfio/7", root);
	assert_int_equal(chmod(path, 0666), 0);
	expect_int(find_as_user(root, &err), 0, "for everybody");
	assert_int_equal(chmod(path, 0600), 0);
	ret = find_as_user(root, &err);
	expect_text(err.msg, "run as root, or have root do 'chown USER",
		    "root's file");
	expect_int(ret, -EACCES, "root's file");
	/* Through iommufd another file may do: that is found out later. */
	put(root, "/dev/iommu", "");
	ret = find_as_user(root, &err);
	remove_root(root);
	expect_int(ret, 0, "root's file, and iommufd");
}

static void test_intruder(void **unused)
{
	static const struct {
		const char *driver;
		bool is_intruder;
	} others[] = {
		{ NULL, false },       { "vfio-pci", false },
		{ "pcieport", false }, { "pci-stub", false },
		{ "snd_hda", true },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char root[DMA_NAME_MAX], bdf[DMA_NAME_MAX] = "";
		char driver[DMA_NAME_MAX] = "";
		struct dma_device device;
		bool found;

		make_root(root);
		build(root, &rows[0]);
		put(root, "/sys/bus/pci/devices/" OTHER "/vendor", "1\n");
		put(root, "/sys/kernel/iommu_groups/7/devices/" BDF, "");
		put(root, "/sys/kernel/iommu_groups/7/devices/" OTHER, "");
		if (others[i].driver)
			put_driver(root, OTHER, others[i].driver);
		assert_int_equal(dma_device_find(root, BDF, &device, NULL), 0);
		found = dma_device_intruder(&device, bdf, driver);
		remove_root(root);
		expect_int(found, others[i].is_intruder,
			   others[i].driver ? others[i].driver : "none");
		if (found) {
			assert_string_equal(bdf, OTHER);
			assert_string_equal(driver, others[i].driver);
		}
	}
}

/* Files that are no devices: a space is refused, and nothing is left open. */
static void test_space(void **unused)
{
	static const enum dma_way ways[] = { DMA_TYPE1, DMA_IOMMUFD };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		char root[DMA_NAME_MAX];
		struct dma_device device;
		struct dma_space space;
		struct iopt_err err = { "" };
		int ret;

		make_root(root);
		build(root, &rows[0]);
		assert_int_equal(dma_device_find(root, BDF, &device, NULL), 0);
		ret = dma_space_open(&space, ways[i], &device, &err);
		remove_root(root);
		expect_int(ret, -ENOTSUP, dma_way_name(ways[i]));
		expect_text(err.msg, ways[i] == DMA_TYPE1 ? "type1v2" : "iommu",
			    "reason");
		dma_space_close(&space);
		expect_int(space.fd, -1, "closed");
		expect_int(space.device_fd, -1, "closed");
		dma_space_close(&space);
	}
}

/* In a child: without capabilities the limit counts. */
static int check_limit(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct rlimit limit = { .rlim_cur = SZ_64K, .rlim_max = SZ_64K };
	struct __user_cap_data_struct none[2];
	struct iopt_err err = { "" };

	memset(none, 0, sizeof(none));
	if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
	    syscall(SYS_capset, &head, none))
		return 10;
	if (dma_limit_check(DMA_TYPE1, SZ_64K, &err))
		return 11;
	if (dma_limit_check(DMA_TYPE1, SZ_1G, &err) != -EPERM)
		return 12;
	if (!strstr(err.msg, "is 64K, and 1G are pinned") ||
	    !strstr(err.msg, "'ulimit -l 1048576'"))
		return 13;
	if (dma_limit_check(DMA_IOMMUFD, SZ_1G, &err) != -EPERM)
		return 14;
	return strstr(err.msg, "CAP_SYS_RESOURCE") ? 0 : 15;
}

static void test_limit(void **unused)
{
	int status;
	pid_t pid = fork();

	(void)unused;
	assert_true(pid >= 0);
	if (!pid)
		_exit(check_limit());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("the child said 0x%x", (unsigned int)status);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	 cmocka_unit_test(test_rights),
		cmocka_unit_test(test_intruder), cmocka_unit_test(test_space),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

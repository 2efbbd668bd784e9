// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module for the guest: physical frames laid out as a scenario says, the
 * IOMMU core's own map and unmap on a device, and a driver that believes its
 * SMMU has no range invalidation.
 *
 * The frames are a window of memory that the kernel gave up at boot
 * (crashkernel=SIZE@BASE) and that the module takes: from then on they are
 * pages as any driver allocates them, held by one reference.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "iopt-guest.h"

#define SMMU_IDR3	    0xc
#define SMMU_IDR3_RIL	    BIT(10)
#define SMMU_FEAT_RANGE_INV BIT(15)

static unsigned long window_base;
module_param(window_base, ulong, 0444);
MODULE_PARM_DESC(window_base, "physical address of the frames");
static unsigned long window_size;
module_param(window_size, ulong, 0444);
MODULE_PARM_DESC(window_size, "bytes of them, a power of two");
static char *smmu_name = "9050000.smmuv3";
module_param_named(smmu, smmu_name, charp, 0444);
MODULE_PARM_DESC(smmu, "platform device of the SMMU");

/**
 * struct smmu_head - The first members of the driver's own record.
 * @dev: the SMMU
 * @impl_dev: of an implementation
 * @impl_ops: of an implementation
 * @base: its registers
 * @page1: the second page of them
 * @features: what the driver found
 */
struct smmu_head {
	struct device *dev;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct device *impl_dev;
	const void *impl_ops;
#endif
	void __iomem *base;
	void __iomem *page1;
	u32 features;
};

/**
 * struct guest_file - An open file.
 * @lock: one call at a time
 * @layout: frames of the next mmap()
 * @dev: the attached device, or NULL
 * @domain: its domain, or NULL
 */
struct guest_file {
	struct mutex lock;
	struct iopt_guest_layout layout;
	struct device *dev;
	struct iommu_domain *domain;
};

/* The driver's record of the SMMU, if it is laid out as is known here. */
static int smmu_find(struct smmu_head **head, struct device **found)
{
	struct device *dev =
		bus_find_device_by_name(&platform_bus_type, NULL, smmu_name);

	if (!dev)
		return -ENODEV;
	*head = dev_get_drvdata(dev);
	if (!*head || (*head)->dev != dev) {
		put_device(dev);
		return -ENXIO;
	}
	*found = dev;
	return 0;
}

static int ril_get(char *buffer, const struct kernel_param *kp)
{
	struct smmu_head *head;
	struct device *dev;
	int ret = smmu_find(&head, &dev);

	if (ret)
		return ret;
	ret = sysfs_emit(buffer, "%d\n",
			 !!(head->features & SMMU_FEAT_RANGE_INV));
	put_device(dev);
	return ret;
}

/* What the driver believes may only differ from the register downwards. */
static int ril_set(const char *value, const struct kernel_param *kp)
{
	struct smmu_head *head;
	struct device *dev;
	bool is_wanted;
	int ret = kstrtobool(value, &is_wanted);

	if (ret)
		return ret;
	ret = smmu_find(&head, &dev);
	if (ret)
		return ret;
	if (!(readl_relaxed(head->base + SMMU_IDR3) & SMMU_IDR3_RIL))
		ret = is_wanted ? -EOPNOTSUPP : 0;
	else if (is_wanted)
		head->features |= SMMU_FEAT_RANGE_INV;
	else
		head->features &= ~SMMU_FEAT_RANGE_INV;
	put_device(dev);
	return ret;
}

static const struct kernel_param_ops ril_ops = {
	.set = ril_set,
	.get = ril_get,
};
module_param_cb(ril, &ril_ops, NULL, 0644);
MODULE_PARM_DESC(ril, "whether domains made from now on send ranges");

static struct iommu_domain *domain_alloc(struct device *dev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	return iommu_paging_domain_alloc(dev);
#else
	struct iommu_domain *domain = iommu_domain_alloc(dev->bus);

	return domain ? domain : ERR_PTR(-ENOMEM);
#endif
}

static int call_iommu_map(struct iommu_domain *domain,
			  const struct iopt_guest_range *range)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return iommu_map(domain, range->iova, range->paddr, range->size,
			 IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE, GFP_KERNEL);
#else
	return iommu_map(domain, range->iova, range->paddr, range->size,
			 IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
#endif
}

static void detach(struct guest_file *file)
{
	if (!file->domain)
		return;
	iommu_detach_device(file->domain, file->dev);
	iommu_domain_free(file->domain);
	put_device(file->dev);
	file->domain = NULL;
	file->dev = NULL;
}

static long guest_attach(struct guest_file *file, void __user *arg)
{
	struct iopt_guest_device device;
	struct iommu_domain *domain;
	struct device *dev;
	int ret;

	if (file->domain)
		return -EBUSY;
	if (copy_from_user(&device, arg, sizeof(device)))
		return -EFAULT;
	device.name[sizeof(device.name) - 1] = '\0';
	dev = bus_find_device_by_name(&pci_bus_type, NULL, device.name);
	if (!dev)
		return -ENODEV;
	domain = domain_alloc(dev);
	ret = PTR_ERR_OR_ZERO(domain);
	if (ret)
		goto err_put;
	ret = iommu_attach_device(domain, dev);
	if (ret)
		goto err_free;
	file->dev = dev;
	file->domain = domain;
	return 0;

err_free:
	iommu_domain_free(domain);
err_put:
	put_device(dev);
	return ret;
}

static long guest_range(struct guest_file *file, unsigned int cmd,
			struct iopt_guest_range __user *arg)
{
	struct iopt_guest_range range;

	if (!file->domain)
		return -ENODEV;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	range.ret = 0;
	if (cmd == IOPT_GUEST_MAP)
		range.ret = call_iommu_map(file->domain, &range);
	else if (cmd == IOPT_GUEST_UNMAP)
		range.ret = iommu_unmap(file->domain, range.iova, range.size);
	return put_user(range.ret, &arg->ret) ? -EFAULT : 0;
}

/* Bytes from one run's start to the next. */
static u64 layout_stride(const struct iopt_guest_layout *layout)
{
	return roundup_pow_of_two(layout->run);
}

static u64 layout_nr_runs(const struct iopt_guest_layout *layout)
{
	return DIV_ROUND_UP_ULL(layout->size, layout->run);
}

static long guest_layout(struct guest_file *file, const void __user *arg)
{
	struct iopt_guest_layout layout;
	u64 span;

	if (copy_from_user(&layout, arg, sizeof(layout)))
		return -EFAULT;
	if (!layout.size || !layout.run ||
	    (layout.base | layout.run | layout.size) & ~PAGE_MASK)
		return -EINVAL;
	if (layout.size > window_size)
		return -ENOSPC;
	if (layout.run > layout.size)
		layout.run = layout.size;
	layout.base &= window_size - 1;
	span = layout.run == layout.size ?
		       layout.size :
		       layout_nr_runs(&layout) * layout_stride(&layout);
	if (layout.base + span > window_size)
		return -ENOSPC;
	file->layout = layout;
	return 0;
}

static long guest_ioctl(struct file *filp, unsigned int cmd,
			unsigned long value)
{
	struct guest_file *file = filp->private_data;
	void __user *arg = (void __user *)value;
	long ret = -ENOTTY;

	mutex_lock(&file->lock);
	switch (cmd) {
	case IOPT_GUEST_LAYOUT:
		ret = guest_layout(file, arg);
		break;
	case IOPT_GUEST_ATTACH:
		ret = guest_attach(file, arg);
		break;
	case IOPT_GUEST_MAP:
	case IOPT_GUEST_UNMAP:
	case IOPT_GUEST_NOTHING:
		ret = guest_range(file, cmd, arg);
		break;
	}
	mutex_unlock(&file->lock);
	return ret;
}

/* Run i is the i-th from the top. */
static int guest_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct guest_file *file = filp->private_data;
	const struct iopt_guest_layout *layout = &file->layout;
	u64 size = vma->vm_end - vma->vm_start;
	u64 nr, stride;

	if (size != layout->size || vma->vm_pgoff ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	nr = layout_nr_runs(layout);
	stride = layout_stride(layout);
	for (u64 at = 0; at < size; at += PAGE_SIZE) {
		u64 phys = window_base + layout->base +
			   (nr - 1 - at / layout->run) * stride +
			   at % layout->run;
		int ret = vm_insert_page(vma, vma->vm_start + at,
					 pfn_to_page(PHYS_PFN(phys)));

		if (ret)
			return ret;
	}
	return 0;
}

static int guest_open(struct inode *inode, struct file *filp)
{
	struct guest_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	filp->private_data = file;
	return 0;
}

static int guest_release(struct inode *inode, struct file *filp)
{
	struct guest_file *file = filp->private_data;

	detach(file);
	kfree(file);
	return 0;
}

static const struct file_operations guest_fops = {
	.owner = THIS_MODULE,
	.open = guest_open,
	.release = guest_release,
	.unlocked_ioctl = guest_ioctl,
	.mmap = guest_mmap,
};

static struct miscdevice guest_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iopt-guest",
	.fops = &guest_fops,
	.mode = 0600,
};

/* Every frame must be one that the kernel gave up, before any is taken. */
static int window_check(void)
{
	unsigned long pfn = PHYS_PFN(window_base);
	unsigned long end = PHYS_PFN(window_base + window_size);

	if (!is_power_of_2(window_size) || window_size < PAGE_SIZE ||
	    window_base & (window_size - 1))
		return -EINVAL;
	for (; pfn < end; pfn++)
		if (!pfn_valid(pfn) || !PageReserved(pfn_to_page(pfn)) ||
		    page_count(pfn_to_page(pfn)) != 1)
			return -EBUSY;
	return 0;
}

static void window_set_reserved(bool is_reserved)
{
	unsigned long pfn = PHYS_PFN(window_base);
	unsigned long end = PHYS_PFN(window_base + window_size);

	for (; pfn < end; pfn++) {
		if (is_reserved)
			SetPageReserved(pfn_to_page(pfn));
		else
			ClearPageReserved(pfn_to_page(pfn));
	}
}

static int __init guest_init(void)
{
	int ret = window_check();

	if (ret)
		return ret;
	window_set_reserved(false);
	ret = misc_register(&guest_misc);
	if (ret)
		window_set_reserved(true);
	return ret;
}

static void __exit guest_exit(void)
{
	misc_deregister(&guest_misc);
	window_set_reserved(true);
}

module_init(guest_init);
module_exit(guest_exit);
MODULE_DESCRIPTION("frames and IOMMU calls for a test guest");
MODULE_LICENSE("GPL");

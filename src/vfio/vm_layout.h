/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory layouts of virtual machines: which ranges of guest physical addresses
 * QEMU's VFIO listener maps for DMA.
 *
 * Models: the flat view of guest physical memory of QEMU's machines virt (on
 *	arm64) and q35 (on x86); what its listener makes of it: RAM, ROM and
 *	BARs that can be mapped, each rounded inwards to the host's pages.
 * Does not model: emulated devices (nothing of them is mapped), a flash that
 *	is read as memory (QEMU does not map it either), hot-plug, vIOMMUs,
 *	reserved windows of the host's IOMMU, AMD's hole below 1T.
 * Source: QEMU 7.2: "info mtree -f" of the machines that data/layouts names;
 *	hw/arm/virt.c (base_memmap, extended_memmap, virt_set_memmap()),
 *	hw/i386/pc_q35.c (pc_q35_init()), hw/i386/pc.c (pc_memory_init()),
 *	hw/vfio/common.c (vfio_listener_skipped_section(),
 *	vfio_listener_region_add()).
 */
#ifndef IOPT_VM_LAYOUT_H
#define IOPT_VM_LAYOUT_H

#include "err.h"
#include "types.h"

#define VM_MAX_RANGES 64u
#define VM_NAME_BYTES 32u
#define VM_NOTE_BYTES 192u

/* What a range is made of. */
enum vm_range_kind {
	VM_RAM,	 /* the guest's RAM, or a part of it that is read only */
	VM_ROM,	 /* a ROM with memory of its own: pages of the host's kernel */
	VM_VRAM, /* video memory, likewise */
	VM_BAR,	 /* a BAR of an assigned device: MMIO, no memory */
};

/**
 * struct vm_range - One DMA range, as VFIO is told to map it.
 * @name: word of the data file; of RAM, "node" and the number of its backend
 * @note: what it is; of RAM, what its window is
 * @iova: guest physical address in bytes
 * @size: bytes, not 0
 * @kind: what backs it
 * @is_readonly: mapped without write permission
 * @offset: of VM_RAM, bytes into the guest's RAM; of VM_ROM and VM_VRAM, bytes
 *	into all memory of these kinds; of VM_BAR 0
 * @phys: of VM_BAR, the host's physical address; otherwise 0
 */
struct vm_range {
	char name[VM_NAME_BYTES];
	char note[VM_NOTE_BYTES];
	u64 iova;
	u64 size;
	enum vm_range_kind kind;
	bool is_readonly;
	u64 offset;
	u64 phys;
};

/**
 * struct vm_layout - DMA ranges of a virtual machine; see vm_layout_create().
 * @name: word of the machine: "virt", "q35"
 * @title: what the machine is, in a line
 * @source: where the ranges come from
 * @ram_bytes: the guest's RAM
 * @hidden_bytes: of it, what no range maps: it lies behind a hole or a ROM, or
 *	in a part of a host page
 * @own_bytes: memory of all VM_ROM and VM_VRAM ranges
 * @host_page: page size of the host in bytes; ranges are aligned to it
 * @last_iova: highest address of any range
 * @nr_ranges: entries in @ranges
 * @ranges: in rising order of @iova, none overlaps another
 */
struct vm_layout {
	char name[VM_NAME_BYTES];
	char title[VM_NOTE_BYTES];
	char source[VM_NOTE_BYTES * 2];
	u64 ram_bytes;
	u64 hidden_bytes;
	u64 own_bytes;
	u64 host_page;
	u64 last_iova;
	size_t nr_ranges;
	struct vm_range ranges[VM_MAX_RANGES];
};

IOPT_BEGIN_DECLS

/**
 * vm_layout_create() - The layout of a machine with so much RAM.
 * @machine: "virt" or "q35", looked for in the source tree that this was built
 *	from and in ./data/layouts; or a file, which has a slash in it or ends
 *	in ".ini"
 * @ram_bytes: RAM of the guest
 * @host_page: page size of the host's kernel in bytes: 4K, 16K or 64K
 * @out: set to the layout; owned by the caller until vm_layout_destroy()
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -ENOENT when there is no such machine or file;
 * -EINVAL when the file is refused, @ram_bytes is not what the machine can
 * have, or @host_page is no page size;
 * -errno when the file could not be read;
 * -ENOMEM when there is no memory.
 */
int vm_layout_create(const char *machine, u64 ram_bytes, u64 host_page,
		     struct vm_layout **out, struct iopt_err *err);

/**
 * vm_layout_create_word() - The layout that a value of the key vm stands for.
 * @word: RAM ("64G": the arm64 machine virt), or RAM, a dash and the machine
 *	("64G-q35")
 * @host_page: as for vm_layout_create()
 * @out: as for vm_layout_create()
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: as vm_layout_create();
 * -EINVAL also when @word is no such word.
 */
int vm_layout_create_word(const char *word, u64 host_page,
			  struct vm_layout **out, struct iopt_err *err);

/**
 * vm_layout_name_at() - The shipped machines by number, for listing them.
 * @i: from 0
 *
 * Return: a static name; NULL past the last.
 */
const char *vm_layout_name_at(size_t i);

/**
 * vm_range_kind_name() - "ram", "rom", "vram" or "bar".
 * @kind: kind of a range
 */
const char *vm_range_kind_name(enum vm_range_kind kind);

/**
 * vm_layout_destroy() - Free a layout.
 * @layout: from vm_layout_create(), or NULL
 */
void vm_layout_destroy(struct vm_layout *layout);

IOPT_END_DECLS

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of data/layouts: what a virtual machine's physical memory is made
 * of, before it is known how much RAM it has. Grammar: data/layouts/README.md.
 */
#ifndef IOPT_VM_TEMPLATE_H
#define IOPT_VM_TEMPLATE_H

#include "vm_layout.h"

#define VM_MAX_WINDOWS 4u
#define VM_MAX_PIECES  32u

/* What lies over RAM, or beside it. */
enum vm_piece_kind {
	VM_PIECE_HOLE,	 /* emulated: nothing is mapped there */
	VM_PIECE_ROM,	 /* VM_ROM */
	VM_PIECE_SHADOW, /* guest RAM, read only */
	VM_PIECE_VRAM,	 /* VM_VRAM */
	VM_PIECE_BAR,	 /* VM_BAR */
};

/**
 * struct vm_window - Guest physical addresses that RAM fills.
 * @note: what it is
 * @iova: start in bytes
 * @size: bytes it takes at most
 * @all_below: a guest with less RAM than this has all of it in this window, if
 *	it is the first one; in bytes
 */
struct vm_window {
	char note[VM_NOTE_BYTES];
	u64 iova;
	u64 size;
	u64 all_below;
};

/**
 * struct vm_piece - Something else than plain RAM.
 * @name: its word
 * @note: what it is
 * @kind: what it does
 * @iova: start in bytes; with @above_ram an offset to what that yields
 * @size: bytes
 * @phys: of a BAR, the host's physical address
 * @above_ram: 0, or it lies above RAM, at a multiple of so many bytes
 * @gap: bytes that are left free between RAM and that multiple
 * @floor: RAM is taken to end here if it ends below
 */
struct vm_piece {
	char name[VM_NAME_BYTES];
	char note[VM_NOTE_BYTES];
	enum vm_piece_kind kind;
	u64 iova;
	u64 size;
	u64 phys;
	u64 above_ram;
	u64 gap;
	u64 floor;
};

/**
 * struct vm_template - A file of data/layouts.
 * @name: word of the machine
 * @title: what the machine is
 * @source: where the ranges come from
 * @nr_nodes: memory backends that RAM is shared out to, a power of two
 * @node_min: there are fewer of them when one would be smaller, in bytes
 * @ram_min: least RAM in bytes
 * @ram_max: most RAM in bytes
 * @windows: where RAM goes, in this order
 * @nr_windows: entries in @windows
 * @pieces: what else there is
 * @nr_pieces: entries in @pieces
 */
struct vm_template {
	char name[VM_NAME_BYTES];
	char title[VM_NOTE_BYTES];
	char source[VM_NOTE_BYTES * 2];
	u64 nr_nodes;
	u64 node_min;
	u64 ram_min;
	u64 ram_max;
	struct vm_window windows[VM_MAX_WINDOWS];
	size_t nr_windows;
	struct vm_piece pieces[VM_MAX_PIECES];
	size_t nr_pieces;
};

IOPT_BEGIN_DECLS

/**
 * vm_template_load() - Read a machine's file.
 * @machine: name of a shipped one, or a path; see vm_layout_create()
 * @t: caller's; set to what was read, undefined on failure
 * @err: gets the reason of a failure, with file and line; may be NULL
 *
 * Return: 0;
 * -ENOENT when there is no such machine or file;
 * -EINVAL when the file is refused;
 * -errno when the file could not be read.
 */
int vm_template_load(const char *machine, struct vm_template *t,
		     struct iopt_err *err);

IOPT_END_DECLS

#endif

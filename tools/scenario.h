/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios of iopt-sim: a text file of one op a line, or a recorded trace,
 * made into a list before anything runs.
 */
#ifndef IOPT_SCENARIO_H
#define IOPT_SCENARIO_H

#include "err.h"
#include "types.h"

/* What a line does. */
enum scenario_kind {
	SCENARIO_VFIO_MAP,
	SCENARIO_VFIO_UNMAP,
	SCENARIO_IOMMUFD_MAP,
	SCENARIO_IOMMUFD_UNMAP,
	SCENARIO_IOMMU_MAP,
	SCENARIO_IOMMU_UNMAP,
};

/**
 * struct scenario_op - One op; addresses and sizes in bytes.
 * @kind: what it does
 * @iova: input address
 * @size: size
 * @paddr: output address of iommu_map; base of the runs of a *_map
 * @run: length of a physical run of a vfio_map or iommufd_map
 * @text: the line without comment and outer blanks; the scenario's memory
 */
struct scenario_op {
	enum scenario_kind kind;
	u64 iova;
	u64 size;
	u64 paddr;
	u64 run;
	char *text;
};

/**
 * struct scenario - Ops in the order of the file.
 * @ops: the ops
 * @nr_ops: how many
 * @room: room in @ops
 */
struct scenario {
	struct scenario_op *ops;
	size_t nr_ops;
	size_t room;
};

IOPT_BEGIN_DECLS

/**
 * scenario_load() - Read a scenario.
 * @path: file; "-" for standard input
 * @granule: sizes must be multiples of it, in bytes
 * @out: set to it, owned by the caller until scenario_destroy()
 * @err: gets file, line and what was expected; may be NULL
 *
 * Return: 0;
 * -EINVAL when a line is not in the grammar;
 * -ENOMEM when there is no memory;
 * -errno when the file could not be read.
 */
int scenario_load(const char *path, u64 granule, struct scenario **out,
		  struct iopt_err *err);

/**
 * scenario_load_trace() - Read a recorded trace as bare core calls.
 * @path: file; "-" for standard input
 * @out: set to it, owned by the caller until scenario_destroy()
 * @note: gets a line on what of the trace does not add up, "" for nothing
 * @err: gets file, line and what was expected; may be NULL
 *
 * Return: 0;
 * as trace_prog_load() otherwise.
 */
int scenario_load_trace(const char *path, struct scenario **out,
			struct iopt_err *note, struct iopt_err *err);

/**
 * scenario_destroy() - Free a scenario.
 * @scenario: from scenario_load() or scenario_load_trace(), or NULL
 */
void scenario_destroy(struct scenario *scenario);

IOPT_END_DECLS

#endif

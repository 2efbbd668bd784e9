// SPDX-License-Identifier: GPL-2.0-only
/* A log of what was sent to a TLB, and why. */
#include "tlb_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"
#include "smmuv2.h"

void tlb_log_init(struct tlb_log *log)
{
	*log = (struct tlb_log){ 0 };
}

void tlb_log_reset(struct tlb_log *log)
{
	log->nr_entries = log->nr_requests = 0;
	log->part = 0;
	log->nr_lost = 0;
}

void tlb_log_fini(struct tlb_log *log)
{
	free(log->entries);
	free(log->requests);
	tlb_log_init(log);
}

/* Room for one more of @size bytes each. */
static bool grow(void *array, size_t nr, size_t *max, size_t size)
{
	size_t more = *max ? *max * 2 : 256;
	void *p;

	if (nr < *max)
		return true;
	memcpy(&p, array, sizeof(p));
	p = realloc(p, more * size);
	if (!p)
		return false;
	memcpy(array, &p, sizeof(p));
	*max = more;
	return true;
}

void tlb_log_request(struct tlb_log *log, const struct tlb_request *request)
{
	if (!log)
		return;
	log->part = 0;
	if (grow(&log->requests, log->nr_requests, &log->max_requests,
		 sizeof(*request)))
		log->requests[log->nr_requests++] = *request;
	else
		log->nr_lost++;
}

static bool is_sync(const struct tlb_log_entry *entry)
{
	if (entry->kind == TLB_LOG_CMD)
		return cmd_op(&entry->raw) == CMD_SYNC;
	return entry->raw.w[0] == V2_CB_TLBSYNC ||
	       entry->raw.w[0] == (V2_GR0_STLBGSYNC | TLB_LOG_GLOBAL);
}

void tlb_log_add(struct tlb_log *log, const struct tlb_log_entry *entry)
{
	struct tlb_log_entry *slot;

	if (!grow(&log->entries, log->nr_entries, &log->max_entries,
		  sizeof(*entry))) {
		log->nr_lost++;
		return;
	}
	if (log->nr_entries &&
	    log->entries[log->nr_entries - 1].unit != entry->unit)
		log->part = 0;
	slot = &log->entries[log->nr_entries++];
	*slot = *entry;
	slot->request = log->nr_requests ? (u32)log->nr_requests - 1 :
					   TLB_LOG_NO_REQUEST;
	slot->part = log->part;
	if (!is_sync(entry) && !entry->is_repeat)
		log->part++;
}

const char *tlb_log_text(const struct tlb_log *log, size_t i,
			 char text[SMMU_CMD_TEXT_MAX])
{
	const struct tlb_log_entry *entry = &log->entries[i];
	struct smmuv2_write write = {
		.offset = (u32)entry->raw.w[0],
		.is_global = entry->raw.w[0] & TLB_LOG_GLOBAL,
		.value = entry->raw.w[1],
	};

	if (entry->kind == TLB_LOG_CMD)
		smmu_cmd_text(&entry->raw, text);
	else
		smmuv2_write_text(&write, text);
	return text;
}

/* What was to be invalidated, and what made it go now. */
static void why_text(const struct tlb_request *request, char *text, size_t room)
{
	char granule[SIZE_TEXT_MAX];
	char size[SIZE_TEXT_MAX];

	if (request->is_mixed)
		strcpy(granule, "mixed");
	else
		size_format(request->granule, granule);
	size_format(request->size, size);
	switch (request->why) {
	case TLB_WHY_ALL:
		snprintf(text, room, "the whole context was to go");
		return;
	case TLB_WHY_WALK:
		snprintf(text, room,
			 "a table that covered %s at 0x%" PRIx64
			 " went: its leaves and the walk caches",
			 size, request->iova);
		return;
	case TLB_WHY_SIZE:
		snprintf(text, room,
			 "%s of %s leaves at 0x%" PRIx64
			 " were gathered and the next leaf has another size",
			 size, granule, request->iova);
		return;
	case TLB_WHY_DISJOINT:
		snprintf(text, room,
			 "%s of %s leaves at 0x%" PRIx64
			 " were gathered and the next leaf does not touch them",
			 size, granule, request->iova);
		return;
	case TLB_WHY_PAGE:
		snprintf(text, room,
			 "%s %s leaf at 0x%" PRIx64
			 " went; this driver does not gather",
			 request->is_mixed ? "more than one" : "a", granule,
			 request->iova);
		return;
	case TLB_WHY_SYNC:
		snprintf(text, room,
			 "%s of %s leaves at 0x%" PRIx64
			 " were gathered and the caller synced",
			 size, granule, request->iova);
		return;
	}
}

/* How many commands a request took on a unit. */
static size_t nr_parts(const struct tlb_log *log, size_t i)
{
	const struct tlb_log_entry *entry = &log->entries[i];
	size_t n = 0;

	for (; i < log->nr_entries; i++) {
		const struct tlb_log_entry *next = &log->entries[i];

		if (next->request != entry->request ||
		    next->unit != entry->unit || is_sync(next))
			break;
		n = next->part + 1;
	}
	return n;
}

/* How the request became this one command. */
static void how_text(const struct tlb_log *log, size_t i,
		     const struct tlb_request *request, char *text, size_t room)
{
	const struct tlb_log_entry *entry = &log->entries[i];
	u64 nr = request->size ? request->size / request->granule : 0;
	char granule[SIZE_TEXT_MAX];
	struct smmu_cmd cmd;

	if (entry->kind == TLB_LOG_MMIO || entry->is_repeat ||
	    smmu_cmd_decode(&entry->raw, &cmd))
		return;
	size_format(request->granule, granule);
	if (cmd.op == CMD_ATC_INV)
		snprintf(text, room,
			 "; the device has a cache of its own (ATS), told in "
			 "one aligned power of two");
	else if (!cmd_is_tlbi_addr(cmd.op) && nr)
		snprintf(text, room,
			 "; one for the context, in place of %" PRIu64
			 " of %s each",
			 nr, granule);
	else if (cmd.tg && nr_parts(log, i) > 1)
		snprintf(text, room,
			 "; %u of %zu, a range takes five bits of the count",
			 entry->part + 1, nr_parts(log, i));
	else if (cmd_is_tlbi_addr(cmd.op) && !cmd.tg && nr > 1)
		snprintf(text, room,
			 "; %u of %" PRIu64 ", there is no range command",
			 entry->part + 1, nr);
}

const char *tlb_log_prose(const struct tlb_log *log, size_t i,
			  char text[TLB_LOG_PROSE_MAX])
{
	const struct tlb_log_entry *entry = &log->entries[i];
	char cmd[SMMU_CMD_TEXT_MAX];
	char why[160] = "";
	char how[120] = "";

	tlb_log_text(log, i, cmd);
	if (is_sync(entry)) {
		snprintf(why, sizeof(why),
			 "the CPU waits until all that was sent is done");
	} else if (entry->request == TLB_LOG_NO_REQUEST) {
		snprintf(why, sizeof(why), "put into the queue directly");
	} else {
		why_text(&log->requests[entry->request], why, sizeof(why));
		how_text(log, i, &log->requests[entry->request], how,
			 sizeof(how));
	}
	snprintf(text, TLB_LOG_PROSE_MAX, "%s: %s%s%s", cmd, why, how,
		 entry->is_repeat ? "; again, for an erratum" : "");
	return text;
}

// SPDX-License-Identifier: GPL-2.0-only
/* The 16-byte commands of an SMMUv3: bits, structure and text. */
#include "smmu_cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lg2.h"
#include "sizes.h"

/* Fields of struct smmu_cmd that a command has. */
#define HAS_ASID   (1u << 0)
#define HAS_VMID   (1u << 1)
#define HAS_RANGE  (1u << 2) /* NUM, SCALE, TTL, TG, LEAF */
#define HAS_VA	   (1u << 3)
#define HAS_IPA	   (1u << 4)
#define HAS_SID	   (1u << 5)
#define HAS_SSID   (1u << 6)
#define HAS_ATC	   (1u << 7) /* SSV, GLOBAL, SIZE and the address */
#define HAS_LEAF   (1u << 8) /* LEAF alone */
#define HAS_SIZE   (1u << 9) /* RANGE of CFGI_ALL */
#define HAS_SYNC   (1u << 10)
#define HAS_OTHER  (1u << 11) /* bits that nothing here looks at */
#define NR_OPCODES 0x47

struct format {
	const char *name;
	u32 has;
};

static const struct format formats[NR_OPCODES] = {
	[CMD_PREFETCH_CFG] = { "PREFETCH_CFG", HAS_SID | HAS_OTHER },
	[CMD_CFGI_STE] = { "CFGI_STE", HAS_SID | HAS_LEAF },
	[CMD_CFGI_ALL] = { "CFGI_ALL", HAS_SIZE },
	[CMD_CFGI_CD] = { "CFGI_CD", HAS_SID | HAS_SSID | HAS_LEAF },
	[CMD_CFGI_CD_ALL] = { "CFGI_CD_ALL", HAS_SID },
	[CMD_TLBI_NH_ALL] = { "TLBI_NH_ALL", HAS_VMID },
	[CMD_TLBI_NH_ASID] = { "TLBI_NH_ASID", HAS_ASID | HAS_VMID },
	[CMD_TLBI_NH_VA] = { "TLBI_NH_VA",
			     HAS_ASID | HAS_VMID | HAS_RANGE | HAS_VA },
	[CMD_TLBI_NH_VAA] = { "TLBI_NH_VAA", HAS_VMID | HAS_RANGE | HAS_VA },
	[CMD_TLBI_EL2_ALL] = { "TLBI_EL2_ALL", 0 },
	[CMD_TLBI_EL2_ASID] = { "TLBI_EL2_ASID", HAS_ASID },
	[CMD_TLBI_EL2_VA] = { "TLBI_EL2_VA", HAS_ASID | HAS_RANGE | HAS_VA },
	[CMD_TLBI_S12_VMALL] = { "TLBI_S12_VMALL", HAS_VMID },
	[CMD_TLBI_S2_IPA] = { "TLBI_S2_IPA", HAS_VMID | HAS_RANGE | HAS_IPA },
	[CMD_TLBI_NSNH_ALL] = { "TLBI_NSNH_ALL", 0 },
	[CMD_ATC_INV] = { "ATC_INV", HAS_SID | HAS_SSID | HAS_ATC },
	[CMD_PRI_RESP] = { "PRI_RESP", HAS_SID | HAS_SSID | HAS_OTHER },
	[CMD_RESUME] = { "RESUME", HAS_SID | HAS_OTHER },
	[CMD_SYNC] = { "CMD_SYNC", HAS_SYNC },
};

static const struct format *format_of(u8 op)
{
	return op < NR_OPCODES && formats[op].name ? &formats[op] : NULL;
}

const char *smmu_opcode_name(u8 op)
{
	const struct format *format = format_of(op);

	return format ? format->name : NULL;
}

static u64 put(u64 value, unsigned int shift, unsigned int bits)
{
	return (value & lg2_mask(bits)) << shift;
}

static u64 get(u64 word, unsigned int shift, unsigned int bits)
{
	return (word >> shift) & lg2_mask(bits);
}

static void encode_tlbi(const struct smmu_cmd *cmd, u32 has, u64 w[2])
{
	if (has & HAS_ASID)
		w[0] |= put(cmd->asid, CMD_0_ASID_SHIFT, 16);
	if (has & HAS_VMID)
		w[0] |= put(cmd->vmid, CMD_0_VMID_SHIFT, 16);
	if (has & HAS_RANGE) {
		w[0] |= put(cmd->num, CMD_0_NUM_SHIFT, 5);
		w[0] |= put(cmd->scale, CMD_0_SCALE_SHIFT, 5);
		w[1] |= put(cmd->ttl, CMD_1_TTL_SHIFT, 2);
		w[1] |= put(cmd->tg, CMD_1_TG_SHIFT, 2);
	}
	if (has & (HAS_RANGE | HAS_LEAF))
		w[1] |= cmd->is_leaf ? CMD_1_LEAF : 0;
	if (has & HAS_VA)
		w[1] |= cmd->addr & CMD_1_VA_MASK;
	if (has & HAS_IPA)
		w[1] |= cmd->addr & CMD_1_IPA_MASK;
}

static void encode_stream(const struct smmu_cmd *cmd, u32 has, u64 w[2])
{
	if (has & HAS_SID)
		w[0] |= put(cmd->sid, CMD_0_SID_SHIFT, 32);
	if (has & HAS_SSID)
		w[0] |= put(cmd->ssid, CMD_0_SSID_SHIFT, 20);
	if (has & HAS_ATC) {
		w[0] |= cmd->has_ssid ? CMD_0_SSV : 0;
		w[0] |= cmd->is_global ? CMD_0_ATC_GLOBAL : 0;
		w[1] |= cmd->size & CMD_1_ATC_SIZE_MASK;
		w[1] |= cmd->addr & CMD_1_VA_MASK;
	}
	if (has & HAS_SIZE)
		w[1] |= cmd->size & CMD_1_CFGI_RANGE;
	if (has & HAS_SYNC) {
		w[0] |= put(cmd->signal, CMD_0_SYNC_CS_SHIFT, 2);
		w[0] |= put(cmd->shareability, CMD_0_SYNC_MSH_SHIFT, 2);
		w[0] |= put(cmd->memattr, CMD_0_SYNC_MSI_SHIFT, 4);
		w[1] |= cmd->addr & CMD_1_MSI_MASK;
	}
}

int smmu_cmd_encode(const struct smmu_cmd *cmd, struct smmu_raw *raw)
{
	const struct format *format = format_of(cmd->op);
	struct smmu_raw out = { { cmd->op, 0 } };

	if (!format)
		return -EINVAL;
	encode_tlbi(cmd, format->has, out.w);
	encode_stream(cmd, format->has, out.w);
	*raw = out;
	return 0;
}

static void decode_tlbi(const u64 w[2], u32 has, struct smmu_cmd *cmd)
{
	if (has & HAS_ASID)
		cmd->asid = (u16)get(w[0], CMD_0_ASID_SHIFT, 16);
	if (has & HAS_VMID)
		cmd->vmid = (u16)get(w[0], CMD_0_VMID_SHIFT, 16);
	if (has & HAS_RANGE) {
		cmd->num = (u8)get(w[0], CMD_0_NUM_SHIFT, 5);
		cmd->scale = (u8)get(w[0], CMD_0_SCALE_SHIFT, 5);
		cmd->ttl = (u8)get(w[1], CMD_1_TTL_SHIFT, 2);
		cmd->tg = (u8)get(w[1], CMD_1_TG_SHIFT, 2);
	}
	if (has & (HAS_RANGE | HAS_LEAF))
		cmd->is_leaf = w[1] & CMD_1_LEAF;
	if (has & HAS_VA)
		cmd->addr = w[1] & CMD_1_VA_MASK;
	if (has & HAS_IPA)
		cmd->addr = w[1] & CMD_1_IPA_MASK;
}

static void decode_stream(const u64 w[2], u32 has, struct smmu_cmd *cmd)
{
	if (has & HAS_SID)
		cmd->sid = (u32)get(w[0], CMD_0_SID_SHIFT, 32);
	if (has & HAS_SSID)
		cmd->ssid = (u32)get(w[0], CMD_0_SSID_SHIFT, 20);
	if (has & HAS_ATC) {
		cmd->has_ssid = w[0] & CMD_0_SSV;
		cmd->is_global = w[0] & CMD_0_ATC_GLOBAL;
		cmd->size = w[1] & CMD_1_ATC_SIZE_MASK;
		cmd->addr = w[1] & CMD_1_VA_MASK;
	}
	if (has & HAS_SIZE)
		cmd->size = w[1] & CMD_1_CFGI_RANGE;
	if (has & HAS_SYNC) {
		cmd->signal = (u8)get(w[0], CMD_0_SYNC_CS_SHIFT, 2);
		cmd->shareability = (u8)get(w[0], CMD_0_SYNC_MSH_SHIFT, 2);
		cmd->memattr = (u8)get(w[0], CMD_0_SYNC_MSI_SHIFT, 4);
		cmd->addr = w[1] & CMD_1_MSI_MASK;
	}
}

int smmu_cmd_decode(const struct smmu_raw *raw, struct smmu_cmd *cmd)
{
	const struct format *format = format_of(cmd_op(raw));
	struct smmu_cmd out = { .op = cmd_op(raw) };
	struct smmu_raw back;

	if (!format)
		return -EINVAL;
	decode_tlbi(raw->w, format->has, &out);
	decode_stream(raw->w, format->has, &out);
	if (!(format->has & HAS_OTHER)) {
		smmu_cmd_encode(&out, &back);
		if (back.w[0] != raw->w[0] || back.w[1] != raw->w[1])
			return -EINVAL;
	}
	*cmd = out;
	return 0;
}

u64 smmu_cmd_bytes(const struct smmu_cmd *cmd)
{
	if (!cmd_is_tlbi_addr(cmd->op) || !cmd->tg)
		return 0;
	return (cmd->num + 1ull) << (cmd->scale + 10 + 2 * cmd->tg);
}

static void text_tlbi_addr(const struct smmu_cmd *cmd, char *text, size_t room)
{
	char bytes[SIZE_TEXT_MAX];
	int len;

	len = snprintf(text, room, " %s 0x%" PRIx64,
		       cmd->op == CMD_TLBI_S2_IPA ? "ipa" : "va", cmd->addr);
	text += len;
	room -= (size_t)len;
	if (cmd->tg) {
		size_format(smmu_cmd_bytes(cmd), bytes);
		len = snprintf(text, room, " +%s num=%u scale=%u ttl=%u tg=%u",
			       bytes, cmd->num, cmd->scale, cmd->ttl, cmd->tg);
		text += len;
		room -= (size_t)len;
	}
	snprintf(text, room, " leaf=%u", cmd->is_leaf);
}

static void text_atc(const struct smmu_cmd *cmd, char *text, size_t room)
{
	char bytes[SIZE_TEXT_MAX];
	int len;

	len = snprintf(text, room, " sid=0x%x", cmd->sid);
	text += len;
	room -= (size_t)len;
	if (cmd->has_ssid) {
		len = snprintf(text, room, " ssid=%u", cmd->ssid);
		text += len;
		room -= (size_t)len;
	}
	if (cmd->size >= CMD_ATC_SIZE_ALL) {
		snprintf(text, room, " all%s", cmd->is_global ? " global" : "");
		return;
	}
	size_format(1ull << (cmd->size + CMD_LG2_ATC_PAGE), bytes);
	snprintf(text, room, " addr 0x%" PRIx64 " +%s size=%u%s", cmd->addr,
		 bytes, cmd->size, cmd->is_global ? " global" : "");
}

static void text_sync(const struct smmu_cmd *cmd, char *text, size_t room)
{
	static const char *const signals[] = { "none", "irq", "sev",
					       "reserved" };
	int len;

	len = snprintf(text, room, " cs=%s", signals[cmd->signal]);
	if (cmd->signal == SYNC_IRQ)
		snprintf(text + len, room - (size_t)len, " msi 0x%" PRIx64,
			 cmd->addr);
}

const char *smmu_cmd_text(const struct smmu_raw *raw,
			  char text[SMMU_CMD_TEXT_MAX])
{
	const struct format *format = format_of(cmd_op(raw));
	struct smmu_cmd cmd;
	size_t len;

	if (smmu_cmd_decode(raw, &cmd)) {
		snprintf(text, SMMU_CMD_TEXT_MAX,
			 "%s: not a command (0x%016" PRIx64 " 0x%016" PRIx64
			 ")",
			 format ? format->name : "unknown opcode", raw->w[0],
			 raw->w[1]);
		return text;
	}
	len = (size_t)snprintf(text, SMMU_CMD_TEXT_MAX, "%s", format->name);
	if (format->has & HAS_ASID)
		len += (size_t)snprintf(text + len, SMMU_CMD_TEXT_MAX - len,
					" asid=%u", cmd.asid);
	if (format->has & HAS_VMID)
		len += (size_t)snprintf(text + len, SMMU_CMD_TEXT_MAX - len,
					" vmid=%u", cmd.vmid);
	if (format->has & HAS_RANGE)
		text_tlbi_addr(&cmd, text + len, SMMU_CMD_TEXT_MAX - len);
	else if (cmd.op == CMD_ATC_INV)
		text_atc(&cmd, text + len, SMMU_CMD_TEXT_MAX - len);
	else if (cmd.op == CMD_SYNC)
		text_sync(&cmd, text + len, SMMU_CMD_TEXT_MAX - len);
	else if (format->has & HAS_SID)
		snprintf(text + len, SMMU_CMD_TEXT_MAX - len, " sid=0x%x",
			 cmd.sid);
	return text;
}

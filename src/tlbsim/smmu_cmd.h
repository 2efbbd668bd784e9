/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 16-byte commands of an SMMUv3: their bits, and both ways between those
 * bits, a structure and text.
 *
 * Models: CMD_TLBI_*, CMD_ATC_INV, CMD_CFGI_* and CMD_SYNC as Linux fills them.
 * Does not model: Secure and Realm commands (SSec, NS), PRI and stall replies
 *	beyond their name, the sixth SCALE bit and TTL128 of DS and D128.
 * Source: Arm SMMUv3 specification, IHI 0070, section 4 "Commands";
 *	drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h of Linux 6.1, 6.12, 7.3.
 */
#ifndef IOPT_SMMU_CMD_H
#define IOPT_SMMU_CMD_H

#include "err.h"
#include "types.h"

/* Opcodes, bits 7:0 of the first word. */
enum smmu_opcode {
	CMD_PREFETCH_CFG = 0x01,
	CMD_CFGI_STE = 0x03,
	CMD_CFGI_ALL = 0x04,
	CMD_CFGI_CD = 0x05,
	CMD_CFGI_CD_ALL = 0x06,
	CMD_TLBI_NH_ALL = 0x10,
	CMD_TLBI_NH_ASID = 0x11,
	CMD_TLBI_NH_VA = 0x12,
	CMD_TLBI_NH_VAA = 0x13,
	CMD_TLBI_EL2_ALL = 0x20,
	CMD_TLBI_EL2_ASID = 0x21,
	CMD_TLBI_EL2_VA = 0x22,
	CMD_TLBI_S12_VMALL = 0x28,
	CMD_TLBI_S2_IPA = 0x2a,
	CMD_TLBI_NSNH_ALL = 0x30,
	CMD_ATC_INV = 0x40,
	CMD_PRI_RESP = 0x41,
	CMD_RESUME = 0x44,
	CMD_SYNC = 0x46,
};

/* First word. */
#define CMD_0_OP_MASK	     0xffull
#define CMD_0_ATC_GLOBAL     (1ull << 9)
#define CMD_0_SSV	     (1ull << 11)
#define CMD_0_SSID_SHIFT     12 /* 31:12 */
#define CMD_0_SID_SHIFT	     32 /* 63:32 */
#define CMD_0_NUM_SHIFT	     12 /* 16:12 */
#define CMD_0_SCALE_SHIFT    20 /* 24:20 */
#define CMD_0_VMID_SHIFT     32 /* 47:32 */
#define CMD_0_ASID_SHIFT     48 /* 63:48 */
#define CMD_0_SYNC_CS_SHIFT  12 /* 13:12 */
#define CMD_0_SYNC_MSH_SHIFT 22 /* 23:22 */
#define CMD_0_SYNC_MSI_SHIFT 24 /* 27:24, MSIATTR */

/* Second word. */
#define CMD_1_LEAF	    (1ull << 0)
#define CMD_1_TTL_SHIFT	    8			  /* 9:8 */
#define CMD_1_TG_SHIFT	    10			  /* 11:10 */
#define CMD_1_VA_MASK	    0xfffffffffffff000ull /* 63:12 */
#define CMD_1_IPA_MASK	    0x000ffffffffff000ull /* 51:12 */
#define CMD_1_ATC_SIZE_MASK 0x3full		  /* 5:0 */
#define CMD_1_CFGI_RANGE    0x1full		  /* 4:0 */
#define CMD_1_MSI_MASK	    0x000ffffffffffffcull /* 51:2 */

#define CMD_RANGE_MAX	 31 /* chunks in one range command: 5 bits */
#define CMD_ATC_SIZE_ALL 52 /* every page of a stream */
#define CMD_CFGI_ALL_SID 31 /* every stream */
#define CMD_LG2_ATC_PAGE 12 /* ATC_INV counts in 4K whatever the granule */

/* How a CMD_SYNC tells that it completed: field CS. */
enum smmu_sync_signal {
	SYNC_NONE = 0,
	SYNC_IRQ = 1, /* an MSI write, which the driver polls */
	SYNC_SEV = 2, /* an event, the driver polls CONS */
};

/**
 * struct smmu_raw - A command as it lies in the queue.
 * @w: two little-endian words; here in the CPU's order
 */
struct smmu_raw {
	u64 w[2];
};

/**
 * struct smmu_cmd - A command taken apart; fields it does not have are 0.
 * @op: opcode
 * @asid: stage 1 context
 * @vmid: stage 2 context
 * @addr: address in bytes: of a TLBI, of an ATC_INV or of the MSI
 * @num: chunks less one of a range
 * @scale: lg2 of the pages in a chunk
 * @ttl: level of the leaf, 0 for any
 * @tg: 1, 2 or 3 for pages of 4K, 16K, 64K; 0: no range, one address
 * @is_leaf: leaf entries only, walk caches may stay
 * @sid: stream
 * @ssid: substream (PASID)
 * @has_ssid: @ssid counts
 * @is_global: ATC_INV for every PASID
 * @size: ATC_INV: lg2 of its pages of 4K; CFGI_ALL: range of streams
 * @signal: CMD_SYNC: how it signals
 * @shareability: CMD_SYNC: MSH of the MSI
 * @memattr: CMD_SYNC: attributes of the MSI
 */
struct smmu_cmd {
	u8 op;
	u16 asid;
	u16 vmid;
	u64 addr;
	u8 num;
	u8 scale;
	u8 ttl;
	u8 tg;
	bool is_leaf;
	u32 sid;
	u32 ssid;
	bool has_ssid;
	bool is_global;
	u8 size;
	u8 signal;
	u8 shareability;
	u8 memattr;
};

/* Room for any smmu_cmd_text() with its NUL. */
#define SMMU_CMD_TEXT_MAX 160

/**
 * cmd_op() - Opcode of a raw command.
 * @raw: command
 */
static inline u8 cmd_op(const struct smmu_raw *raw)
{
	return raw->w[0] & CMD_0_OP_MASK;
}

/**
 * cmd_is_tlbi_addr() - Does an opcode invalidate by address, with a range?
 * @op: any opcode
 */
static inline bool cmd_is_tlbi_addr(u8 op)
{
	return op == CMD_TLBI_NH_VA || op == CMD_TLBI_NH_VAA ||
	       op == CMD_TLBI_EL2_VA || op == CMD_TLBI_S2_IPA;
}

/**
 * cmd_is_tlbi() - Is an opcode a TLB invalidation?
 * @op: any opcode
 */
static inline bool cmd_is_tlbi(u8 op)
{
	return op >= CMD_TLBI_NH_ALL && op <= CMD_TLBI_NSNH_ALL;
}

IOPT_BEGIN_DECLS

/**
 * smmu_cmd_encode() - Put a command together.
 * @cmd: fields that @cmd->op does not have are ignored, values wider than
 *	their field are cut as FIELD_PREP() cuts them
 * @raw: set to the bits; untouched on failure
 *
 * Return: 0;
 * -EINVAL when the opcode is not known.
 */
int smmu_cmd_encode(const struct smmu_cmd *cmd, struct smmu_raw *raw);

/**
 * smmu_cmd_decode() - Take a command apart.
 * @raw: the bits
 * @cmd: set to the fields; untouched on failure
 *
 * Return: 0;
 * -EINVAL when the opcode is not known, or a bit is set that the command does
 * not have.
 */
int smmu_cmd_decode(const struct smmu_raw *raw, struct smmu_cmd *cmd);

/**
 * smmu_cmd_bytes() - What one TLBI by address covers.
 * @cmd: decoded command
 *
 * Return: bytes from @cmd->addr; 0 when the command names no range (one
 * address, whatever the size of the entry) or is not by address.
 */
u64 smmu_cmd_bytes(const struct smmu_cmd *cmd);

/**
 * smmu_cmd_text() - Write a command as a line of text.
 * @raw: the bits
 * @text: caller's buffer; gets the text and a NUL, no newline
 *
 * Return: @text; for bits that do not decode it says so.
 */
const char *smmu_cmd_text(const struct smmu_raw *raw,
			  char text[SMMU_CMD_TEXT_MAX]);

/**
 * smmu_opcode_name() - "TLBI_NH_VA", "ATC_INV", "CMD_SYNC", ...
 * @op: any value
 *
 * Return: a static string; NULL when the opcode is not known.
 */
const char *smmu_opcode_name(u8 op);

IOPT_END_DECLS

#endif

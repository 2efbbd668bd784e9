// SPDX-License-Identifier: GPL-2.0-only
/* A command queue that several CPUs put commands into at a time. */
#include "cmdq.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>

#include "barrier.h"

#define MIN_LG2	     7
#define MAX_LG2	     19
#define LINE	     64
#define OWNED	     (1u << 31) /* in prod: somebody will ring the doorbell */
#define INDEX	     (OWNED - 1)
#define WORD_BITS    64u
#define SPINS	     4096 /* before the CPU is offered to others */
#define IS_EXCLUSIVE INT_MIN

/* Producer and consumer index, exchanged together. */
union head {
	u64 both;
	struct {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		u32 prod;
		u32 cons;
#else
		u32 cons;
		u32 prod;
#endif
	};
};

/**
 * struct cmdq - A queue. What stands on a line of its own, and what shares one,
 *	is as in the kernel.
 * @head: the word that space is taken from
 * @ring: entries
 * @valid: a bit an entry: written in this turn of the ring; flips each turn
 * @mask: entries less one
 * @lg2: of the entries
 * @owner_prod: where the doorbells of past owners end
 * @lock: waiters for a CMD_SYNC, or IS_EXCLUSIVE
 * @prod_reg: the doorbell, written by owners in turn
 * @cons_reg: where the SMMU stands
 */
struct cmdq {
	_Alignas(LINE) union head head;
	_Alignas(LINE) struct smmu_raw *ring;
	u64 *valid;
	u32 mask;
	unsigned int lg2;
	u32 owner_prod;
	int lock;
	_Alignas(LINE) u32 prod_reg;
	_Alignas(LINE) u32 cons_reg;
};

/* Once round a wait; another thread may need this CPU to end it. */
static inline void wait_once(unsigned int *nr)
{
	cpu_relax();
	if (++*nr % SPINS == 0)
		sched_yield();
}

/*
 * ThreadSanitizer takes part of a word for another variable; under it the
 * halves of the head change as a part of the whole.
 */
static inline void head_set_cons(struct cmdq *q, u32 cons)
{
#if defined(__SANITIZE_THREAD__) || defined(IOPT_TSAN)
	union head old = { .both = READ_ONCE(q->head.both) }, new_;

	do {
		new_ = old;
		new_.cons = cons;
	} while (!__atomic_compare_exchange_n(&q->head.both, &old.both,
					      new_.both, false, IOPT_MO_PUBLISH,
					      IOPT_MO_DEPEND));
#else
	WRITE_ONCE(q->head.cons, cons);
#endif
}

static inline u32 head_disown(struct cmdq *q)
{
#if defined(__SANITIZE_THREAD__) || defined(IOPT_TSAN)
	const union head keep = { .prod = INDEX, .cons = ~0u };
	union head old = { .both = __atomic_fetch_and(&q->head.both, keep.both,
						      IOPT_MO_PUBLISH) };

	return old.prod & INDEX;
#else
	return __atomic_fetch_and(&q->head.prod, ~OWNED, __ATOMIC_RELAXED) &
	       INDEX;
#endif
}

static bool has_room(const struct cmdq *q, union head head, u32 n)
{
	u32 used = (head.prod - head.cons) & INDEX;

	return used + n <= q->mask + 1;
}

/* One CPU asks the SMMU how far it is, the others wait for the answer. */
static union head wait_for_room(struct cmdq *q, unsigned int *nr_waits)
{
	int none = 0;

	if (__atomic_compare_exchange_n(&q->lock, &none, IS_EXCLUSIVE, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		head_set_cons(q, READ_ONCE(q->cons_reg));
		__atomic_fetch_and(&q->lock, ~IS_EXCLUSIVE, __ATOMIC_RELEASE);
	}
	wait_once(nr_waits);
	return (union head){ .both = READ_ONCE(q->head.both) };
}

/* Space for @n entries: where it starts, and whether its doorbell is ours. */
static union head take_space(struct cmdq *q, u32 n, unsigned int *nr_tries)
{
	union head head = { .both = READ_ONCE(q->head.both) };
	unsigned int nr_waits = 0;
	union head next;

	for (*nr_tries = 1;; ++*nr_tries) {
		while (!has_room(q, head, n))
			head = wait_for_room(q, &nr_waits);
		next.cons = head.cons;
		next.prod = ((head.prod + n) & INDEX) | OWNED;
		if (__atomic_compare_exchange_n(
			    &q->head.both, &head.both, next.both, false,
			    IOPT_MO_PUBLISH, IOPT_MO_DEPEND))
			return head;
	}
}

/* The bits of entries from @prod to @end in the next word of the map. */
static u64 next_word(const struct cmdq *q, u32 *prod, u32 end, u64 **word,
		     u64 *when_written)
{
	u32 first = *prod & q->mask, bit = first % WORD_BITS;
	u32 n = (end - *prod) & INDEX;

	if (n > WORD_BITS - bit)
		n = WORD_BITS - bit;
	*word = &q->valid[first / WORD_BITS];
	/* A bit is set in even turns of the ring and clear in odd ones. */
	*when_written = (*prod >> q->lg2) & 1 ? 0 : ~0ull;
	*prod = (*prod + n) & INDEX;
	return (n == WORD_BITS ? ~0ull : (1ull << n) - 1) << bit;
}

static void mark_written(struct cmdq *q, u32 prod, u32 end)
{
	u64 *word, turn;

	while (prod != end) {
		u64 bits = next_word(q, &prod, end, &word, &turn);

		__atomic_fetch_xor(word, bits, IOPT_MO_PUBLISH);
	}
}

static void wait_written(struct cmdq *q, u32 prod, u32 end)
{
	unsigned int nr = 0;
	u64 *word, turn;

	while (prod != end) {
		u64 bits = next_word(q, &prod, end, &word, &turn);

		while ((READ_ONCE(*word) & bits) != (turn & bits))
			wait_once(&nr);
	}
}

/* For all whose entries follow ours, up to when we look. */
static void ring_doorbell(struct cmdq *q, u32 prod)
{
	unsigned int nr = 0;
	u32 end;

	while (READ_ONCE(q->owner_prod) != prod)
		wait_once(&nr);
	end = head_disown(q);
	wait_written(q, prod, end);
	WRITE_ONCE(q->prod_reg, end);
	/* The SMMU: all is executed. */
	__atomic_store_n(&q->cons_reg, end, __ATOMIC_RELEASE);
	__atomic_store_n(&q->owner_prod, end, __ATOMIC_RELEASE);
}

/* So that the queue cannot be full twice before we saw our CMD_SYNC done. */
static void share_lock(struct cmdq *q)
{
	unsigned int nr = 0;

	if (__atomic_fetch_add(&q->lock, 1, IOPT_MO_DEPEND) >= 0)
		return;
	while (READ_ONCE(q->lock) <= 0)
		wait_once(&nr);
}

/* The last to leave says how far the queue is free. */
static void share_unlock(struct cmdq *q, u32 cons)
{
	if (READ_ONCE(q->lock) == 1)
		head_set_cons(q, cons);
	__atomic_fetch_sub(&q->lock, 1, __ATOMIC_RELEASE);
}

/* Until the SMMU is beyond the entry before @end; where it is then. */
static u32 wait_executed(struct cmdq *q, u32 end)
{
	unsigned int nr = 0;
	u32 cons;

	while (cons = __atomic_load_n(&q->cons_reg, __ATOMIC_ACQUIRE),
	       ((cons - end) & INDEX) > INDEX / 2)
		wait_once(&nr);
	return cons;
}

unsigned int cmdq_issue(struct cmdq *q, const struct smmu_raw *cmds,
			unsigned int n, bool has_sync)
{
	static const struct smmu_raw sync = {
		{ CMD_SYNC | (u64)SYNC_SEV << CMD_0_SYNC_CS_SHIFT, 0 }
	};
	unsigned int nr_tries;
	union head mine;
	u32 prod, end;

	assert(n <= CMDQ_MAX_LIST);
	if (!n && !has_sync)
		return 0;
	mine = take_space(q, n + has_sync, &nr_tries);
	prod = mine.prod & INDEX;
	end = (prod + n + has_sync) & INDEX;
	for (unsigned int i = 0; i < n; i++)
		q->ring[(prod + i) & q->mask] = cmds[i];
	if (has_sync) {
		q->ring[(prod + n) & q->mask] = sync;
		share_lock(q);
	}
	dma_wmb();
	mark_written(q, prod, end);
	if (!(mine.prod & OWNED))
		ring_doorbell(q, prod);
	if (has_sync)
		share_unlock(q, wait_executed(q, end));
	return nr_tries;
}

int cmdq_create(unsigned int lg2_entries, struct cmdq **out,
		struct iopt_err *err)
{
	size_t nr = 1ull << lg2_entries;
	struct cmdq *q;

	if (lg2_entries < MIN_LG2 || lg2_entries > MAX_LG2)
		return iopt_err_set(err, -EINVAL,
				    "a queue of 2^%u entries: must be 2^%d to "
				    "2^%d",
				    lg2_entries, MIN_LG2, MAX_LG2);
	q = aligned_alloc(LINE, sizeof(*q));
	if (!q)
		return iopt_err_set(err, -ENOMEM, "no memory for a queue");
	*q = (struct cmdq){ .mask = (u32)(nr - 1), .lg2 = lg2_entries };
	q->ring = calloc(nr, sizeof(*q->ring));
	q->valid = calloc(nr / WORD_BITS, sizeof(*q->valid));
	if (!q->ring || !q->valid) {
		cmdq_destroy(q);
		return iopt_err_set(err, -ENOMEM,
				    "no memory for a queue of %zu entries", nr);
	}
	*out = q;
	return 0;
}

void cmdq_destroy(struct cmdq *q)
{
	if (!q)
		return;
	free(q->ring);
	free(q->valid);
	free(q);
}

struct cmdq_state cmdq_state(const struct cmdq *q)
{
	union head head = { .both = READ_ONCE(q->head.both) };

	return (struct cmdq_state){
		.prod = head.prod & INDEX,
		.cons = head.cons,
		.prod_reg = READ_ONCE(q->prod_reg),
		.executed = __atomic_load_n(&q->cons_reg, __ATOMIC_ACQUIRE),
		.owner_prod = READ_ONCE(q->owner_prod),
	};
}

const struct smmu_raw *cmdq_entry(const struct cmdq *q, u32 i)
{
	return &q->ring[i & q->mask];
}

static u64 word_of(u8 op, u16 asid)
{
	const struct smmu_cmd cmd = { .op = op, .asid = asid };
	struct smmu_raw raw = { { 0, 0 } };

	smmu_cmd_encode(&cmd, &raw);
	return raw.w[0];
}

void cmdq_domain_init(struct cmdq_domain *domain, struct cmdq *queue, u16 asid)
{
	*domain = (struct cmdq_domain){
		.queue = queue,
		.addr_w0 = word_of(CMD_TLBI_NH_VA, asid),
		.whole_w0 = word_of(CMD_TLBI_NH_ASID, asid),
	};
}

static void issue(const struct cmdq_domain *domain, const struct smmu_raw *cmds,
		  unsigned int n, bool has_sync)
{
	unsigned int nr = cmdq_issue(domain->queue, cmds, n, has_sync);

	if (!domain->tries)
		return;
	domain->tries->nr_issues++;
	domain->tries->nr_tries += nr;
}

/* A batch goes without a CMD_SYNC when one more command comes. */
static void invalidate(const struct cmdq_domain *domain, u64 iova, u64 size,
		       u64 granule, u64 leaf)
{
	struct smmu_raw batch[CMDQ_MAX_LIST];
	unsigned int n = 0;

	for (u64 end = iova + size; iova < end; iova += granule) {
		if (n == CMDQ_MAX_LIST) {
			issue(domain, batch, n, false);
			n = 0;
		}
		batch[n].w[0] = domain->addr_w0;
		batch[n++].w[1] = leaf | (iova & CMD_1_VA_MASK);
	}
	issue(domain, batch, n, true);
}

static void cmdq_flush_all(void *cookie)
{
	const struct cmdq_domain *domain = cookie;
	const struct smmu_raw all = { { domain->whole_w0, 0 } };

	issue(domain, &all, 1, true);
}

static void cmdq_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	invalidate(cookie, iova, size, granule, 0);
}

static void cmdq_add_page(struct gather *gather, u64 iova, size_t granule,
			  void *cookie)
{
	if (gather)
		gather_add_page(gather, &cmdq_inval_ops, cookie, iova, granule);
}

static void cmdq_sync(struct gather *gather, void *cookie)
{
	if (gather->pgsize)
		invalidate(cookie, gather->start,
			   gather->last - gather->start + 1, gather->pgsize,
			   CMD_1_LEAF);
}

const struct inval_ops cmdq_inval_ops = {
	.flush_all = cmdq_flush_all,
	.flush_walk = cmdq_flush_walk,
	.add_page = cmdq_add_page,
	.sync = cmdq_sync,
};

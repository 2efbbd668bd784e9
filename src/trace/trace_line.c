// SPDX-License-Identifier: GPL-2.0-only
/*
 * One line of a trace: an iommu map or unmap event, a word on lost events, or
 * nothing to us.
 *
 * An event's columns are, with small differences between the tools,
 *
 *	comm-pid [cpu] flags seconds: map: IOMMU: iova=... paddr=... size=...
 *
 * The comm may hold anything, so that the line is not split at blanks: the
 * event's name is looked for, and what stands before it tells whether it is
 * one.
 */
#include "trace_line.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How much of a bad line is quoted. */
#define QUOTE_MAX 80

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static const char *skip_back_blanks(const char *text, const char *p)
{
	while (p > text && is_blank(p[-1]))
		p--;
	return p;
}

/* If @p begins with @word, what is behind it, else NULL. */
static const char *skip_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	return strncmp(p, word, len) ? NULL : p + len;
}

/* Read digits of @base; NULL when there are none or the value has over 64
 * bits. */
static const char *parse_digits(const char *p, unsigned int base, u64 *value)
{
	const char *start = p;
	u64 v = 0;

	for (; isxdigit((unsigned char)*p); p++) {
		u64 digit = is_digit(*p) ? (u64)(*p - '0') :
					   (u64)((*p | 0x20) - 'a' + 10);

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return NULL;
	}
	if (p == start)
		return NULL;
	*value = v;
	return p;
}

static const char *parse_hex(const char *p, u64 *value)
{
	p = skip_word(p, "0x");
	return p ? parse_digits(p, 16, value) : NULL;
}

/* Quote the line from @p in an error, with what does not print as '?'. */
static int bad_event(struct iopt_err *err, const char *p, const char *want)
{
	char quote[QUOTE_MAX + 1];
	size_t n;

	for (n = 0; n < QUOTE_MAX && p[n]; n++)
		quote[n] = isprint((unsigned char)p[n]) ? p[n] : '?';
	quote[n] = '\0';
	return iopt_err_set(err, -EINVAL,
			    "malformed iommu event: expected %s at \"%s\"%s",
			    want, quote, p[n] ? "..." : "");
}

/*
 * Read " @key=VALUE" at *@p, hexadecimal with 0x or decimal, and move *@p
 * behind it.
 */
static int parse_field(const char **p, const char *key, bool is_hex, u64 *value,
		       struct iopt_err *err)
{
	const char *q = skip_blanks(*p);
	const char *end = skip_word(q, key);
	char want[64];

	end = end ? skip_word(end, "=") : NULL;
	if (end)
		end = is_hex ? parse_hex(end, value) :
			       parse_digits(end, 10, value);
	if (end && (!*end || is_blank(*end))) {
		*p = end;
		return 0;
	}
	snprintf(want, sizeof(want), "%s=%s", key,
		 is_hex ? "0x and hexadecimal digits" : "decimal bytes");
	return bad_event(err, q, want);
}

/*
 * The end of the range, which not every tool prints: " - 0x...". Moves *@p
 * behind it.
 */
static int parse_range_end(const char **p, bool *has_end, u64 *end,
			   struct iopt_err *err)
{
	const char *q = skip_blanks(*p);

	*has_end = *q == '-';
	if (!*has_end)
		return 0;
	q = skip_blanks(q + 1);
	*p = parse_hex(q, end);
	if (*p && is_blank(**p))
		return 0;
	return bad_event(err, q, "the end of the range in hexadecimal");
}

/* Does [@start, @start + @size) fit 64 bits? */
static bool is_range(u64 start, u64 size)
{
	return !size || size - 1 <= UINT64_MAX - start;
}

/* Read what follows the event's name. */
static int parse_payload(const char *p, enum trace_kind kind,
			 struct trace_event *event, struct iopt_err *err)
{
	struct trace_event ev = { .kind = kind };
	const char *start = p, *q;
	bool has_end = false;
	u64 end = 0;
	int ret;

	q = skip_word(p, "IOMMU:");
	p = q ? q : p;
	ret = parse_field(&p, "iova", true, &ev.iova, err);
	if (!ret)
		ret = parse_range_end(&p, &has_end, &end, err);
	if (!ret && kind == TRACE_MAP)
		ret = parse_field(&p, "paddr", true, &ev.paddr, err);
	if (!ret)
		ret = parse_field(&p, "size", false, &ev.size, err);
	if (!ret && kind == TRACE_UNMAP)
		ret = parse_field(&p, "unmapped_size", false, &ev.unmapped_size,
				  err);
	if (ret)
		return ret;
	p = skip_blanks(p);
	if (*p)
		return bad_event(err, p, "the end of the line");
	if (has_end && end != ev.iova + ev.size)
		return bad_event(err, start, "a range that is size bytes long");
	if (!is_range(ev.iova, ev.size) || !is_range(ev.paddr, ev.size) ||
	    !is_range(ev.iova, ev.unmapped_size))
		return bad_event(err, start, "a range that ends below 2^64");
	*event = ev;
	return 0;
}

/*
 * If @colon ends a time stamp, where that begins, else NULL. A stamp is
 * "12.345:", "12:" of a clock that counts, or "12us!:" with latency-format.
 */
static const char *stamp_start(const char *text, const char *colon)
{
	const char *p = colon;

	if (p - text >= 4 && p[-2] == 's' && p[-3] == 'u')
		p -= 3;
	if (p == text || !is_digit(p[-1]))
		return NULL;
	while (p > text && (is_digit(p[-1]) || p[-1] == '.'))
		p--;
	return p == text || is_blank(p[-1]) || p[-1] == ']' ? p : NULL;
}

/* Where the first time stamp of a line begins, or NULL. */
static const char *first_stamp(const char *text)
{
	for (const char *p = text; (p = strchr(p, ':')) != NULL; p++) {
		const char *start = stamp_start(text, p);

		if (start && is_blank(p[1]))
			return start;
	}
	return NULL;
}

/* trace-cmd report --ts-diff puts "(+12)" between the stamp and the name. */
static const char *skip_back_diff(const char *text, const char *p)
{
	const char *q = skip_back_blanks(text, p);

	if (q == text || q[-1] != ')')
		return p;
	q--;
	while (q > text && (is_digit(q[-1]) || q[-1] == '.'))
		q--;
	return q - text >= 2 && q[-1] == '+' && q[-2] == '(' ? q - 2 : p;
}

/* What a candidate for an event's name is. */
enum name_kind {
	NAME_NONE,  /* not an event of ours */
	NAME_MAYBE, /* one if its payload can be read */
	NAME_SURE,  /* one: a payload that cannot be read is an error */
};

/*
 * Is the word at @name, "map" or "unmap", an event's name? @payload is what
 * follows it, @stamp the first time stamp of the line or NULL.
 */
static enum name_kind name_judge(const char *text, const char *name,
				 const char *payload, const char *stamp)
{
	static const char subsystem[] = "iommu:";
	const ptrdiff_t len = sizeof(subsystem) - 1;
	bool has_payload =
		skip_word(payload, "IOMMU:") || skip_word(payload, "iova=");
	const char *p, *start;

	if (name - text >= len && !memcmp(name - len, subsystem, (size_t)len)) {
		name -= len;
		return name == text || is_blank(name[-1]) ? NAME_SURE :
							    NAME_NONE;
	}
	if (name == text)
		return has_payload ? NAME_SURE : NAME_NONE;
	if (!is_blank(name[-1]))
		return NAME_NONE;
	p = skip_back_blanks(text, skip_back_diff(text, name));
	if (p == text || p[-1] != ':')
		return NAME_NONE;
	start = stamp_start(text, p - 1);
	if (start && start == stamp)
		return NAME_SURE;
	return start && has_payload ? NAME_MAYBE : NAME_NONE;
}

/*
 * Look for an event. Return: 1 when *@event is set, 0 when there is none,
 * -EINVAL when there is one that cannot be read.
 */
static int find_event(const char *text, struct trace_event *event,
		      struct iopt_err *err)
{
	const char *p = strstr(text, "map:");
	const char *stamp = p ? first_stamp(text) : NULL;
	struct iopt_err why;
	int ret = 0;

	for (; p; p = strstr(p + 1, "map:")) {
		bool is_unmap = p - text >= 2 && p[-1] == 'n' && p[-2] == 'u';
		const char *payload = skip_blanks(p + 4);
		enum name_kind kind =
			name_judge(text, is_unmap ? p - 2 : p, payload, stamp);

		if (kind == NAME_NONE)
			continue;
		if (!parse_payload(payload, is_unmap ? TRACE_UNMAP : TRACE_MAP,
				   event, &why))
			return 1;
		if (kind == NAME_SURE && !ret)
			ret = iopt_err_set(err, -EINVAL, "%s", why.msg);
	}
	return ret;
}

/* "n EVENTS DROPPED", "LOST n EVENTS", or the same without n. */
static enum trace_line_kind find_lost_count(const char *p, u64 *nr_lost)
{
	static const char *const forms[][2] = {
		{ "LOST ", "EVENTS" },
		{ "", "EVENTS DROPPED" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *q = skip_word(p, forms[i][0]);
		const char *end;
		u64 n;

		if (!q)
			continue;
		end = parse_digits(q, 10, &n);
		if (end && skip_word(skip_blanks(end), forms[i][1])) {
			*nr_lost = n;
			return n ? TRACE_LINE_LOST : TRACE_LINE_OTHER;
		}
		if (!end && skip_word(q, forms[i][1]))
			return TRACE_LINE_GAP;
	}
	return TRACE_LINE_OTHER;
}

/* tracefs and trace-cmd: "CPU:1 [LOST 12 EVENTS]", "CPU:1 [EVENTS DROPPED]". */
static enum trace_line_kind find_ring_loss(const char *text, u64 *nr_lost)
{
	const char *p = skip_blanks(text);
	const char *q = skip_word(p, "CPU:");
	u64 cpu;

	if (q)
		p = parse_digits(q, 10, &cpu);
	if (!p)
		return TRACE_LINE_OTHER;
	p = skip_blanks(p);
	return find_lost_count(*p == '[' ? p + 1 : p, nr_lost);
}

/*
 * perf script --show-lost-events: "... PERF_RECORD_LOST lost 12", and what it
 * warns of when standard error went to the same file.
 */
static enum trace_line_kind find_perf_loss(const char *text, u64 *nr_lost)
{
	const char *p = strstr(text, "PERF_RECORD_LOST");
	u64 n;

	if (p) {
		p = strstr(p, " lost");
		if (!p || !parse_digits(p + 6, 10, &n))
			return TRACE_LINE_GAP;
		*nr_lost = n;
		return n ? TRACE_LINE_LOST : TRACE_LINE_OTHER;
	}
	if (skip_word(text, "Processed ") && strstr(text, " and lost "))
		return TRACE_LINE_GAP;
	return TRACE_LINE_OTHER;
}

/* The header of tracefs: "# entries-in-buffer/entries-written: 12/34  #P:2". */
static enum trace_line_kind find_header_loss(const char *text, u64 *nr_lost)
{
	const char *p =
		skip_word(text, "# entries-in-buffer/entries-written: ");
	u64 nr_here, nr_written;

	p = p ? parse_digits(p, 10, &nr_here) : NULL;
	p = p ? skip_word(p, "/") : NULL;
	p = p ? parse_digits(p, 10, &nr_written) : NULL;
	if (!p || nr_written <= nr_here)
		return TRACE_LINE_OTHER;
	*nr_lost = nr_written - nr_here;
	return TRACE_LINE_LOST;
}

int trace_line_parse(const char *text, enum trace_line_kind *kind,
		     struct trace_event *event, u64 *nr_lost,
		     struct iopt_err *err)
{
	int ret;

	/* A task's name may begin with '#' too. */
	if (text[0] == '#' && (!text[1] || strchr(" \t#", text[1]))) {
		*kind = find_header_loss(text, nr_lost);
		return 0;
	}
	ret = find_event(text, event, err);
	if (ret < 0)
		return ret;
	if (ret) {
		*kind = TRACE_LINE_EVENT;
		return 0;
	}
	*kind = find_ring_loss(text, nr_lost);
	if (*kind == TRACE_LINE_OTHER)
		*kind = find_perf_loss(text, nr_lost);
	return 0;
}

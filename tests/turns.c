// SPDX-License-Identifier: GPL-2.0-only
/* Taking turns: who waits, who does not, and what can go wrong. */
#include "turns.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define LATE_NS	 2000000l
#define NR_TRIES 50

/* Both ends: of the process, and of who gives turns. */
struct pair {
	int own;
	int giver;
};

static int setup(void **state)
{
	static struct pair pair;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return -1;
	pair = (struct pair){ fds[0], fds[1] };
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	const struct pair *pair = *state;

	close(pair->own);
	if (pair->giver >= 0)
		close(pair->giver);
	return 0;
}

static struct turns turns_of(const struct pair *pair,
			     const volatile sig_atomic_t *stop)
{
	struct iopt_err err = { "" };
	struct turns t;
	char text[16];

	snprintf(text, sizeof(text), "%d", pair->own);
	assert_int_equal(turns_init(&t, text, stop, &err), 0);
	assert_true(turns_are_taken(&t));
	return t;
}

/* What it said in how many packets; @last is the last of them. */
static size_t nr_given_up(const struct pair *pair, char *last, size_t size)
{
	size_t nr = 0;

	for (;; nr++) {
		char text[64];
		ssize_t len =
			recv(pair->giver, text, sizeof(text) - 1, MSG_DONTWAIT);

		if (len <= 0)
			return nr;
		text[len] = '\0';
		snprintf(last, size, "%s", text);
	}
}

static void give(const struct pair *pair)
{
	assert_int_equal(send(pair->giver, ".", 1, 0), 1);
}

/* Take back the turns that were given and not taken. */
static void drain(const struct pair *pair)
{
	char bytes[16];

	while (recv(pair->own, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void sleep_ns(long ns)
{
	nanosleep(&(struct timespec){ 0, ns }, NULL);
}

static void test_alone(void **state)
{
	struct turns t;

	(void)state;
	assert_int_equal(turns_init(&t, NULL, NULL, NULL), 0);
	assert_false(turns_are_taken(&t));
	assert_int_equal(turns_pass(&t, "a", NULL), 0);
	assert_int_equal(turns_pass(NULL, "a", NULL), 0);
	assert_int_equal(turns_pass_if_due(NULL, "a", NULL), 0);
	sleep_ns(LATE_NS);
	assert_int_equal(turns_pass_if_due(&t, "a", NULL), 0);
}

static void test_refused(void **state)
{
	static const char *const texts[] = { "",   "x",	    "-1",
					     "3x", "70000", "65000" };
	struct iopt_err err;
	struct turns t;
	char file[16];
	int fds[2];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		err.msg[0] = '\0';
		if (turns_init(&t, texts[i], NULL, &err) != -EINVAL ||
		    !strstr(err.msg, "not the number of an open socket"))
			fail_msg("IOPT_TURNS=%s: %s", texts[i], err.msg);
	}
	assert_int_equal(pipe(fds), 0);
	snprintf(file, sizeof(file), "%d", fds[0]);
	assert_int_equal(turns_init(&t, file, NULL, &err), -EINVAL);
	close(fds[0]);
	close(fds[1]);
}

/* The packet that gives the next turn is there already: nothing waits. */
static void test_passes(void **state)
{
	const struct pair *pair = *state;
	struct turns t = turns_of(pair, NULL);
	char said[64] = "";

	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 0);
	give(pair);
	assert_int_equal(turns_pass(&t, "map/a:1", NULL), 0);
	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 1);
	assert_string_equal(said, "-");
	/* A case begins: what was before it is not told. */
	turns_measured(&t, 1);
	give(pair);
	assert_int_equal(turns_pass(&t, NULL, NULL), 0);
	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 1);
	assert_string_equal(said, "-");
	turns_measured(&t, 12.5);
	turns_measured(&t, 12.25);
	turns_measured(&t, 13);
	give(pair);
	assert_int_equal(turns_pass(&t, "map/a:1", NULL), 0);
	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 1);
	assert_string_equal(said, "12.25 map/a:1");
	give(pair);
	assert_int_equal(turns_pass(&t, "map/a:1", NULL), 0);
	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 1);
	assert_string_equal(said, "-");
}

/* At once it is not due, unless this thread was kept from its CPU each time. */
static void test_due(void **state)
{
	const struct pair *pair = *state;
	struct turns t = turns_of(pair, NULL);
	size_t nr_passed = 0;
	char said[64];

	for (int i = 0; i < NR_TRIES; i++) {
		give(pair);
		assert_int_equal(turns_pass(&t, "a", NULL), 0);
		give(pair);
		assert_int_equal(turns_pass_if_due(&t, "a", NULL), 0);
		nr_passed += nr_given_up(pair, said, sizeof(said)) - 1;
		drain(pair);
	}
	assert_in_range(nr_passed, 0, NR_TRIES - 1);
	sleep_ns(LATE_NS);
	give(pair);
	assert_int_equal(turns_pass_if_due(&t, "a", NULL), 0);
	assert_int_equal(nr_given_up(pair, said, sizeof(said)), 1);
}

static void *give_late(void *arg)
{
	const struct pair *pair = arg;

	sleep_ns(20 * LATE_NS);
	send(pair->giver, ".", 1, 0);
	return NULL;
}

/* It sleeps until it gets its turn, which begins then. */
static void test_waits(void **state)
{
	struct pair *pair = *state;
	struct turns t = turns_of(pair, NULL);
	u64 before = t.since_ns;
	pthread_t giver;

	assert_int_equal(pthread_create(&giver, NULL, give_late, pair), 0);
	assert_int_equal(turns_pass(&t, "a", NULL), 0);
	pthread_join(giver, NULL);
	assert_true(t.since_ns - before >= 20 * LATE_NS);
}

static void test_giver_gone(void **state)
{
	struct pair *pair = *state;
	struct turns t = turns_of(pair, NULL);
	struct iopt_err err = { "" };

	close(pair->giver);
	pair->giver = -1;
	assert_int_equal(turns_pass(&t, "a", &err), -EPIPE);
	assert_string_equal(err.msg, "IOPT_TURNS: who gives turns is gone");
}

static volatile sig_atomic_t stop;

static void on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

/* Ctrl-C ends the wait. */
static void test_interrupted(void **state)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	struct turns t = turns_of(*state, &stop);
	struct iopt_err err = { "" };

	sigaction(SIGALRM, &sa, NULL);
	stop = 0;
	alarm(1);
	assert_int_equal(turns_pass(&t, "a", &err), -EINTR);
	assert_true(stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_refused),
		cmocka_unit_test_setup_teardown(test_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_giver_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

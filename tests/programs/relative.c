/* One thread in each call that takes a relative time and keeps what is left of it to itself. None may come back early, nor late: all are
 * compared with a thread whose call writes out what was left. READY is told when part of the time is over. */
#include "harness.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>

#define SECONDS 5
#define READY_AFTER 3000000000ll
#define LATEST 1500000000ll
#define EARLIEST 500000000ll

struct waiter {
	const char *name;
	long (*wait)(struct waiter *);
	long number, result;
	int error;
	pid_t tid;
	int64_t slept;
	uint32_t word;
};

static const struct timespec span = { SECONDS, 0 };

static long w_witness(struct waiter *me)
{
	static struct timespec left;
	(void)me;
	return syscall(SYS_nanosleep, &span, &left);
}
static long w_nanosleep(struct waiter *me) { (void)me; return syscall(SYS_nanosleep, &span, NULL); }
static long w_monotonic(struct waiter *me) { (void)me; return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &span, NULL); }
static long w_realtime(struct waiter *me) { (void)me; return syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &span, NULL); }
static long w_boottime(struct waiter *me) { (void)me; return syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &span, NULL); }
static long w_poll(struct waiter *me) { (void)me; return syscall(SYS_poll, NULL, 0, SECONDS * 1000); }
static long w_futex(struct waiter *me) { return syscall(SYS_futex, &me->word, FUTEX_WAIT, 0, &span, NULL, 0); }
static long w_ppoll(struct waiter *me)
{
	struct timespec when = span;
	(void)me;
	return syscall(SYS_ppoll, NULL, 0, &when, NULL, 8);
}
static long w_select(struct waiter *me)
{
	struct timeval when = { SECONDS, 0 };
	(void)me;
	return syscall(SYS_select, 0, NULL, NULL, NULL, &when);
}
static long w_pselect(struct waiter *me)
{
	struct timespec when = span;
	(void)me;
	return syscall(SYS_pselect6, 0, NULL, NULL, NULL, &when, NULL);
}

static struct waiter waiters[] = {
	{ .name = "witness", .wait = w_witness, .number = SYS_nanosleep },
	{ .name = "nanosleep", .wait = w_nanosleep, .number = SYS_nanosleep },
	{ .name = "clock_nanosleep monotonic", .wait = w_monotonic, .number = SYS_clock_nanosleep },
	{ .name = "clock_nanosleep realtime", .wait = w_realtime, .number = SYS_clock_nanosleep },
	{ .name = "clock_nanosleep boottime", .wait = w_boottime, .number = SYS_clock_nanosleep },
	{ .name = "poll", .wait = w_poll, .number = SYS_poll },
	{ .name = "futex", .wait = w_futex, .number = SYS_futex, .result = -1, .error = ETIMEDOUT },
	{ .name = "ppoll", .wait = w_ppoll, .number = SYS_ppoll },
	{ .name = "select", .wait = w_select, .number = SYS_select },
	{ .name = "pselect", .wait = w_pselect, .number = SYS_pselect6 },
};
enum { WAITERS = sizeof waiters / sizeof waiters[0] };

static void *work(void *argument)
{
	struct waiter *me = argument;
	int64_t start = h_now_ns(CLOCK_MONOTONIC);
	me->tid = gettid();
	errno = 0;
	long got = me->wait(me);
	int error = errno;
	me->slept = h_now_ns(CLOCK_MONOTONIC) - start;
	CHECK(got == me->result && (got >= 0 || error == me->error), "%s: returned %ld %s", me->name, got, got < 0 ? strerror(error) : "");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[WAITERS];
	h_init(argc, argv);
	int64_t start = h_now_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < WAITERS; i++)
		MUST(pthread_create(&threads[i], NULL, work, &waiters[i]) == 0);
	for (int i = 0; i < WAITERS; i++) {
		while (*(volatile pid_t *)&waiters[i].tid == 0)
			usleep(100);
		h_await_syscall(waiters[i].tid, waiters[i].number);
	}
	while (h_now_ns(CLOCK_MONOTONIC) - start < READY_AFTER)
		usleep(1000);
	h_ready();
	h_wait();
	for (int i = 0; i < WAITERS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	for (int i = 1; i < WAITERS; i++) {
		int64_t late = waiters[i].slept - waiters[0].slept;
		CHECK(late < LATEST, "%s: %ld ms late", waiters[i].name, (long)(late / 1000000));
		/* Those that were stopped later have less left. */
		CHECK(late > -EARLIEST && waiters[i].slept >= SECONDS * 1000000000ll, "%s: %ld ms early", waiters[i].name, (long)(-late / 1000000));
		fprintf(stderr, "%s: %ld us late\n", waiters[i].name, (long)(late / 1000));
	}
	h_end();
}

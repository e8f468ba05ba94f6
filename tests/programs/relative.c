/* One thread in each call that takes a relative time and keeps what is left of it to itself. None may come back early, nor late: all are
 * compared with a thread whose call writes out what was left. READY is told when part of the time is over. With the argument `again` those
 * that a stop makes begin anew, which must only not come back early, nor with another result; with `stops` it is stopped for a while. */
#include "harness.h"
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>

#define NS 1000000000ll
#define LATEST 1500000000ll
#define EARLIEST 500000000ll

struct waiter {
	const char *name;
	long (*wait)(struct waiter *);
	long number, result;
	bool writes;		/* what is left to where it took its time from: while it is stopped no time passes for it */
	int error;
	pid_t tid;
	int64_t slept;
	uint32_t word;
};

static struct timespec span = { 5, 0 };
static int64_t ready_after = 3 * NS;

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
static long w_poll(struct waiter *me) { (void)me; return syscall(SYS_poll, NULL, 0, span.tv_sec * 1000); }
static long w_futex(struct waiter *me) { return syscall(SYS_futex, &me->word, FUTEX_WAIT, 0, &span, NULL, 0); }
static long w_ppoll(struct waiter *me)
{
	struct timespec when = span;
	(void)me;
	return syscall(SYS_ppoll, NULL, 0, &when, NULL, 8);
}
static long w_select(struct waiter *me)
{
	struct timeval when = { span.tv_sec, 0 };
	(void)me;
	return syscall(SYS_select, 0, NULL, NULL, NULL, &when);
}
static long w_pselect(struct waiter *me)
{
	struct timespec when = span;
	(void)me;
	return syscall(SYS_pselect6, 0, NULL, NULL, NULL, &when, NULL);
}

static long w_epoll(struct waiter *me)
{
	struct epoll_event event;
	(void)me;
	return syscall(SYS_epoll_wait, epoll_create1(EPOLL_CLOEXEC), &event, 1, span.tv_sec * 1000);
}
static long w_semaphore(struct waiter *me)
{
	struct sembuf down = { 0, -1, 0 };
	(void)me;
	return syscall(SYS_semtimedop, semget(IPC_PRIVATE, 1, 0600), &down, 1, &span);
}
static long w_signal(struct waiter *me)
{
	uint64_t only = 1ull << (SIGRTMIN + 4 - 1);
	(void)me;
	return syscall(SYS_rt_sigtimedwait, &only, NULL, &span, 8);
}
static long w_events(struct waiter *me)
{
	aio_context_t context = 0;
	struct io_event event;
	(void)me;
	return syscall(SYS_io_setup, 1, &context) == 0 ? syscall(SYS_io_getevents, context, 1, 1, &event, &span) : 0;
}

static struct waiter again[] = {
	{ .name = "epoll_wait", .wait = w_epoll, .number = SYS_epoll_wait },
	{ .name = "semtimedop", .wait = w_semaphore, .number = SYS_semtimedop, .result = -1, .error = EAGAIN },
	{ .name = "sigtimedwait", .wait = w_signal, .number = SYS_rt_sigtimedwait, .result = -1, .error = EAGAIN },
	{ .name = "io_getevents", .wait = w_events, .number = SYS_io_getevents },
};
static struct waiter rest[] = {
	{ .name = "witness", .wait = w_witness, .number = SYS_nanosleep },
	{ .name = "nanosleep", .wait = w_nanosleep, .number = SYS_nanosleep },
	{ .name = "clock_nanosleep monotonic", .wait = w_monotonic, .number = SYS_clock_nanosleep },
	{ .name = "clock_nanosleep realtime", .wait = w_realtime, .number = SYS_clock_nanosleep },
	{ .name = "clock_nanosleep boottime", .wait = w_boottime, .number = SYS_clock_nanosleep },
	{ .name = "poll", .wait = w_poll, .number = SYS_poll },
	{ .name = "futex", .wait = w_futex, .number = SYS_futex, .result = -1, .error = ETIMEDOUT },
	{ .name = "ppoll", .wait = w_ppoll, .number = SYS_ppoll, .writes = true },
	{ .name = "select", .wait = w_select, .number = SYS_select, .writes = true },
	{ .name = "pselect", .wait = w_pselect, .number = SYS_pselect6, .writes = true },
};
enum { MOST = sizeof rest / sizeof rest[0], AGAIN = sizeof again / sizeof again[0] };

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

static void judge_rest(bool stopped)
{
	for (int i = 1; i < MOST; i++) {
		int64_t late = rest[i].slept - rest[0].slept;
		CHECK(late < LATEST || (stopped && rest[i].writes), "%s: %ld ms late", rest[i].name, (long)(late / 1000000));
		/* Those that were stopped later have less left. */
		CHECK(late > -EARLIEST, "%s: %ld ms early", rest[i].name, (long)(-late / 1000000));
		fprintf(stderr, "%s: %ld us late\n", rest[i].name, (long)(late / 1000));
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	struct waiter *waiters = rest;
	int count = MOST;
	h_init(argc, argv);
	if (argc > 2 && strcmp(argv[2], "again") == 0) {
		waiters = again;
		count = AGAIN;
		span.tv_sec = 3;
		ready_after = NS * 3 / 2;
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN + 4);
		MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	}
	int64_t start = h_now_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < count; i++)
		MUST(pthread_create(&threads[i], NULL, work, &waiters[i]) == 0);
	for (int i = 0; i < count; i++) {
		while (*(volatile pid_t *)&waiters[i].tid == 0)
			usleep(100);
		h_await_syscall(waiters[i].tid, waiters[i].number);
	}
	while (h_now_ns(CLOCK_MONOTONIC) - start < ready_after)
		usleep(1000);
	h_ready();
	h_wait();
	for (int i = 0; i < count; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < count; i++)
		CHECK(waiters[i].slept >= span.tv_sec * NS, "%s: waited %ld ms only", waiters[i].name, (long)(waiters[i].slept / 1000000));
	if (waiters == rest)
		judge_rest(argc > 2);
	h_end();
}

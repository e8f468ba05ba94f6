/*
 * Time that goes on: however long the machine has been up to which the program is taken, CLOCK_MONOTONIC and CLOCK_BOOTTIME never jump, and
 * what waits for a time on them is neither early nor late. Each is judged by the clock that it waits for; of the time that the program
 * does not live through, nothing is counted. A timer of each sort, with relative and with absolute times, is waited for in a thread.
 */
#include "harness.h"
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <linux/futex.h>

#define SECOND 1000000000ll
#define SPAN (4 * SECOND)
#define JUMP (60 * SECOND)	/* more than a busy machine makes the program wait, much less than an uptime differs by */

static atomic_int ended;
static volatile int stop;
static _Atomic int64_t highest[2];
static atomic_int jumps;
static const clockid_t clocks[2] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME };

static struct timespec spec(int64_t ns) { return (struct timespec){ ns / SECOND, ns % SECOND }; }

/* Both clocks, all the time, by the vdso and by the system call. */
static void *watch(void *argument)
{
	long me = (long)argument;
	while (!stop) {
		struct timespec slow;
		int64_t before = highest[me], fast = h_now_ns(clocks[me]);
		syscall(SYS_clock_gettime, clocks[me], &slow);
		int64_t call = slow.tv_sec * SECOND + slow.tv_nsec;
		if (before != 0 && (fast < before || call < fast || call - before > JUMP)) {
			jumps++;
			h_fail("clock %d: %ld, %ld, then %ld", clocks[me], (long)before, (long)fast, (long)call);
			return NULL;
		}
		highest[me] = call;
		usleep(1000);
	}
	return NULL;
}

static void judge(const char *what, clockid_t clock, int64_t due)
{
	int64_t late = h_now_ns(clock) - due;
	CHECK(late >= 0, "%s: %ld ms early", what, (long)(-late / 1000000));
	CHECK(late < JUMP, "%s: %ld s late", what, (long)(late / SECOND));
	ended++;
}

static void *sleep_absolute(void *argument)
{
	clockid_t clock = clocks[(long)argument];
	int64_t due = h_now_ns(clock) + SPAN;
	struct timespec when = spec(due);
	int rc = clock_nanosleep(clock, TIMER_ABSTIME, &when, NULL);
	CHECK(rc == 0, "clock_nanosleep: %s", strerror(rc));
	judge("absolute sleep", clock, due);
	return NULL;
}

static void *sleep_relative(void *argument)
{
	(void)argument;
	int64_t due = h_now_ns(CLOCK_MONOTONIC) + SPAN;
	struct timespec span = spec(SPAN);
	while (nanosleep(&span, &span) != 0 && errno == EINTR)
		;
	judge("relative sleep", CLOCK_MONOTONIC, due);
	return NULL;
}

static void *wait_futex(void *argument)
{
	(void)argument;
	uint32_t word = 0;
	int64_t due = h_now_ns(CLOCK_MONOTONIC) + SPAN;
	struct timespec when = spec(due);
	long rc;
	do
		rc = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &when, NULL, FUTEX_BITSET_MATCH_ANY);
	while (rc != 0 && errno == EINTR);
	CHECK(rc == -1 && errno == ETIMEDOUT, "futex: %ld %s", rc, strerror(errno));
	judge("futex", CLOCK_MONOTONIC, due);
	return NULL;
}

static void *wait_condition(void *argument)
{
	(void)argument;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&condition, &monotonic);
	int64_t due = h_now_ns(CLOCK_MONOTONIC) + SPAN;
	struct timespec when = spec(due);
	pthread_mutex_lock(&mutex);
	int rc;
	do
		rc = pthread_cond_timedwait(&condition, &mutex, &when);
	while (rc == 0);
	CHECK(rc == ETIMEDOUT, "pthread_cond_timedwait: %s", strerror(rc));
	judge("condition", CLOCK_MONOTONIC, due);
	return NULL;
}

/* Armed before the threads start, so that all are under way at the save; an epoll waits for them. */
static int timer_file(clockid_t clock, int flags, int64_t *due)
{
	int fd = timerfd_create(clock, 0);
	MUST(fd >= 0);
	*due = h_now_ns(clock) + SPAN;
	struct itimerspec when = { .it_value = spec(flags ? *due : SPAN) };
	MUST(timerfd_settime(fd, flags, &when, NULL) == 0);
	return fd;
}

static void *wait_files(void *argument)
{
	(void)argument;
	static const struct { const char *name; clockid_t clock; int flags; } sorts[] = {
		{ "timerfd, monotonic", CLOCK_MONOTONIC, 0 },
		{ "timerfd, monotonic, absolute", CLOCK_MONOTONIC, TFD_TIMER_ABSTIME },
		{ "timerfd, boottime", CLOCK_BOOTTIME, 0 },
		{ "timerfd, boottime, absolute", CLOCK_BOOTTIME, TFD_TIMER_ABSTIME },
	};
	enum { N = sizeof sorts / sizeof sorts[0] };
	int64_t due[N];
	int fds[N], poll = epoll_create1(0);
	for (int i = 0; i < N; i++) {
		fds[i] = timer_file(sorts[i].clock, sorts[i].flags, &due[i]);
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
		MUST(epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &event) == 0);
	}
	for (int i = 0; i < N;) {
		struct epoll_event event;
		if (epoll_wait(poll, &event, 1, -1) != 1)
			continue;
		uint64_t ticks;
		int which = event.data.u32;
		CHECK(read(fds[which], &ticks, sizeof ticks) == sizeof ticks && ticks == 1, "%s: ticks", sorts[which].name);
		judge(sorts[which].name, sorts[which].clock, due[which]);
		i++;
	}
	return NULL;
}



static void *wait_timer(void *argument)
{
	clockid_t clock = clocks[(long)argument / 2];
	int flags = (long)argument % 2 ? TIMER_ABSTIME : 0;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2 + (long)argument);
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2 + (long)argument };
	timer_t timer;
	MUST(timer_create(clock, &event, &timer) == 0);
	int64_t due = h_now_ns(clock) + SPAN;
	struct itimerspec when = { .it_value = spec(flags ? due : SPAN) };
	MUST(timer_settime(timer, flags, &when, NULL) == 0);
	while (sigwaitinfo(&set, NULL) < 0)
		CHECK(errno == EINTR, "sigwaitinfo: %s", strerror(errno));
	judge(flags ? "timer, absolute" : "timer", clock, due);
	return NULL;
}

/* A child born after the move has the same clocks. */
static void check_child(void)
{
	int64_t before = h_now_ns(CLOCK_MONOTONIC);
	pid_t child = fork();
	if (child == 0) {
		int64_t now = h_now_ns(CLOCK_MONOTONIC);
		struct timespec slow;
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &slow);
		_exit(now >= before && now - before < JUMP && slow.tv_sec * SECOND + slow.tv_nsec - now < JUMP ? 0 : 1);
	}
	int status = -1;
	CHECK(waitpid(child, &status, 0) == child && status == 0, "a child has another clock");
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	sigset_t timers;
	sigemptyset(&timers);
	for (int i = 0; i < 4; i++)
		sigaddset(&timers, SIGRTMIN + 2 + i);
	pthread_sigmask(SIG_BLOCK, &timers, NULL);
	pthread_t threads[16];
	int count = 0, watchers = 2;
	for (long i = 0; i < watchers; i++)
		MUST(pthread_create(&threads[count++], NULL, watch, (void *)i) == 0);
	while (highest[0] == 0 || highest[1] == 0)
		usleep(1000);
	for (long i = 0; i < 2; i++)
		MUST(pthread_create(&threads[count++], NULL, sleep_absolute, (void *)i) == 0);
	MUST(pthread_create(&threads[count++], NULL, sleep_relative, NULL) == 0);
	MUST(pthread_create(&threads[count++], NULL, wait_futex, NULL) == 0);
	MUST(pthread_create(&threads[count++], NULL, wait_condition, NULL) == 0);
	MUST(pthread_create(&threads[count++], NULL, wait_files, NULL) == 0);
	for (long i = 0; i < 4; i++)
		MUST(pthread_create(&threads[count++], NULL, wait_timer, (void *)i) == 0);
	usleep(200000);
	h_ready();
	h_wait();
	for (int i = watchers; i < count; i++)
		pthread_join(threads[i], NULL);
	check_child();
	stop = 1;
	for (int i = 0; i < watchers; i++)
		pthread_join(threads[i], NULL);
	CHECK(ended == 13, "%d of 13 waits ended", ended);
	h_end();
}

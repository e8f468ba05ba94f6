/* One thread in each system call that a stop interrupts. None may come back early, with EINTR, or with a wrong result; those
 * without a time are woken by the main thread at the end, when all are seen to be in their call again. With the argument `stops` the
 * program may also be stopped and continued. */
#include "harness.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>

#define SECONDS 6
#define NS (SECONDS * 1000000000ll)

struct sleeper {
	const char *name;
	void (*sleep)(struct sleeper *);
	long number;		/* of the system call */
	bool timed;		/* comes back by itself */
	bool wall;		/* at a time of day: the clock since boot stands while the program is on its way */
	pid_t tid;
	int64_t start;
	uint32_t word;
	int handled;
};

static __thread struct sleeper *self;
static const struct timespec span = { SECONDS, 0 };

static void on_wake(int signo) { (void)signo; self->handled++; }

static void timed(struct sleeper *me, long got, int error, long want, int want_error)
{
	int64_t slept = h_now_ns(me->wall ? CLOCK_REALTIME : CLOCK_MONOTONIC) - me->start;
	CHECK(got == want && (got >= 0 || error == want_error), "%s: returned %ld %s", me->name, got, got < 0 ? strerror(error) : "");
	CHECK(slept >= NS, "%s: %ld ms too early", me->name, (long)((NS - slept) / 1000000));
}

/* The error is read after the call, which an argument list would not promise. */
#define TIMED(call, want, want_error) do { errno = 0; long got_ = (call); timed(me, got_, errno, want, want_error); } while (0)

static struct timespec later(clockid_t clock)
{
	int64_t at = h_now_ns(clock) + NS;
	return (struct timespec){ at / 1000000000, at % 1000000000 };
}

static void s_nanosleep(struct sleeper *me)
{
	struct timespec left;
	TIMED(nanosleep(&span, &left), 0, 0);
}
static void clock_sleep(struct sleeper *me, clockid_t clock, int flags)
{
	struct timespec when = flags ? later(clock) : span;
	int rc = clock_nanosleep(clock, flags, &when, NULL);
	timed(me, rc ? -1 : 0, rc, 0, 0);
}
static void s_relative_monotonic(struct sleeper *me) { clock_sleep(me, CLOCK_MONOTONIC, 0); }
static void s_relative_boottime(struct sleeper *me) { clock_sleep(me, CLOCK_BOOTTIME, 0); }
static void s_absolute_monotonic(struct sleeper *me) { clock_sleep(me, CLOCK_MONOTONIC, TIMER_ABSTIME); }
static void s_absolute_realtime(struct sleeper *me) { clock_sleep(me, CLOCK_REALTIME, TIMER_ABSTIME); }
static void s_poll(struct sleeper *me) { TIMED(poll(NULL, 0, SECONDS * 1000), 0, 0); }
static void s_ppoll(struct sleeper *me)
{
	sigset_t all;
	struct timespec when = span;
	sigfillset(&all);
	TIMED(ppoll(NULL, 0, &when, &all), 0, 0);
}
static void s_select(struct sleeper *me)
{
	struct timeval when = { SECONDS, 0 };
	TIMED(syscall(SYS_select, 0, NULL, NULL, NULL, &when), 0, 0);
}
static void s_pselect(struct sleeper *me)
{
	sigset_t all;
	sigfillset(&all);
	TIMED(pselect(0, NULL, NULL, NULL, &span, &all), 0, 0);
}
static void s_futex_relative(struct sleeper *me)
{
	TIMED(syscall(SYS_futex, &me->word, FUTEX_WAIT, 0, &span, NULL, 0), -1, ETIMEDOUT);
}
static void s_futex_absolute(struct sleeper *me)
{
	struct timespec when = later(CLOCK_MONOTONIC);
	TIMED(syscall(SYS_futex, &me->word, FUTEX_WAIT_BITSET_PRIVATE, 0, &when, NULL, FUTEX_BITSET_MATCH_ANY), -1, ETIMEDOUT);
}
static void s_sigtimedwait(struct sleeper *me)
{
	uint64_t only = 1ull << (SIGRTMIN + 4 - 1);
	TIMED(syscall(SYS_rt_sigtimedwait, &only, NULL, &span, 8), -1, EAGAIN);
}
static void s_mutex_timed(struct sleeper *me)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static atomic_int taken;
	if (!taken++)
		pthread_mutex_lock(&mutex);
	struct timespec when = later(CLOCK_REALTIME);

	/* A mutex held by this very thread: only the time ends the wait. */
	int rc = pthread_mutex_timedlock(&mutex, &when);
	timed(me, -1, rc, -1, ETIMEDOUT);
}

static void s_futex(struct sleeper *me)
{
	long rc = syscall(SYS_futex, &me->word, FUTEX_WAIT, 0, NULL, NULL, 0);
	CHECK(rc == 0 && me->word == 1, "%s: returned %ld %s, word %u", me->name, rc, strerror(errno), me->word);
}
static void s_futex_waitv(struct sleeper *me)
{
	struct { uint64_t value, address; uint32_t flags, reserved; } one = { 0, (uintptr_t)&me->word, 2 /* 32 bits */, 0 };
	long rc = syscall(449, &one, 1, 0, NULL, CLOCK_MONOTONIC);
	CHECK(rc == 0 || errno == ENOSYS, "%s: returned %ld %s", me->name, rc, strerror(errno));
}
static pthread_mutex_t inherited;
static void s_futex_pi(struct sleeper *me)
{
	int rc = pthread_mutex_lock(&inherited);
	CHECK(rc == 0, "%s: %s", me->name, strerror(rc));
	pthread_mutex_unlock(&inherited);
}
static void s_pause(struct sleeper *me)
{
	int rc = pause();
	CHECK(rc == -1 && errno == EINTR && me->handled == 1, "%s: returned %d, %d signals", me->name, rc, me->handled);
}
static void s_sigsuspend(struct sleeper *me)
{
	sigset_t set, now, was;
	pthread_sigmask(SIG_SETMASK, NULL, &was);
	set = was;
	sigaddset(&set, SIGRTMIN + 6);
	int rc = sigsuspend(&set);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK(rc == -1 && errno == EINTR && me->handled == 1, "%s: returned %d, %d signals", me->name, rc, me->handled);
	CHECK(memcmp(&now, &was, 8) == 0, "%s: the mask did not come back", me->name);
}
static void s_sigwaitinfo(struct sleeper *me)
{
	uint64_t only = 1ull << (SIGRTMIN + 5 - 1);
	siginfo_t info;
	long rc = syscall(SYS_rt_sigtimedwait, &only, &info, NULL, 8);
	CHECK(rc == SIGRTMIN + 5, "%s: returned %ld %s", me->name, rc, strerror(errno));
}
static void s_poll_forever(struct sleeper *me)
{
	int rc = poll(NULL, 0, -1);
	CHECK(rc == -1 && errno == EINTR && me->handled == 1, "%s: returned %d, %d signals", me->name, rc, me->handled);
}
/* Restarted by the kernel after a handler, since SA_RESTART: must still be so. */
static void s_ppoll_masked(struct sleeper *me)
{
	sigset_t open, now, was;
	sigemptyset(&open);
	/* Not this one: the go signal is for whoever is in h_wait. While that thread has been stopped the kernel would give it to us. */
	sigaddset(&open, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, NULL, &was);
	int rc = ppoll(NULL, 0, NULL, &open);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK(rc == -1 && errno == EINTR && me->handled == 1, "%s: returned %d, %d signals", me->name, rc, me->handled);
	CHECK(memcmp(&now, &was, 8) == 0, "%s: the mask did not come back", me->name);
}

static struct sleeper sleepers[] = {
	{ .name = "nanosleep", .sleep = s_nanosleep, .number = SYS_clock_nanosleep, .timed = true },
	{ .name = "clock_nanosleep monotonic", .sleep = s_relative_monotonic, .number = SYS_clock_nanosleep, .timed = true },
	{ .name = "clock_nanosleep boottime", .sleep = s_relative_boottime, .number = SYS_clock_nanosleep, .timed = true },
	{ .name = "clock_nanosleep monotonic abs", .sleep = s_absolute_monotonic, .number = SYS_clock_nanosleep, .timed = true },
	{ .name = "clock_nanosleep realtime abs", .sleep = s_absolute_realtime, .number = SYS_clock_nanosleep, .timed = true, .wall = true },
	{ .name = "poll", .sleep = s_poll, .number = SYS_poll, .timed = true },
	{ .name = "ppoll", .sleep = s_ppoll, .number = SYS_ppoll, .timed = true },
	{ .name = "select", .sleep = s_select, .number = SYS_select, .timed = true },
	{ .name = "pselect", .sleep = s_pselect, .number = SYS_pselect6, .timed = true },
	{ .name = "futex relative", .sleep = s_futex_relative, .number = SYS_futex, .timed = true },
	{ .name = "futex absolute", .sleep = s_futex_absolute, .number = SYS_futex, .timed = true },
	{ .name = "sigtimedwait", .sleep = s_sigtimedwait, .number = SYS_rt_sigtimedwait, .timed = true },
	{ .name = "mutex timedlock", .sleep = s_mutex_timed, .number = SYS_futex, .timed = true, .wall = true },
	{ .name = "futex", .sleep = s_futex, .number = SYS_futex },
	{ .name = "futex_waitv", .sleep = s_futex_waitv, .number = 449 },
	{ .name = "futex pi", .sleep = s_futex_pi, .number = SYS_futex },
	{ .name = "pause", .sleep = s_pause, .number = SYS_pause },
	{ .name = "sigsuspend", .sleep = s_sigsuspend, .number = SYS_rt_sigsuspend },
	{ .name = "sigwaitinfo", .sleep = s_sigwaitinfo, .number = SYS_rt_sigtimedwait },
	{ .name = "poll forever", .sleep = s_poll_forever, .number = SYS_poll },
	{ .name = "ppoll masked", .sleep = s_ppoll_masked, .number = SYS_ppoll },
};
enum { SLEEPERS = sizeof sleepers / sizeof sleepers[0] };

static void *work(void *argument)
{
	struct sleeper *me = self = argument;
	sigset_t open;
	sigemptyset(&open);
	if (me->sleep == s_pause || me->sleep == s_poll_forever || me->sleep == s_sigsuspend)
		sigaddset(&open, SIGRTMIN + 2);
	sigaddset(&open, SIGRTMIN + 3);
	pthread_sigmask(SIG_UNBLOCK, &open, NULL);
	me->start = h_now_ns(me->wall ? CLOCK_REALTIME : CLOCK_MONOTONIC);
	me->tid = gettid();
	me->sleep(me);
	return NULL;
}

/* SIGSTOP and SIGCONT make sigtimedwait return EINTR, with or without a save (signal(7)). */
static bool stops;
static bool skipped(const struct sleeper *sleeper) { return stops && sleeper->number == SYS_rt_sigtimedwait; }

int main(int argc, char **argv)
{
	pthread_t threads[SLEEPERS];
	sigset_t set;
	h_init(argc, argv);
	stops = argc > 2 && strcmp(argv[2], "stops") == 0;
	sigemptyset(&set);
	for (int i = 2; i <= 6; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct sigaction action = { .sa_handler = on_wake };
	sigaction(SIGRTMIN + 2, &action, NULL);
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inherited, &attributes);
	pthread_mutex_lock(&inherited);
	for (int i = 0; i < SLEEPERS; i++) {
		if (skipped(&sleepers[i]))
			continue;
		MUST(pthread_create(&threads[i], NULL, work, &sleepers[i]) == 0);
		while (*(volatile pid_t *)&sleepers[i].tid == 0)
			usleep(100);
		h_await_syscall(sleepers[i].tid, sleepers[i].number);
	}
	h_ready();
	h_wait();

	for (int i = 0; i < SLEEPERS; i++) {
		struct sleeper *s = &sleepers[i];
		if (s->timed || skipped(s))
			continue;
		h_await_syscall(s->tid, s->number);
		s->word = 1;
		syscall(SYS_futex, &s->word, FUTEX_WAKE, 1, NULL, NULL, 0);
		if (s->sleep == s_futex_pi)
			pthread_mutex_unlock(&inherited);
		if (s->sleep == s_sigwaitinfo)
			tgkill(getpid(), s->tid, SIGRTMIN + 5);
		if (s->number == SYS_pause || s->number == SYS_rt_sigsuspend || s->number == SYS_poll || s->number == SYS_ppoll)
			tgkill(getpid(), s->tid, SIGRTMIN + 2);
	}
	for (int i = 0; i < SLEEPERS; i++)
		MUST(skipped(&sleepers[i]) || pthread_join(threads[i], NULL) == 0);
	h_end();
}

/* Timers of timer_create: clocks, ways to notify, what was left, ids with gaps, overruns of a signal that waits. */
#include "harness.h"
#include <poll.h>

#define COUNT 9
static const struct { const char *what; int clock, notify, signo; double first, interval; } plan[COUNT] = {
	{ "far one-shot", CLOCK_REALTIME, SIGEV_SIGNAL, 40, 5000, 0 },
	{ "slow beat", CLOCK_MONOTONIC, SIGEV_SIGNAL, 41, 3000, 700 },
	{ "disarmed", CLOCK_REALTIME, SIGEV_SIGNAL, 42, 0, 0 },
	{ "silent", CLOCK_BOOTTIME, SIGEV_NONE, 43, 4000, 10 },
	{ "to a thread", CLOCK_MONOTONIC, SIGEV_THREAD_ID, 44, 0.02, 0.02 },
	{ "process time", CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, 45, 1000, 50 },
	{ "waiting beat", CLOCK_MONOTONIC, SIGEV_SIGNAL, 46, 0.001, 0.01 },
	{ "waiting one-shot", CLOCK_REALTIME, SIGEV_SIGNAL, 47, 0.001, 0 },
	{ "absolute", CLOCK_REALTIME, SIGEV_SIGNAL, 48, 6000, 0 },
};
static timer_t timers[COUNT];
static _Atomic long beats;
static _Atomic pid_t beaten;

static double seconds(struct timespec t) { return t.tv_sec + t.tv_nsec / 1e9; }
static struct timespec span(double s) { return (struct timespec){ (time_t)s, (long)((s - (time_t)s) * 1e9) }; }

static void *beat_taker(void *unused)
{
	(void)unused;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, 44);
	beaten = gettid();
	for (;;) {
		siginfo_t info;
		if (sigwaitinfo(&set, &info) == 44 && info.si_code == SI_TIMER && info.si_value.sival_int == 1004)
			beats++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct timespec begin, now;
	struct itimerspec left;
	pthread_t taker;
	sigset_t set;
	h_init(argc, argv);
	sigemptyset(&set);
	for (int signo = 40; signo < 50; signo++)
		sigaddset(&set, signo);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	MUST(pthread_create(&taker, NULL, beat_taker, NULL) == 0);
	while (!beaten)
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < COUNT; i++) {
		struct sigevent event = { .sigev_notify = plan[i].notify, .sigev_signo = plan[i].signo, .sigev_value.sival_int = 1000 + i };
		event._sigev_un._tid = plan[i].notify == SIGEV_THREAD_ID ? beaten : 0;
		int gap[3];		/* the kernel's ids: timer_t is one, before glibc sees it */
		for (int k = 0; k < 3; k++)
			MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &gap[k]) == 0);
		int id;
		MUST(syscall(SYS_timer_create, plan[i].clock, &event, &id) == 0);
		timers[i] = (timer_t)(long)id;
		for (int k = 0; k < 3; k++)
			MUST(syscall(SYS_timer_delete, gap[k]) == 0);
		struct itimerspec set_to = { .it_value = span(plan[i].first), .it_interval = span(plan[i].interval) };
		int flags = 0;
		if (strcmp(plan[i].what, "absolute") == 0) {
			clock_gettime(plan[i].clock, &now);
			set_to.it_value.tv_sec += now.tv_sec;
			flags = TIMER_ABSTIME;
		}
		MUST(syscall(SYS_timer_settime, id, flags, &set_to, NULL) == 0);
	}
	poll(NULL, 0, 60);
	h_ready();
	h_wait();

	clock_gettime(CLOCK_MONOTONIC, &now);
	double passed = seconds(now) - seconds(begin);
	for (int i = 0; i < COUNT; i++) {
		if (syscall(SYS_timer_gettime, (int)(long)timers[i], &left) != 0) {
			h_fail("%s: no timer of this id", plan[i].what);
			continue;
		}
		CHECK(seconds(left.it_interval) > plan[i].interval - 1e-6 && seconds(left.it_interval) < plan[i].interval + 1e-6,
			"%s: interval %f", plan[i].what, seconds(left.it_interval));
		if (plan[i].first >= 1000) {
			/* A save holds the clocks of what was left; it may not take long here. CPU time hardly passes. */
			double least = plan[i].first - passed - 1;
			CHECK(seconds(left.it_value) > least && seconds(left.it_value) <= plan[i].first + 0.1, "%s: %f left", plan[i].what, seconds(left.it_value));
		}
		if (strcmp(plan[i].what, "disarmed") == 0)
			CHECK(seconds(left.it_value) == 0, "disarmed: %f left", seconds(left.it_value));
	}
	long seen = beats;
	for (int i = 0; i < 500 && beats < seen + 3; i++)
		poll(NULL, 0, 20);
	CHECK(beats >= seen + 3, "the thread's timer beats no more");

	siginfo_t info;
	struct timespec short_while = span(5);
	sigemptyset(&set);
	sigaddset(&set, 46);
	CHECK(sigtimedwait(&set, &info, &short_while) == 46 && info.si_code == SI_TIMER && info.si_value.sival_int == 1006, "the waiting beat's signal");
	CHECK(sigtimedwait(&set, &info, &short_while) == 46 && info.si_code == SI_TIMER, "the next beat's signal");
	sigemptyset(&set);
	sigaddset(&set, 47);
	CHECK(sigtimedwait(&set, &info, &short_while) == 47 && info.si_code == SI_TIMER && info.si_value.sival_int == 1007
		&& info.si_timerid == (int)(long)timers[7], "the waiting one-shot's signal");
	short_while = span(0.05);
	CHECK(sigtimedwait(&set, &info, &short_while) == -1, "the one-shot's signal came twice");
	int id;
	CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0, "a further timer");
	for (int i = 0; i < COUNT; i++)
		CHECK(id != (int)(long)timers[i], "a further timer got the id of '%s'", plan[i].what);
	h_end();
}

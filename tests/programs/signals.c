/* Signal handlers, masks and pending signals. Read by raw system calls, since the C library hides two signals and the restorer. */
#include "harness.h"

struct kernel_sigaction { void *handler; unsigned long flags; void *restorer; uint64_t mask; };

enum { THREADS = 3, QUEUED = 20 };
static struct kernel_sigaction before[65], after[65];
static uint64_t masks[THREADS];
static pid_t tids[THREADS];
static pthread_barrier_t built, checked;
static atomic_int go_on, in_handler;

static uint64_t bit(int signo) { return 1ull << (signo - 1); }

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo; (void)info; (void)context;
	in_handler++;
}

static void set_handler(int signo, int flags, int masked)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = flags | SA_SIGINFO };
	sigemptyset(&action.sa_mask);
	if (masked)
		sigaddset(&action.sa_mask, masked);
	MUST(sigaction(signo, &action, NULL) == 0);
}

static void read_actions(struct kernel_sigaction *into)
{
	for (int signo = 1; signo <= 64; signo++)
		MUST(syscall(SYS_rt_sigaction, signo, NULL, &into[signo], 8) == 0);
}

static void queue(pid_t tid, int signo, int code, int number)
{
	siginfo_t info = { .si_signo = signo, .si_code = code };
	info.si_pid = 4000 + number;
	info.si_uid = 70000 + number;
	info.si_value.sival_ptr = (void *)(h_mix(number) | 1);
	MUST(tid == 0 ? syscall(SYS_rt_sigqueueinfo, getpid(), signo, &info) == 0
		      : syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, signo, &info) == 0);
}

static void expect_queued(const char *whose, int signo, int code, int number)
{
	siginfo_t info;
	uint64_t only = bit(signo);
	struct timespec now = { 0, 0 };
	long got = syscall(SYS_rt_sigtimedwait, &only, &info, &now, 8);
	CHECK(got == signo, "%s: signal %d is not pending", whose, signo);
	if (got == signo)
		CHECK(info.si_code == code && info.si_pid == 4000 + number && info.si_uid == (uid_t)(70000 + number) &&
			info.si_value.sival_ptr == (void *)(h_mix(number) | 1), "%s: signal %d: its information (%d, code %d, pid %d)", whose,
			signo, number, info.si_code, info.si_pid);
}

static void expect_killed(const char *whose, int signo, int code)
{
	siginfo_t info;
	uint64_t only = bit(signo);
	struct timespec now = { 0, 0 };
	long got = syscall(SYS_rt_sigtimedwait, &only, &info, &now, 8);
	CHECK(got == signo && info.si_code == code && info.si_pid == getpid(), "%s: signal %d: got %ld code %d pid %d", whose, signo, got,
		info.si_code, info.si_pid);
}

static void *work(void *argument)
{
	long me = (long)argument;
	tids[me] = gettid();
	masks[me] = ~0ull & ~(bit(SIGKILL) | bit(SIGSTOP)) & ~(bit(SIGHUP) << me) & ~(bit(SIGRTMIN + 20) << me);
	MUST(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &masks[me], NULL, 8) == 0);
	/* The thread's own queue: real-time ones keep their order and information, one of a kind else. */
	for (int i = 0; i < QUEUED; i++)
		queue(tids[me], SIGRTMIN + 3 + i % 2, -1 - i % 5, 100 * (int)me + i);
	MUST(tgkill(getpid(), tids[me], SIGTERM) == 0 && tgkill(getpid(), tids[me], SIGTERM) == 0);
	MUST(tgkill(getpid(), tids[me], SIGWINCH) == 0);
	pthread_barrier_wait(&built);
	while (!go_on)
		usleep(1000);

	char name[20];
	snprintf(name, sizeof name, "thread %ld", me);
	uint64_t now = 0;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
	CHECK(now == masks[me], "%s: mask was %lx is %lx", name, masks[me], now);
	for (int i = 0; i < QUEUED; i += 2)
		expect_queued(name, SIGRTMIN + 3, -1 - i % 5, 100 * (int)me + i);
	for (int i = 1; i < QUEUED; i += 2)
		expect_queued(name, SIGRTMIN + 4, -1 - i % 5, 100 * (int)me + i);
	expect_killed(name, SIGTERM, SI_TKILL);
	expect_killed(name, SIGWINCH, SI_TKILL);
	pthread_barrier_wait(&checked);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	h_init(argc, argv);
	pthread_barrier_init(&built, NULL, THREADS + 1);
	pthread_barrier_init(&checked, NULL, THREADS + 1);
	set_handler(SIGHUP, SA_RESTART | SA_ONSTACK, SIGALRM);
	set_handler(SIGUSR2, SA_RESETHAND | SA_NODEFER, 0);
	set_handler(SIGCHLD, SA_NOCLDWAIT | SA_NOCLDSTOP, SIGRTMAX);
	set_handler(SIGRTMIN + 7, SA_RESTART, SIGRTMIN + 8);
	signal(SIGINT, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);

	uint64_t mine = bit(SIGUSR1) | bit(SIGALRM) | bit(SIGTERM) | bit(SIGTSTP) | bit(SIGCONT) | bit(33 + 2) | bit(SIGRTMIN + 9) | bit(SIGRTMIN + 3) | bit(SIGRTMIN + 4) | bit(SIGWINCH) | bit(SIGUSR2) | bit(SIGTRAP);
	MUST(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mine, NULL, 8) == 0);
	for (long i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	pthread_barrier_wait(&built);
	/* The process's queue, blocked everywhere. */
	for (int i = 0; i < QUEUED; i++)
		queue(0, SIGRTMIN + 9, -2, 1000 + i);
	MUST(kill(getpid(), SIGALRM) == 0 && kill(getpid(), SIGALRM) == 0);
	MUST(kill(getpid(), SIGUSR2) == 0 && kill(getpid(), SIGTRAP) == 0);
	read_actions(before);
	h_ready();
	h_wait();

	read_actions(after);
	for (int signo = 1; signo <= 64; signo++)
		CHECK(memcmp(&before[signo], &after[signo], sizeof before[signo]) == 0, "handler of signal %d", signo);
	uint64_t now = 0;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
	CHECK(now == mine, "main: mask was %lx is %lx", mine, now);
	for (int i = 0; i < QUEUED; i++)
		expect_queued("process", SIGRTMIN + 9, -2, 1000 + i);
	uint64_t pending;
	syscall(SYS_rt_sigpending, &pending, 8);
	CHECK(pending == (bit(SIGALRM) | bit(SIGUSR2) | bit(SIGTRAP)), "pending: %lx", pending);
	expect_killed("process", SIGTRAP, SI_USER);
	expect_killed("process", SIGALRM, SI_USER);
	/* A handler that takes itself out, from a pending signal let through. */
	uint64_t open = mine & ~bit(SIGUSR2);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &open, NULL, 8);
	CHECK(in_handler == 1, "the pending SIGUSR2 was handled %d times", in_handler);
	struct sigaction last;
	CHECK(sigaction(SIGUSR2, NULL, &last) == 0 && last.sa_handler == SIG_DFL, "SA_RESETHAND");
	go_on = 1;
	pthread_barrier_wait(&checked);
	h_end();
}

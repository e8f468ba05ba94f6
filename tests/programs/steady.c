/* A bit of everything without a pause, for saves that die at any instant: threads that hand signals and wake-ups to each other, sleep,
 * compute with all registers, read a file; each step checked. A thread stays parked in pause() with known registers; its
 * tid stands in the line PARKED before READY. */
#include "harness.h"
#include <linux/futex.h>
#include <math.h>

static volatile int stop;
static atomic_long beats[8];
static pid_t parked_tid, receiver_tid;
static atomic_long received;
static long last_value;
static atomic_int wrong_order;

static void beat(int who) { beats[who]++; }

static void *sleep_well(void *unused)
{
	struct timespec nap = { 0, 300000 }, left;
	while (!stop) {
		int64_t start = h_now_ns(CLOCK_MONOTONIC);
		int rc = nanosleep(&nap, &left);
		int64_t slept = h_now_ns(CLOCK_MONOTONIC) - start;
		CHECK(rc == 0, "nanosleep: %s", strerror(errno));
		CHECK(slept >= 300000, "nanosleep: %ld ns only", (long)slept);
		beat(0);
	}
	return unused;
}

/* Every general register at a value of its own, in a loop that ends by a count kept in memory; the flags too. */
static void *hold_registers(void *unused)
{
	uint64_t want[14], got[14];
	h_fill(want, sizeof want, 9);
	while (!stop) {
		uint64_t count = 20000, *from = want, *to = got;
		__asm__ volatile(
			"push %%rbp\n push %[count]\n push %[got]\n mov %[want], %%rax\n"
			"mov 8(%%rax), %%rbx\n mov 16(%%rax), %%rcx\n mov 24(%%rax), %%rdx\n mov 32(%%rax), %%rsi\n"
			"mov 40(%%rax), %%rdi\n mov 48(%%rax), %%rbp\n mov 56(%%rax), %%r8\n mov 64(%%rax), %%r9\n"
			"mov 72(%%rax), %%r10\n mov 80(%%rax), %%r11\n mov 88(%%rax), %%r12\n mov 96(%%rax), %%r13\n"
			"mov 104(%%rax), %%r14\n mov (%%rax), %%rax\n"
			"1: decq 8(%%rsp)\n jnz 1b\n"
			"xchg (%%rsp), %%rax\n"
			"mov %%rbx, 8(%%rax)\n mov %%rcx, 16(%%rax)\n mov %%rdx, 24(%%rax)\n mov %%rsi, 32(%%rax)\n"
			"mov %%rdi, 40(%%rax)\n mov %%rbp, 48(%%rax)\n mov %%r8, 56(%%rax)\n mov %%r9, 64(%%rax)\n"
			"mov %%r10, 72(%%rax)\n mov %%r11, 80(%%rax)\n mov %%r12, 88(%%rax)\n mov %%r13, 96(%%rax)\n"
			"mov %%r14, 104(%%rax)\n pop %%rbx\n mov %%rbx, (%%rax)\n pop %%rbx\n pop %%rbp\n"
			: [want] "+D"(from), [got] "+S"(to), [count] "+d"(count)
			: : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
		for (int i = 0; i < 14; i++)
			CHECK(want[i] == got[i], "register %d: %lx", i, got[i]);
		beat(1);
	}
	return unused;
}

static void *compute(void *unused)
{
	double first = 0;
	while (!stop) {
		long double precise = 1;
		double x = 0.5;
		for (int i = 1; i < 20000; i++) {
			x = 3.9 * x * (1 - x);
			precise += 1.0L / i / i;
		}
		double sum = x + (double)precise;
		if (first == 0)
			first = sum;
		CHECK(sum == first, "floating point: %.17g then %.17g", first, sum);
		beat(2);
	}
	return unused;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo; (void)context;
	long value = (long)info->si_value.sival_ptr;
	if (value != last_value + 1)
		wrong_order++;
	last_value = value;
	received++;
}

static void *receive(void *unused)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	__atomic_store_n(&receiver_tid, gettid(), __ATOMIC_SEQ_CST);
	volatile uint64_t work = 1;
	while (!stop)
		work = h_mix(work);
	return unused;
}

static void *send(void *unused)
{
	while (!__atomic_load_n(&receiver_tid, __ATOMIC_SEQ_CST))
		sched_yield();
	for (long value = 1; !stop; value++) {
		siginfo_t info = { .si_signo = SIGRTMIN + 1, .si_code = -1 };
		info.si_pid = getpid();
		info.si_value.sival_ptr = (void *)value;
		while (syscall(SYS_rt_tgsigqueueinfo, getpid(), receiver_tid, SIGRTMIN + 1, &info) != 0) {
			if (errno == EAGAIN)
				continue;
			/* At the end the receiver may be the first to go. */
			CHECK(errno == ESRCH && stop, "rt_tgsigqueueinfo: %s", strerror(errno));
			return unused;
		}
		beat(3);
		while (value - received > 50 && !stop)
			sched_yield();
	}
	return unused;
}

static uint32_t ball;

static void *play(void *argument)
{
	uint32_t me = (uint32_t)(long)argument;
	while (!stop) {
		uint32_t now = __atomic_load_n(&ball, __ATOMIC_SEQ_CST);
		if (now % 2 != me) {
			struct timespec limit = { 1, 0 };
			long rc = syscall(SYS_futex, &ball, FUTEX_WAIT_PRIVATE, now, &limit, NULL, 0);
			CHECK(rc == 0 || errno == EAGAIN || errno == ETIMEDOUT, "futex: %s", strerror(errno));
			continue;
		}
		__atomic_add_fetch(&ball, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &ball, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		beat(4);
	}
	return NULL;
}

static void *read_file(void *unused)
{
	char text[4096], want[4096];
	h_fill(want, sizeof want, 77);
	int fd = open(h_beside(".file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, want, sizeof want) == sizeof want);
	pid_t pid = getpid();
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory != MAP_FAILED);
	while (!stop) {
		CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, sizeof text) == sizeof text, "read: %s", strerror(errno));
		CHECK(memcmp(text, want, sizeof text) == 0, "read something else");
		CHECK(syscall(SYS_getpid) == pid, "getpid");
		/* Memory comes and goes, its layout stays: it is compared from outside. */
		CHECK(memory[5000] == 0, "a page that was given back is not zero");
		memory[5000] = 1;
		CHECK(madvise(memory, 8192, MADV_DONTNEED) == 0, "madvise: %s", strerror(errno));
		beat(5);
	}
	close(fd);
	unlink(h_beside(".file"));
	return unused;
}

static volatile int unparked;

static void *park(void *unused)
{
	uint64_t kept[6], want[6];
	h_fill(want, sizeof want, 5);
	__atomic_store_n(&parked_tid, gettid(), __ATOMIC_SEQ_CST);
	long result;
	__asm__ volatile(
		"push %%rbp\n push %%rbx\n push %[kept]\n mov %[want], %%rax\n"
		"mov (%%rax), %%rbx\n mov 8(%%rax), %%rbp\n mov 16(%%rax), %%r12\n mov 24(%%rax), %%r13\n mov 32(%%rax), %%r14\n"
		"mov 40(%%rax), %%r15\n mov $34, %%eax\n syscall\n"	/* pause */
		"pop %%rcx\n mov %%rbx, (%%rcx)\n mov %%rbp, 8(%%rcx)\n mov %%r12, 16(%%rcx)\n mov %%r13, 24(%%rcx)\n"
		"mov %%r14, 32(%%rcx)\n mov %%r15, 40(%%rcx)\n pop %%rbx\n pop %%rbp\n"
		: "=a"(result) : [want] "D"(want), [kept] "S"(kept)
		: "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	CHECK(result == -EINTR && unparked, "pause returned %ld", result);
	CHECK(memcmp(kept, want, sizeof want) == 0, "registers of the parked thread");
	return unused;
}

static void on_unpark(int signo) { (void)signo; unparked = 1; }

int main(int argc, char **argv)
{
	static void *(*const workers[])(void *) = { sleep_well, hold_registers, compute, receive, send, play, play, read_file };
	enum { WORKERS = sizeof workers / sizeof workers[0] };
	pthread_t threads[WORKERS], parked;
	h_init(argc, argv);
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO }, unpark = { .sa_handler = on_unpark };
	sigaction(SIGRTMIN + 1, &action, NULL);
	sigaction(SIGRTMIN + 2, &unpark, NULL);
	MUST(pthread_create(&parked, NULL, park, NULL) == 0);
	while (!__atomic_load_n(&parked_tid, __ATOMIC_SEQ_CST))
		usleep(100);
	h_await_syscall(parked_tid, SYS_pause);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (long i = 0; i < WORKERS; i++)
		MUST(pthread_create(&threads[i], NULL, workers[i], (void *)(i - 5)) == 0);
	/* A new thread has all signals blocked for a moment: it is ready once it has done something. */
	for (int i = 0; i < 6; i++)
		while (beats[i] == 0)
			usleep(1000);
	char line[64];
	snprintf(line, sizeof line, "PARKED %d", parked_tid);
	h_line(line);
	h_ready();
	h_wait();
	/* Is everyone still at it? */
	long then[6];
	for (int i = 0; i < 6; i++)
		then[i] = beats[i];
	for (int tries = 0; tries < 600; tries++) {
		bool all = true;
		for (int i = 0; i < 6; i++)
			all &= beats[i] > then[i] + 1;
		if (all)
			break;
		usleep(20000);
	}
	for (int i = 0; i < 6; i++)
		CHECK(beats[i] > then[i] + 1, "worker %d stands still", i);
	tgkill(getpid(), parked_tid, SIGRTMIN + 2);
	pthread_join(parked, NULL);
	stop = 1;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	/* What was sent and not yet handled when the receiver ended is at most what may be on the way. */
	CHECK(wrong_order == 0, "%d signals lost, doubled or out of order", wrong_order);
	CHECK(beats[3] - received <= 51, "%ld sent, %ld received", (long)beats[3], (long)received);
	h_end();
}

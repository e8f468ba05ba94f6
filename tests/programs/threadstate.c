/* What the kernel and the C library keep per thread: TLS, GS base, rseq, robust list, clear_child_tid, sigaltstack. */
#include "harness.h"
#include <asm/prctl.h>
#include <sys/rseq.h>
#include <linux/futex.h>

enum { THREADS = 6 };
static __thread uint64_t tls_value;
static __thread char tls_block[3000];
static __thread int tls_errno_like = 17;
static pthread_mutex_t robust[THREADS];
static pthread_barrier_t built, checked;
static atomic_int go_on;
static pid_t tids[THREADS];
static volatile int on_alternate;

struct robust_head { void *next; long offset; void *pending; };

static void on_usr2(int signo, siginfo_t *info, void *context)
{
	(void)signo; (void)info; (void)context;
	stack_t now;
	sigaltstack(NULL, &now);
	on_alternate = now.ss_flags & SS_ONSTACK;
}

static unsigned kernel_cpu_of_rseq(void)
{
	const struct rseq *area = (const struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	return __rseq_size > 0 ? *(volatile const unsigned *)&area->cpu_id : 0;
}

static void *work(void *argument)
{
	long me = (long)argument;
	static char alternate[THREADS][1 << 15];
	stack_t stack = { .ss_sp = alternate[me], .ss_size = sizeof alternate[me] }, stack_now;
	unsigned long gs = 0;
	void *head, *head_now;
	size_t size;
	tids[me] = gettid();
	tls_value = h_mix(me + 1);
	h_fill(tls_block, 2992, me + 100);
	tls_errno_like = (int)me;
	MUST(sigaltstack(&stack, NULL) == 0);
	MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456000ul + me) == 0);
	MUST(syscall(SYS_get_robust_list, 0, &head, &size) == 0);
	MUST(pthread_mutex_lock(&robust[me]) == 0);
	void *self = __builtin_thread_pointer();
	pthread_barrier_wait(&built);
	while (!go_on)
		syscall(SYS_futex, &go_on, FUTEX_WAIT, 0, NULL, NULL, 0);

	CHECK(self == __builtin_thread_pointer(), "thread %ld: FS base", me);
	CHECK(tls_value == h_mix(me + 1) && tls_errno_like == me && h_wrong_at(tls_block, 2992, me + 100) < 0, "thread %ld: TLS", me);
	CHECK(gettid() == tids[me], "thread %ld: tid was %d is %d", me, tids[me], gettid());
	CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs) == 0 && gs == 0x123456000ul + me, "thread %ld: GS base %#lx", me, gs);
	CHECK(syscall(SYS_get_robust_list, 0, &head_now, &size) == 0 && head == head_now && size == 24, "thread %ld: robust list", me);
	CHECK(sigaltstack(NULL, &stack_now) == 0 && stack_now.ss_sp == stack.ss_sp && stack_now.ss_size == stack.ss_size &&
		stack_now.ss_flags == 0, "thread %ld: sigaltstack", me);
	if (__rseq_size > 0) {
		/* The kernel writes the CPU's number here at each return to the thread: is the area still registered? */
		cpu_set_t all, one;
		sched_getaffinity(0, sizeof all, &all);
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &all))
				continue;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			MUST(sched_setaffinity(0, sizeof one, &one) == 0);
			CHECK(kernel_cpu_of_rseq() == (unsigned)cpu, "thread %ld: rseq says CPU %u on %d", me, kernel_cpu_of_rseq(), cpu);
		}
	}
	pthread_barrier_wait(&checked);
	return NULL;	/* with the mutex: the kernel marks it by the robust list, and clears the tid for pthread_join */
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pthread_mutexattr_t attributes;
	h_init(argc, argv);
	struct sigaction action = { .sa_sigaction = on_usr2, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigaction(SIGUSR2, &action, NULL);
	pthread_barrier_init(&built, NULL, THREADS + 1);
	pthread_barrier_init(&checked, NULL, THREADS + 1);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (long i = 0; i < THREADS; i++) {
		pthread_mutex_init(&robust[i], &attributes);
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	}
	pthread_barrier_wait(&built);
	h_ready();
	h_wait();
	go_on = 1;
	syscall(SYS_futex, &go_on, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	pthread_barrier_wait(&checked);
	for (int i = 0; i < THREADS; i++) {
		MUST(pthread_join(threads[i], NULL) == 0);
		int rc = pthread_mutex_lock(&robust[i]);
		CHECK(rc == EOWNERDEAD, "mutex %d: %s and not told that its owner died", i, strerror(rc));
	}
	/* The main thread's own, without an alternate stack until now. */
	static char alternate[1 << 15];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof alternate };
	MUST(sigaltstack(&stack, NULL) == 0 && raise(SIGUSR2) == 0);
	CHECK(on_alternate, "the handler does not run on the alternate stack");
	h_end();
}

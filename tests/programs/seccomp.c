/* Seccomp filters: one that kills and one for all threads, further ones of single threads; and whether all threads can still
 * be given another at once, which the kernel allows only while they share theirs. Argument: alike (all have the same). */
#include "harness.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define THREADS 3
#define REFUSED 71
static _Atomic int ready, go, checked, synchronised;

static long filter_call(int number, unsigned answer, unsigned flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static bool refused(long number) { return syscall(number, 0, 0, 0) == -1 && errno == REFUSED; }

/* own: whether this thread has the filter that only one has. */
static void check(int which, bool own)
{
	CHECK(refused(SYS_getppid), "thread %d: the common filter", which);
	CHECK(refused(SYS_getpgrp) == own, "thread %d: the filter of thread 1", which);
	CHECK(!refused(SYS_getuid), "thread %d: a call that no filter is about", which);
	checked++;
}

static void *thread(void *argument)
{
	long which = (long)argument;
	if (which == 1)
		MUST(filter_call(SYS_getpgrp, SECCOMP_RET_ERRNO | REFUSED, 0) == 0);
	ready++;
	while (!go)
		usleep(2000);
	check(which, which == 1);
	while (!synchronised)
		usleep(2000);
	if (synchronised == 2)
		CHECK(refused(SYS_getegid), "thread %ld: the filter given to all after", which);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	h_init(argc, argv);
	bool alike = argc > 2 && strcmp(argv[2], "alike") == 0;
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(filter_call(SYS_ptrace, SECCOMP_RET_KILL_PROCESS, 0) == 0);
	MUST(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | REFUSED, 0) == 0);
	for (long i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, thread, (void *)(alike ? i + 2 : i)) == 0);
	while (ready < THREADS)
		usleep(1000);
	h_ready();
	h_wait();
	go = 1;
	check(9, false);
	while (checked < THREADS + 1)
		usleep(2000);
	long result = filter_call(SYS_getegid, SECCOMP_RET_ERRNO | REFUSED, SECCOMP_FILTER_FLAG_TSYNC);
	CHECK((result == 0) == alike, "a filter for all threads: %ld", result);
	synchronised = alike ? 2 : 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2, "prctl's view");
	h_end();
}

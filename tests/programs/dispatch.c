/* Syscall user dispatch: calls are caught while the program says so, from outside of a range of its own. */
#include "harness.h"
#include <sys/prctl.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
static volatile char selector;
static volatile int caught;

static void on_sys(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	selector = 0;
	caught = info->si_syscall;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	h_init(argc, argv);
	MUST(sigaction(SIGSYS, &action, NULL) == 0);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector) != 0)
		h_skip("no syscall user dispatch here");
	h_ready();
	h_wait();
	selector = 1;
	syscall(SYS_getppid);
	CHECK(caught == SYS_getppid && selector == 0, "the call was not caught");
	h_end();
}

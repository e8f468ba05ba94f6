/* Children stopped by each of the stop signals; of some the parent has been told, of others not yet. Who goes on goes on right. */
#include "harness.h"
#include <sys/wait.h>

static const struct { int signal; bool told; } kinds[] = {
	{ SIGSTOP, false }, { SIGSTOP, true }, { SIGTSTP, false }, { SIGTSTP, true }, { SIGTTIN, true }, { SIGTTOU, false },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static volatile int child_signals;
static void on_child(int signo) { (void)signo; child_signals++; }

static pid_t make(int signal)
{
	pid_t pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		/* A group whose parent is in the same session and another group is not orphaned: there such stops count. */
		setpgid(0, 0);
		raise(signal);
		_exit(33);
	}
	setpgid(pid, pid);
	siginfo_t info;
	MUST(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0);
	return pid;
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	pid_t pids[KINDS];
	for (size_t i = 0; i < KINDS; i++) {
		pids[i] = make(kinds[i].signal);
		int status;
		if (kinds[i].told)
			MUST(waitpid(pids[i], &status, WUNTRACED) == pids[i] && WIFSTOPPED(status) && WSTOPSIG(status) == kinds[i].signal);
	}
	/* From here on the restore must not send a SIGCHLD that the program has had before. */
	struct sigaction action = { .sa_handler = on_child, .sa_flags = SA_RESTART };
	MUST(sigaction(SIGCHLD, &action, NULL) == 0);
	h_ready();
	h_wait();

	CHECK(child_signals == 0, "%d new SIGCHLD", child_signals);
	for (size_t i = 0; i < KINDS; i++) {
		int status = 0;
		pid_t got = waitpid(pids[i], &status, WUNTRACED | WNOHANG);
		if (kinds[i].told)
			CHECK(got == 0, "child %zu: its stop is told twice", i);
		else
			CHECK(got == pids[i] && WIFSTOPPED(status) && WSTOPSIG(status) == kinds[i].signal, "child %zu: %d, status %x", i, got, status);
		kill(pids[i], SIGCONT);
		CHECK(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 33, "child %zu ended with %x", i, status);
	}
	h_end();
}

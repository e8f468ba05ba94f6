/* killat N SIGNAL PID COMMAND...: runs a command and, right before its N-th system call (of all its threads), sends a signal to process
 * PID, or to the command itself where that is 0. With N 0 it sends none. Into the file named by $KILLAT_COUNT goes how many calls there
 * were. With $KILLAT_CALL only calls of that number count. A negative SIGNAL is none: that call is not made, and answers with that error.
 * Ends as the command does. So each call of a program can be tried, the same at every run; a random moment meets few of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static int dead(pid_t pid)
{
	char path[64], text[512];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 1;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	char *end = strrchr(text, ')');
	return !end || end[2] == 'Z' || end[2] == 'X';
}

/* A signal that kills has done so before the call is made; where it takes longer, the call is made while it does. */
static void hit(pid_t pid, int signal)
{
	kill(pid, signal);
	for (int look = 0; look < 50 && signal == SIGKILL && !dead(pid); look++)
		usleep(200);
}

static void report(long calls)
{
	const char *path = getenv("KILLAT_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;
	if (!f)
		return;
	fprintf(f, "%ld\n", calls);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 125;
	long at = atol(argv[1]), calls = 0;
	int signal = atoi(argv[2]), status, exit_status = 0;
	pid_t other = atoi(argv[3]), command = fork();
	if (command < 0)
		die("fork");
	if (command == 0) {
		raise(SIGSTOP);
		execv(argv[4], argv + 4);
		die(argv[4]);
	}
	if (waitpid(command, &status, WUNTRACED) != command
	    || ptrace(PTRACE_SEIZE, command, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL))
		die("ptrace");
	kill(command, SIGCONT);
	char *entered = calloc(1, 1 << 22);
	const char *only = getenv("KILLAT_CALL");
	pid_t failing = 0;
	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (!WIFSTOPPED(status)) {
			if (tid == command)
				exit_status = status;
			continue;
		}
		int how = 0, sig = WSTOPSIG(status), event = status >> 16;
		if (sig == (SIGTRAP | 0x80)) {
			struct user_regs_struct registers;
			entered[tid] = !entered[tid];
			if ((only || tid == failing) && ptrace(PTRACE_GETREGS, tid, 0, &registers) < 0)
				continue;
			if (!entered[tid] && tid == failing) {
				registers.rax = signal;
				ptrace(PTRACE_SETREGS, tid, 0, &registers);
				failing = 0;
			}
			if (entered[tid] && (!only || registers.orig_rax == strtoul(only, NULL, 10)) && ++calls == at) {
				if (signal > 0) {
					hit(other ? other : command, signal);
				} else if (ptrace(PTRACE_GETREGS, tid, 0, &registers) == 0) {
					registers.orig_rax = -1;
					ptrace(PTRACE_SETREGS, tid, 0, &registers);
					failing = tid;
				}
			}
		} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			continue;
		} else if (event == 0) {
			how = sig;
		}
		/* ESRCH: it is being killed. */
		ptrace(PTRACE_SYSCALL, tid, 0, (long)how);
	}
	report(calls);
	if (WIFSIGNALED(exit_status))
		return 128 + WTERMSIG(exit_status);
	return WEXITSTATUS(exit_status);
}

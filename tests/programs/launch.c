/* launch OUT CWD PROGRAM [ARGUMENT...]: starts a program in a session of its own, without a terminal, standard input
 * /dev/null, output and error the file OUT; prints its pid and ends, so that the program is an orphan and whoever adopts
 * orphans reaps it. Signals as a login shell would leave them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what, const char *which)
{
	fprintf(stderr, "launch: %s %s: %s\n", what, which, strerror(errno));
	_exit(71);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: launch OUT CWD PROGRAM [ARGUMENT...]\n");
		return 64;
	}
	int report[2];
	if (pipe2(report, O_CLOEXEC) != 0)
		die("pipe", "");
	pid_t child = fork();
	if (child < 0)
		die("fork", "");
	if (child > 0) {
		/* The pipe closes by the exec, or brings the errno of why there was none. */
		int failure = 0;
		close(report[1]);
		if (read(report[0], &failure, sizeof failure) == sizeof failure) {
			errno = failure;
			die("cannot start", argv[3]);
		}
		printf("%d\n", child);
		return 0;
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (setsid() < 0 || in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(argv[2]) != 0)
		goto failed;
	int keep = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
	if (keep != 3 && dup3(keep, 3, O_CLOEXEC) < 0)
		goto failed;
	report[1] = 3;
	close_range(4, ~0u, 0);
	execvp(argv[3], argv + 3);
failed:;
	int failure = errno;
	if (write(report[1], &failure, sizeof failure) != sizeof failure)
		_exit(72);
	_exit(71);
}

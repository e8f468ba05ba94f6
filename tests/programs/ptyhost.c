/* ptyhost SCREEN KEYS COMMAND [ARGUMENT...]: not under test by itself. A terminal for a command: what it shows goes to the file
 * SCREEN, what is appended to the file KEYS is typed. Ends with the command's exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 30, .ws_col = 90 };
	int master;
	if (argc < 4) {
		fprintf(stderr, "usage: ptyhost SCREEN KEYS COMMAND [ARGUMENT...]\n");
		return 64;
	}
	int screen = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int keys = open(argv[2], O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	pid_t child = screen < 0 || keys < 0 ? -1 : forkpty(&master, NULL, NULL, &size);
	if (child < 0) {
		perror("ptyhost");
		return 71;
	}
	if (child == 0) {
		setenv("TERM", "xterm", 1);
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	for (;;) {
		char data[4096];
		ssize_t typed = read(keys, data, sizeof data);
		if (typed > 0 && write(master, data, typed) != typed)
			return 72;
		struct pollfd p = { .fd = master, .events = POLLIN };
		if (poll(&p, 1, 20) != 1)
			continue;
		ssize_t shown = read(master, data, sizeof data);
		if (shown <= 0 && errno != EINTR)
			break;
		if (shown > 0 && write(screen, data, shown) != shown)
			return 73;
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 74;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* pipetree OUT [PROCESSES [PIPES]]: a tree whose processes stand in a ring, with as many pipes from each to the next as make
 * PIPES in all; the first process keeps both ends of all of them. A token goes round in each column of pipes and is counted at
 * every step: one that is lost, doubled or in the wrong pipe shows. */
#include "harness.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MOST_COLUMNS = 64, PAUSE_MS = 200 };

struct token { uint32_t hops; uint32_t column; };

static int count = 200, columns;
static int (*ends)[2];

static int *pipe_into(int place, int column) { return ends[place * columns + column]; }

static void give(int place, struct token token)
{
	if (write(pipe_into(place, token.column)[1], &token, sizeof token) != sizeof token)
		_exit(3);
}

/* Passes tokens on until one with the column's end mark comes; a wrong one ends the process, and so the ring. */
static int run(int place)
{
	int next = (place + 1) % count, over = 0;
	uint32_t expected[MOST_COLUMNS];
	struct pollfd polls[MOST_COLUMNS];
	for (int c = 0; c < columns; c++) {
		expected[c] = place;
		polls[c] = (struct pollfd){ .fd = pipe_into(place, c)[0], .events = POLLIN };
	}
	while (over < columns) {
		if (poll(polls, columns, -1) < 0) {
			/* Not for us: other tools end a poll by EINTR, and this program also measures those. */
			if (errno == EINTR)
				continue;
			return 4;
		}
		for (int c = 0; c < columns; c++) {
			struct token token;
			if (!(polls[c].revents & POLLIN))
				continue;
			if (read(polls[c].fd, &token, sizeof token) != sizeof token || token.column != (uint32_t)c)
				return 5;
			if (token.hops == UINT32_MAX) {
				over++;
				polls[c].fd = -1;
			} else if (token.hops != expected[c]) {
				return 6;
			} else {
				expected[c] += count;
				token.hops++;
			}
			if (next != 0 || token.hops != UINT32_MAX)
				give(next, token);
		}
	}
	return 0;
}

static void child(int place)
{
	int next = (place + 1) % count;
	for (int i = 0; i < count * columns; i++) {
		if (i / columns != place)
			close(ends[i][0]);
		if (i / columns != next)
			close(ends[i][1]);
	}
	_exit(run(place));
}

/* The first process: takes the tokens as they come round and, after a pause that leaves the machine to others, starts them again. */
static void lead(void)
{
	for (uint32_t round = 0;; round++) {
		for (int c = 0; c < columns; c++)
			give(1, (struct token){ round * count + 1, c });
		for (int c = 0; c < columns; c++) {
			struct token token;
			if (read(pipe_into(0, c)[0], &token, sizeof token) != sizeof token)
				_exit(7);
			CHECK(token.column == (uint32_t)c, "the token of column %u in column %d", token.column, c);
			CHECK(token.hops == (round + 1) * count, "column %d: %u hops instead of %u", c, token.hops, (round + 1) * count);
		}
		if (round == 0)
			h_ready();
		struct timespec pause = { 0, PAUSE_MS * 1000000 };
		sigset_t go;
		sigemptyset(&go);
		sigaddset(&go, SIGUSR1);
		if (sigtimedwait(&go, NULL, &pause) == SIGUSR1)
			return;
	}
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	if (argc > 2)
		count = atoi(argv[2]);
	int pipes = argc > 3 ? atoi(argv[3]) : 1000;
	columns = pipes / count;
	if (count < 2 || columns < 1 || columns > MOST_COLUMNS)
		return 64;
	struct rlimit files;
	MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
	files.rlim_cur = files.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &files) == 0);
	MUST(ends = calloc((size_t)count * columns, sizeof *ends));
	for (int i = 0; i < count * columns; i++)
		MUST(pipe(ends[i]) == 0);
	for (int place = 1; place < count; place++) {
		pid_t pid = fork();
		MUST(pid >= 0);
		if (pid == 0)
			child(place);
	}
	lead();
	for (int c = 0; c < columns; c++)
		give(1, (struct token){ UINT32_MAX, c });
	for (int place = 1; place < count; place++) {
		int status;
		pid_t pid = wait(&status);
		CHECK(pid > 0 && status == 0, "process %d ended with status %x", pid, status);
	}
	for (int i = columns; i < count * columns; i++) {
		struct pollfd empty = { .fd = ends[i][0], .events = POLLIN };
		CHECK(poll(&empty, 1, 0) == 0, "bytes are left in pipe %d", i);
	}
	h_end();
}

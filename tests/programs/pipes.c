/* Pipes and FIFOs: bytes on their way, packets, sizes, flags, ends in several processes, ends that are closed, FIFOs that
 * wait for their first writer, that have lost their last, and that are deleted. */
#include "harness.h"
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static uint8_t sent[300000], got[300000];

static int readable(int fd)
{
	int n = -1;
	return ioctl(fd, FIONREAD, &n) == 0 ? n : -1;
}

static short state(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* A reader in a child, which copies what comes until the end and answers with its sum. */
static void child(int in, int out, int unused)
{
	uint64_t sum = 0;
	uint8_t c;
	close(unused);
	while (read(in, &c, 1) == 1)
		sum = sum * 31 + c;
	_exit(write(out, &sum, sizeof sum) != sizeof sum);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	h_fill(sent, sizeof sent, 11);

	int plain[2], full[2], packets[2], noread[2], nowrite[2], reopened[2], to[2], from[2];
	MUST(pipe(plain) == 0 && write(plain[1], "abc", 3) == 3 && write(plain[1], "defg", 4) == 4);
	MUST(pipe2(full, O_NONBLOCK | O_CLOEXEC) == 0 && fcntl(full[1], F_SETPIPE_SZ, 1 << 18) == 1 << 18);
	MUST(write(full[1], sent, sizeof sent) == 1 << 18 && write(full[1], "x", 1) == -1 && errno == EAGAIN);
	MUST(pipe2(packets, O_DIRECT | O_NONBLOCK) == 0);
	MUST(write(packets[1], "one", 3) == 3 && write(packets[1], "2", 1) == 1 && write(packets[1], sent, 4096) == 4096 && write(packets[1], "four", 4) == 4);
	MUST(pipe2(noread, O_NONBLOCK) == 0 && write(noread[1], "lost", 4) == 4 && close(noread[0]) == 0);
	MUST(pipe(nowrite) == 0 && write(nowrite[1], "last words", 10) == 10 && close(nowrite[1]) == 0);
	MUST(pipe(reopened) == 0);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", reopened[0]);
	int both = open(path, O_RDWR | O_NONBLOCK);
	MUST(both >= 0 && write(both, "re", 2) == 2 && fchmod(both, 0640) == 0);
	int twin = dup(plain[0]);
	MUST(fcntl(twin, F_SETFD, FD_CLOEXEC) == 0);
	MUST(pipe(to) == 0 && pipe(from) == 0);
	pid_t reader = fork();
	MUST(reader >= 0);
	if (reader == 0)
		child(to[0], from[1], to[1]);
	close(to[0]);
	close(from[1]);
	MUST(write(to[1], sent, 1000) == 1000);

	int fresh, orphan, gone, pair;
	MUST(mkfifo(h_beside(".fresh"), 0600) == 0 && (fresh = open(h_beside(".fresh"), O_RDONLY | O_NONBLOCK)) >= 0);
	MUST(mkfifo(h_beside(".orphan"), 0600) == 0 && (orphan = open(h_beside(".orphan"), O_RDONLY | O_NONBLOCK)) >= 0);
	int writer = open(h_beside(".orphan"), O_WRONLY);
	MUST(writer >= 0 && write(writer, "left", 4) == 4 && close(writer) == 0);
	MUST(mkfifo(h_beside(".gone"), 0640) == 0 && (gone = open(h_beside(".gone"), O_RDWR)) >= 0 && write(gone, "deleted", 7) == 7);
	MUST(unlink(h_beside(".gone")) == 0);
	MUST(mkfifo(h_beside(".pair"), 0600) == 0 && (pair = open(h_beside(".pair"), O_RDONLY | O_NONBLOCK)) >= 0);
	int pairw = open(h_beside(".pair"), O_WRONLY | O_APPEND);
	MUST(pairw >= 0 && write(pairw, "fifo", 4) == 4 && fcntl(pair, F_SETFL, 0) == 0);
	int flags[] = { fcntl(plain[0], F_GETFL), fcntl(plain[1], F_GETFL), fcntl(full[1], F_GETFL), fcntl(packets[1], F_GETFL),
		fcntl(both, F_GETFL), fcntl(pair, F_GETFL), fcntl(pairw, F_GETFL), fcntl(gone, F_GETFL) };
	h_ready();
	h_wait();

	int now[] = { fcntl(plain[0], F_GETFL), fcntl(plain[1], F_GETFL), fcntl(full[1], F_GETFL), fcntl(packets[1], F_GETFL),
		fcntl(both, F_GETFL), fcntl(pair, F_GETFL), fcntl(pairw, F_GETFL), fcntl(gone, F_GETFL) };
	for (unsigned i = 0; i < sizeof now / sizeof *now; i++)
		CHECK(now[i] == flags[i], "flags %u were %#o are %#o", i, flags[i], now[i]);
	CHECK(fcntl(plain[0], F_GETFD) == 0 && fcntl(twin, F_GETFD) == FD_CLOEXEC && fcntl(full[0], F_GETFD) == FD_CLOEXEC, "close-on-exec");
	CHECK(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, plain[0], twin) == 0, "dup of an end");
	CHECK(readable(plain[0]) == 7 && read(twin, got, 100) == 7 && memcmp(got, "abcdefg", 7) == 0, "bytes of a pipe");
	CHECK(write(plain[1], "more", 4) == 4 && read(plain[0], got, 100) == 4, "a pipe goes on");
	CHECK(fcntl(full[0], F_GETPIPE_SZ) == 1 << 18 && write(full[1], "x", 1) == -1 && errno == EAGAIN, "size of a full pipe");
	int length = 0, n;
	while ((n = read(full[0], got + length, 7777)) > 0)
		length += n;
	CHECK(length == 1 << 18 && memcmp(got, sent, length) == 0, "bytes of a full pipe: %d", length);
	CHECK(read(packets[0], got, 5000) == 3 && memcmp(got, "one", 3) == 0, "packet 1");
	CHECK(read(packets[0], got, 5000) == 1 && got[0] == '2', "packet 2");
	CHECK(read(packets[0], got, 10) == 10 && memcmp(got, sent, 10) == 0, "packet 3, its rest thrown away");
	CHECK(read(packets[0], got, 5000) == 4 && read(packets[0], got, 1) == -1 && errno == EAGAIN, "packet 4");
	CHECK((state(noread[1], POLLOUT) & POLLERR) != 0, "an end without a reader");
	CHECK(read(nowrite[0], got, 100) == 10 && read(nowrite[0], got, 1) == 0 && state(nowrite[0], POLLIN) == POLLHUP, "an end without a writer");
	CHECK(read(reopened[0], got, 10) == 2 && read(both, got, 1) == -1 && errno == EAGAIN, "an end opened through /proc");
	struct stat st;
	CHECK(fstat(reopened[0], &st) == 0 && (st.st_mode & 07777) == 0640, "mode of a pipe");

	uint64_t sum = 0, answer = 0;
	for (int i = 0; i < 1000; i++)
		sum = sum * 31 + sent[i];
	CHECK(write(to[1], "end", 3) == 3 && close(to[1]) == 0, "to the child");
	for (int i = 0; i < 3; i++)
		sum = sum * 31 + "end"[i];
	CHECK(read(from[0], &answer, sizeof answer) == sizeof answer && answer == sum, "the child's sum");
	CHECK(read(from[0], got, 1) == 0, "the child's end");
	int status = -1;
	CHECK(waitpid(reader, &status, 0) == reader && status == 0, "the child");

	CHECK(state(fresh, POLLIN) == 0, "FIFO that waits for a writer: %#x", state(fresh, POLLIN));
	writer = open(h_beside(".fresh"), O_WRONLY | O_NONBLOCK);
	CHECK(writer >= 0 && write(writer, "new", 3) == 3 && close(writer) == 0 && read(fresh, got, 10) == 3, "FIFO gets a writer");
	CHECK(state(fresh, POLLIN) == POLLHUP, "FIFO has lost it again");
	CHECK((state(orphan, POLLIN) & POLLHUP) != 0 && read(orphan, got, 10) == 4 && memcmp(got, "left", 4) == 0, "FIFO without a writer");
	CHECK(read(gone, got, 10) == 7 && memcmp(got, "deleted", 7) == 0, "deleted FIFO");
	CHECK(fstat(gone, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 07777) == (0640 & ~022), "deleted FIFO: mode %o", st.st_mode);
	CHECK(access(h_beside(".gone"), F_OK) == -1, "deleted FIFO is back");
	CHECK(read(pair, got, 10) == 4 && memcmp(got, "fifo", 4) == 0, "FIFO with both ends");
	CHECK(close(pairw) == 0 && read(pair, got, 1) == 0, "FIFO's end");
	unlink(h_beside(".fresh"));
	unlink(h_beside(".orphan"));
	unlink(h_beside(".pair"));
	h_end();
}

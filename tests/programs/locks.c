/* Record locks, flock, locks of open files and leases; each is proved by the refusal that another gets. */
#include "harness.h"
#include <sys/file.h>
#include <sys/wait.h>

static char path_of[PATH_MAX];

static int file(const char *suffix, int flags)
{
	snprintf(path_of, sizeof path_of, "%.4000s%s", h_out, suffix);
	int fd = open(path_of, flags | O_CREAT, 0644);
	MUST(fd >= 0);
	return fd;
}

static int record(int fd, int command, short type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	int result = fcntl(fd, command, &lock);
	return command == F_GETLK || command == F_OFD_GETLK ? (result == 0 ? lock.l_type : -1) : result;
}

/* In a child: it is another process, with open files of its own. */
static int elsewhere(const char *suffix, int (*ask)(int fd, long a, long b), long a, long b)
{
	pid_t child = fork();
	if (child == 0)
		_exit(ask(file(suffix, O_RDWR), a, b));
	int status = -1;
	MUST(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int ask_record(int fd, long start, long type) { return record(fd, F_GETLK, type, start, 1); }
static int ask_flock(int fd, long operation, long unused) { (void)unused; return flock(fd, operation | LOCK_NB) == 0; }

int main(int argc, char **argv)
{
	h_init(argc, argv);
	int posix = file(".posix", O_RDWR);
	MUST(record(posix, F_SETLK, F_WRLCK, 10, 10) == 0 && record(posix, F_SETLK, F_RDLCK, 100, 0) == 0);
	MUST(record(posix, F_SETLK, F_WRLCK, 15, 1) == 0 && record(posix, F_SETLK, F_UNLCK, 12, 1) == 0);
	int ofd = file(".ofd", O_RDWR), ofd_other = file(".ofd", O_RDWR);
	MUST(record(ofd, F_OFD_SETLK, F_WRLCK, 0, 5) == 0 && record(ofd_other, F_OFD_SETLK, F_RDLCK, 50, 5) == 0);
	int exclusive = file(".flock-ex", O_RDONLY), common = file(".flock-sh", O_RDWR);
	MUST(flock(exclusive, LOCK_EX) == 0 && flock(common, LOCK_SH) == 0);
	int twin = dup(exclusive);
	int reading = file(".lease-read", O_RDWR);
	close(reading);
	reading = open(path_of, O_RDONLY);
	MUST(fcntl(reading, F_SETLEASE, F_RDLCK) == 0 && fcntl(reading, F_SETSIG, SIGRTMIN + 3) == 0);
	int writing = file(".lease-write", O_RDWR);
	MUST(fcntl(writing, F_SETLEASE, F_WRLCK) == 0);
	h_ready();
	h_wait();

	CHECK(elsewhere(".posix", ask_record, 10, F_RDLCK) == F_WRLCK, "write lock");
	CHECK(elsewhere(".posix", ask_record, 9, F_WRLCK) == F_UNLCK && elsewhere(".posix", ask_record, 20, F_WRLCK) == F_UNLCK, "bounds of the write lock");
	CHECK(elsewhere(".posix", ask_record, 12, F_WRLCK) == F_UNLCK, "the gap in the write lock");
	CHECK(elsewhere(".posix", ask_record, 1000000, F_WRLCK) == F_RDLCK && elsewhere(".posix", ask_record, 100, F_RDLCK) == F_UNLCK, "read lock to the end");
	struct flock owner = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 1 };
	int ask = file(".posix", O_RDWR);
	CHECK(fcntl(ask, F_OFD_GETLK, &owner) == 0 && owner.l_type == F_WRLCK && owner.l_pid == getpid(), "owner of the write lock: %d", owner.l_pid);
	CHECK(record(ofd_other, F_OFD_GETLK, F_RDLCK, 0, 1) == F_WRLCK && record(ofd_other, F_OFD_GETLK, F_RDLCK, 5, 1) == F_UNLCK, "lock of an open file");
	CHECK(record(ofd, F_OFD_GETLK, F_WRLCK, 50, 1) == F_RDLCK && record(ofd, F_OFD_GETLK, F_RDLCK, 0, 1) == F_UNLCK, "lock of the other open file");
	CHECK(!elsewhere(".flock-ex", ask_flock, LOCK_SH, 0), "exclusive flock");
	CHECK(elsewhere(".flock-sh", ask_flock, LOCK_SH, 0) && !elsewhere(".flock-sh", ask_flock, LOCK_EX, 0), "shared flock");
	CHECK(flock(twin, LOCK_UN) == 0 && elsewhere(".flock-ex", ask_flock, LOCK_EX, 0), "unlocked by the twin");
	CHECK(fcntl(reading, F_GETLEASE) == F_RDLCK && fcntl(writing, F_GETLEASE) == F_WRLCK, "leases: %d %d", fcntl(reading, F_GETLEASE), fcntl(writing, F_GETLEASE));
	CHECK(fcntl(reading, F_GETSIG) == SIGRTMIN + 3 && fcntl(reading, F_GETOWN) == getpid(), "signal and owner of the lease: %d", fcntl(reading, F_GETOWN));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigaddset(&set, SIGIO);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	char name[PATH_MAX];
	snprintf(name, sizeof name, "%.4000s.lease-read", h_out);
	CHECK(open(name, O_WRONLY | O_NONBLOCK) == -1 && errno == EWOULDBLOCK, "an open against the lease");
	siginfo_t info;
	struct timespec second = { 10, 0 };
	CHECK(sigtimedwait(&set, &info, &second) == SIGRTMIN + 3 && info.si_fd == reading, "the signal of the breaking lease");
	fcntl(reading, F_SETLEASE, F_UNLCK);
	fcntl(writing, F_SETLEASE, F_UNLCK);
	h_end();
}

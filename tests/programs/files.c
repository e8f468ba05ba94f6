/* Descriptors of regular files, directories, the plain devices, and standard input and output. */
#include "harness.h"
#include <dirent.h>

#ifndef KCMP_FILE
enum { KCMP_FILE };
#endif

static struct held { int fd; int flags, fdflags; off_t offset; char path[PATH_MAX + 64]; ino_t inode; } all[64];
static int count;

static int hold(int fd)
{
	MUST(fd >= 0 && count < 64);
	all[count++].fd = fd;
	return fd;
}

static void look(struct held *at)
{
	char name[64];
	struct stat stat;
	snprintf(name, sizeof name, "/proc/self/fd/%d", at->fd);
	ssize_t length = readlink(name, at->path, sizeof at->path - 1);
	at->path[length > 0 ? length : 0] = 0;
	at->flags = fcntl(at->fd, F_GETFL);
	at->fdflags = fcntl(at->fd, F_GETFD);
	at->offset = lseek(at->fd, 0, SEEK_CUR);
	at->inode = fstat(at->fd, &stat) == 0 ? stat.st_ino : 0;
}

static bool same_file(int a, int b) { return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0; }

static int make(const char *suffix, int flags)
{
	return hold(open(h_beside(suffix), flags | O_CREAT, 0640));
}

int main(int argc, char **argv)
{
	char text[100] = "";
	h_init(argc, argv);
	MUST(mkdir(h_beside(".dir"), 0755) == 0 || errno == EEXIST);
	int log = make(".log", O_WRONLY | O_TRUNC);
	MUST(write(log, "0123456789", 10) == 10);
	int append = make(".append", O_WRONLY | O_APPEND | O_TRUNC | O_CLOEXEC);
	MUST(write(append, "abc", 3) == 3);
	int reader = hold(open(h_beside(".log"), O_RDONLY));
	MUST(lseek(reader, 4, SEEK_SET) == 4);
	int twin = hold(dup(reader));			/* one offset for both */
	int far = hold(fcntl(reader, F_DUPFD_CLOEXEC, 600));	/* a high number, same file, other flag */
	int other = hold(open(h_beside(".log"), O_RDWR | O_NONBLOCK | O_NOATIME));	/* an offset of its own */
	MUST(lseek(other, 7, SEEK_SET) == 7);
	int big = make(".big", O_RDWR | O_TRUNC | O_SYNC);
	MUST(lseek(big, 5ll << 30, SEEK_SET) == 5ll << 30 && write(big, "end", 3) == 3);
	int odd = make(" odd\nname\\040 \xc3\xbc (deleted)", O_RDWR | O_TRUNC);
	MUST(write(odd, "odd", 3) == 3);
	int folder = hold(open(h_beside(".dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int null = hold(open("/dev/null", O_RDWR)), zero = hold(open("/dev/zero", O_RDONLY)), full = hold(open("/dev/full", O_WRONLY));
	int random = hold(open("/dev/urandom", O_RDONLY | O_CLOEXEC));
	hold(open("/dev/random", O_RDONLY | O_NONBLOCK));
	int again = hold(dup2(null, 333));
	for (int fd = 0; fd < 3; fd++)
		hold(fd);
	MUST(fcntl(log, F_SETFL, O_NONBLOCK) == 0);
	struct held before[64];
	for (int i = 0; i < count; i++)
		look(&all[i]);
	memcpy(before, all, sizeof before);
	h_ready();
	h_wait();

	for (int i = 0; i < count; i++) {
		look(&all[i]);
		CHECK(strcmp(all[i].path, before[i].path) == 0, "fd %d: path was %.60s is %.60s", all[i].fd, before[i].path, all[i].path);
		CHECK(all[i].flags == before[i].flags, "fd %d: flags were %#o are %#o", all[i].fd, before[i].flags, all[i].flags);
		CHECK(all[i].fdflags == before[i].fdflags, "fd %d: close-on-exec", all[i].fd);
		CHECK(all[i].offset == before[i].offset, "fd %d: offset was %ld is %ld", all[i].fd, before[i].offset, all[i].offset);
		CHECK(all[i].inode == before[i].inode, "fd %d: another file", all[i].fd);
	}
	CHECK(same_file(reader, twin) && same_file(reader, far) && !same_file(reader, other), "dup of a file");
	CHECK(same_file(null, again) && !same_file(null, zero), "dup of a device");
	CHECK(same_file(0, 1) == false && same_file(1, 2), "standard output and error");
	CHECK(read(twin, text, 3) == 3 && memcmp(text, "456", 3) == 0 && lseek(far, 0, SEEK_CUR) == 7, "shared offset");
	CHECK(read(other, text, 2) == 2 && memcmp(text, "78", 2) == 0, "offset of its own");
	CHECK(write(log, "XY", 2) == 2 && pread(other, text, 12, 0) == 12 && memcmp(text, "0123456789XY", 12) == 0, "log goes on");
	int helper = open(h_beside(".append"), O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(write(helper, "def", 3) == 3 && write(append, "ghi", 3) == 3 && close(helper) == 0, "append");
	helper = open(h_beside(".append"), O_RDONLY | O_CLOEXEC);
	CHECK(read(helper, text, 20) == 9 && memcmp(text, "abcdefghi", 9) == 0, "append: [%.9s]", text);
	close(helper);
	CHECK(pread(big, text, 3, 5ll << 30) == 3 && memcmp(text, "end", 3) == 0, "big file");
	CHECK(pread(odd, text, 3, 0) == 3 && memcmp(text, "odd", 3) == 0, "file of odd name");
	CHECK(faccessat(folder, ".", R_OK, 0) == 0, "folder");
	CHECK(read(zero, text, 10) == 10 && text[9] == 0, "/dev/zero");
	CHECK(write(full, "x", 1) == -1 && errno == ENOSPC, "/dev/full");
	CHECK(read(random, text, 10) == 10, "/dev/urandom");
	CHECK(write(null, "x", 1) == 1, "/dev/null");
	for (int fd = 3; fd < 700; fd++) {
		bool known = false;
		for (int i = 0; i < count; i++)
			known |= all[i].fd == fd;
		CHECK(known || fcntl(fd, F_GETFD) == -1, "fd %d has come from nowhere", fd);
	}
	h_end();
}

/* Descriptors that hold a place or show the kernel: O_PATH of anything, folders read half-way, files of /proc, flags. */
#include "harness.h"
#include <sys/wait.h>
#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HELD 20
static struct { const char *what; int fd, flags; char link[PATH_MAX]; struct stat stat; } held[HELD];
static int count;
static char path_of[PATH_MAX];

static const char *beside(const char *suffix)
{
	snprintf(path_of, sizeof path_of, "%.4000s%s", h_out, suffix);
	return path_of;
}

static const char *link_of(int fd)
{
	static char target[PATH_MAX];
	char name[40];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(name, target, sizeof target - 1);
	target[length > 0 ? length : 0] = 0;
	return target;
}

static int hold(const char *what, int fd)
{
	MUST(fd >= 0);
	held[count].what = what;
	held[count].fd = fd;
	held[count].flags = fcntl(fd, F_GETFL);
	MUST(fstat(fd, &held[count].stat) == 0);
	snprintf(held[count++].link, PATH_MAX, "%s", link_of(fd));
	return fd;
}

int main(int argc, char **argv)
{
	char text[4096] = "", names[300][20];
	h_init(argc, argv);
	(void)!unlink(beside(".symlink"));
	MUST(symlink("nowhere at all", path_of) == 0);
	int symlink_fd = hold("symbolic link", open(path_of, O_PATH | O_NOFOLLOW));
	(void)!unlink(beside(".socket"));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%.4000s.dir", h_out);
	MUST(mkdir(folder, 0755) == 0 || errno == EEXIST);
	MUST(mknod(beside(".socket"), S_IFSOCK | 0600, 0) == 0);
	(void)address;
	hold("socket", open(path_of, O_PATH));
	(void)!unlink(beside(".fifo"));
	MUST(mkfifo(path_of, 0600) == 0);
	hold("FIFO", open(path_of, O_PATH | O_CLOEXEC));
	hold("device", open("/dev/null", O_PATH));
	int root = hold("folder", open(folder, O_PATH | O_DIRECTORY));
	int plain = open(beside(".plain"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	MUST(plain >= 0 && write(plain, "plain", 5) == 5 && close(plain) == 0);
	int file = hold("file", open(path_of, O_PATH));
	int direct = open(beside(".direct"), O_RDWR | O_CREAT | O_DIRECT, 0644);
	if (direct >= 0)
		hold("direct", direct);
	hold("flags", open(beside(".flags"), O_RDWR | O_CREAT | O_DSYNC | O_NOATIME | O_NONBLOCK, 0644));
	for (int i = 0; i < 300; i++) {
		snprintf(path_of, sizeof path_of, "%.4000s/entry-%d", folder, i);
		int fd = open(path_of, O_WRONLY | O_CREAT, 0600);
		MUST(fd >= 0 && close(fd) == 0);
	}
	int reading = hold("folder read half-way", open(folder, O_RDONLY | O_DIRECTORY));
	/* The rest is read twice: once to know it, once after. */
	MUST(syscall(SYS_getdents64, reading, text, 1000) > 0);
	off_t half = lseek(reading, 0, SEEK_CUR);
	int rest = 0;
	for (long n; (n = syscall(SYS_getdents64, reading, text, sizeof text)) > 0;)
		for (long at = 0; at < n; at += *(unsigned short *)(text + at + 16))
			snprintf(names[rest++], 20, "%s", text + at + 19);
	MUST(lseek(reading, half, SEEK_SET) == half);

	int status = hold("own status", open("/proc/self/status", O_RDONLY));
	MUST(read(status, text, 6) == 6);
	int maps = hold("own maps", open("/proc/self/maps", O_RDONLY));
	int task = hold("own folder", open("/proc/self/task", O_RDONLY | O_DIRECTORY));
	int version = hold("version", open("/proc/version", O_RDONLY));
	MUST(read(version, text, 6) == 6);
	hold("setting", open("/proc/sys/kernel/pid_max", O_RDONLY));
	/* The working folder is one of /proc whose process is gone. */
	char was[64] = "", is[64] = "";
	pid_t passing = fork();
	MUST(passing >= 0);
	if (passing == 0) {
		pause();
		_exit(0);
	}
	snprintf(path_of, sizeof path_of, "/proc/%d", passing);
	MUST(chdir(path_of) == 0 && kill(passing, SIGKILL) == 0 && waitpid(passing, NULL, 0) == passing);
	MUST(readlink("/proc/self/cwd", was, sizeof was - 1) > 0);
	h_ready();
	h_wait();

	for (int i = 0; i < count; i++) {
		struct stat now;
		CHECK(fcntl(held[i].fd, F_GETFL) == held[i].flags, "%s: flags %#o, were %#o", held[i].what, fcntl(held[i].fd, F_GETFL), held[i].flags);
		CHECK(strcmp(link_of(held[i].fd), held[i].link) == 0, "%s: %.100s, was %.100s", held[i].what, link_of(held[i].fd), held[i].link);
		CHECK(fstat(held[i].fd, &now) == 0 && now.st_mode == held[i].stat.st_mode, "%s: mode", held[i].what);
	}
	CHECK(readlinkat(symlink_fd, "", text, sizeof text) == 14 && memcmp(text, "nowhere at all", 14) == 0, "target of the symbolic link");
	CHECK(faccessat(root, "entry-7", F_OK, 0) == 0, "O_PATH folder");
	CHECK(read(file, text, 1) == -1 && errno == EBADF, "O_PATH file can be read");
	int after = 0;
	for (long n; (n = syscall(SYS_getdents64, reading, text, sizeof text)) > 0;)
		for (long at = 0; at < n; at += *(unsigned short *)(text + at + 16), after++)
			CHECK(after >= rest || strcmp(names[after], text + at + 19) == 0, "entry %d is %s", after, text + at + 19);
	CHECK(after == rest, "%d entries were left, %d came", rest, after);
	char own[40];
	int length = snprintf(own, sizeof own, "Pid:\t%d\n", getpid());
	long n = read(status, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK(memcmp(text, "places\n", 7) == 0 || text[0] == 'p' || text[0] == '\t', "status goes on with [%.20s]", text);
	CHECK(strstr(text, own) != NULL && length > 0, "own status is another's");
	n = read(maps, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK(strstr(text, "places") != NULL, "own maps: [%.60s]", text);
	snprintf(own, sizeof own, "%d", getpid());
	CHECK(faccessat(task, own, F_OK, 0) == 0, "own tasks");
	CHECK(read(version, text, 7) == 7 && memcmp(text, "version", 7) == 0, "version goes on with [%.7s]", text);
	CHECK(readlink("/proc/self/cwd", is, sizeof is - 1) > 0 && strcmp(was, is) == 0, "working folder %s was %s", is, was);
	CHECK(!getcwd(text, sizeof text) && errno == ENOENT, "getcwd in a folder that is gone: %s", text);
	h_end();
}

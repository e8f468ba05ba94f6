/* No program to be saved: a user without rights who, while procmigrate works for another, tries to get hold of what is not his.
 *
 * memory PID: opens the memory of PID as soon as the kernel lets it, and tells of threads in it that may more than the user at that moment.
 * descriptors PID: takes descriptors of every process but PID and itself.
 *
 * It prints WATCHING when it is about to begin, and what it got hold of; it ends when memory was opened and all was well, or when killed. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS = 128, THREADS = 4096 };

/* Whether a thread is root, or has a capability. */
static int is_mighty(int pid, int tid)
{
	char path[64], text[4096];
	snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	char *uid = strstr(text, "\nUid:\t"), *caps = strstr(text, "\nCapPrm:\t");
	return uid && caps && (atoi(uid + 6) == 0 || strtoull(caps + 9, NULL, 16) != 0);
}

/* The last first: they are changed last. */
static int mighty_thread(int pid)
{
	static int tids[THREADS];
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *folder = opendir(path);
	int count = 0;
	for (struct dirent *e; folder && count < THREADS && (e = readdir(folder));) {
		if (atoi(e->d_name) > 0)
			tids[count++] = atoi(e->d_name);
	}
	if (folder)
		closedir(folder);
	while (count-- > 0) {
		if (is_mighty(pid, tids[count]))
			return tids[count];
	}
	return 0;
}

static int watch_memory(int pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	int fd;
	while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		;
	int tid = mighty_thread(pid);
	printf(tid ? "OPENED while thread %d may more\n" : "OPENED when all was done\n", tid);
	return 0;
}

static void take(int pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	for (int i = 0; process >= 0 && i < DESCRIPTORS; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, process, i, 0);
		if (fd < 0)
			continue;
		char path[64], link[256];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, link, sizeof link - 1);
		link[n > 0 ? n : 0] = 0;
		printf("TOOK descriptor %d of process %d: %s\n", i, pid, link);
		close(fd);
	}
	if (process >= 0)
		close(process);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	int pid = atoi(argv[2]);
	puts("WATCHING");
	if (strcmp(argv[1], "memory") == 0)
		return watch_memory(pid);
	for (;;) {
		DIR *folder = opendir("/proc");
		for (struct dirent *e; folder && (e = readdir(folder));) {
			int other = atoi(e->d_name);
			if (other > 1 && other != pid && other != getpid())
				take(other);
		}
		if (folder)
			closedir(folder);
	}
}

/* Namespaces made inside the tree: one child with a host name of its own, shared with its child; one with clocks of its own; one
 * with an empty ipc namespace. */
#include "harness.h"
#include <sys/utsname.h>
#include <sys/wait.h>

static struct shared { _Atomic int made, go, told; char line[500]; int64_t ahead; } *shared;

static void tell(const char *text)
{
	/* One after another: the parent waits for each. */
	strncat(shared->line, text, sizeof shared->line - strlen(shared->line) - 1);
}

static void await(_Atomic int *counter, int value)
{
	while (*counter < value)
		usleep(2000);
}

static void uts_child(int turn)
{
	struct utsname name;
	MUST(unshare(CLONE_NEWUTS) == 0 && sethostname("inside", 6) == 0 && setdomainname("tree", 4) == 0);
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0) {
		await(&shared->go, turn);
		_exit(uname(&name) != 0 || strcmp(name.nodename, "changed") != 0);
	}
	shared->made++;
	await(&shared->go, turn - 1);
	if (uname(&name) != 0 || strcmp(name.nodename, "inside") != 0 || strcmp(name.domainname, "tree") != 0)
		tell("host or domain name; ");
	if (sethostname("changed", 7) != 0)
		tell("sethostname; ");
	shared->go = turn;
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		tell("the grandchild has another host name; ");
	shared->told++;
	_exit(0);
}

static void time_child(int turn)
{
	MUST(unshare(CLONE_NEWTIME) == 0);
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	MUST(fd >= 0 && dprintf(fd, "monotonic 864000 0\nboottime 864000 0\n") > 0);
	close(fd);
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0) {
		shared->made++;
		await(&shared->go, turn);
		shared->ahead = h_now_ns(CLOCK_MONOTONIC);
		shared->told++;
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	_exit(0);
}

static void ipc_child(int turn)
{
	char was[64] = "", now[64] = "", parents[64] = "", path[40];
	MUST(unshare(CLONE_NEWIPC) == 0 && readlink("/proc/self/ns/ipc", was, 63) > 0);
	shared->made++;
	await(&shared->go, turn);
	snprintf(path, sizeof path, "/proc/%d/ns/ipc", getppid());
	if (readlink("/proc/self/ns/ipc", now, 63) <= 0 || readlink(path, parents, 63) <= 0 || strcmp(now, parents) == 0)
		tell("the ipc namespace is its parent's; ");
	shared->told++;
	_exit(0);
}

int main(int argc, char **argv)
{
	struct utsname before, after;
	h_init(argc, argv);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED && uname(&before) == 0);
	void (*children[])(int) = { uts_child, time_child, ipc_child };
	static const int turns[] = { 2, 3, 4 };
	for (int i = 0; i < 3; i++) {
		pid_t child = fork();
		MUST(child >= 0);
		if (child == 0)
			children[i](turns[i]);
	}
	await(&shared->made, 3);
	h_ready();
	h_wait();
	shared->go = 1;
	await(&shared->told, 1);
	shared->go = 3;
	await(&shared->told, 2);
	int64_t days = (shared->ahead - h_now_ns(CLOCK_MONOTONIC) + 43200000000000ll) / 86400000000000ll;
	CHECK(days == 10, "the clock inside is %d days ahead, not 10", (int)days);
	shared->go = 4;
	await(&shared->told, 3);
	CHECK(shared->line[0] == 0, "%s", shared->line);
	CHECK(uname(&after) == 0 && strcmp(before.nodename, after.nodename) == 0, "our host name is %s", after.nodename);
	h_end();
}

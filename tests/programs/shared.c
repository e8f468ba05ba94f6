/*
 * Processes that share tables: children made by clone(2) with CLONE_FILES, CLONE_FS, CLONE_VM, CLONE_SIGHAND and
 * CLONE_SYSVSEM. What one does, the other sees; kcmp(2) says which tables are one.
 */
#include "harness.h"
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#define STACK (64 * 1024)
#define LATE_FD 200

/* What a child is made with, and a step of its own by which it shows what it shares. */
static const struct { const char *name; int flags; } kinds[] = {
	{ "nothing", 0 },
	{ "descriptors", CLONE_FILES },
	{ "folders", CLONE_FS },
	{ "semaphore undo", CLONE_SYSVSEM },
	{ "memory", CLONE_VM },
	{ "memory and signal actions", CLONE_VM | CLONE_SIGHAND },
	{ "all", CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_SYSVSEM },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static const struct { int type, flag; const char *name; } tables[] = {
	{ KCMP_VM, CLONE_VM, "memory" }, { KCMP_FILES, CLONE_FILES, "descriptors" }, { KCMP_FS, CLONE_FS, "folders" },
	{ KCMP_SIGHAND, CLONE_SIGHAND, "signal actions" }, { KCMP_SYSVSEM, CLONE_SYSVSEM, "semaphore undo" },
};

static struct { int go[KINDS], done[KINDS]; } *events;
static int *mark;
static volatile int written_by[KINDS];
static pid_t children[KINDS], grandchild;

static void on_signal(int signo) { (void)signo; }

static void give(int event) { uint64_t one = 1; if (write(event, &one, sizeof one) != sizeof one) _exit(71); }
static void take(int event) { uint64_t count; while (read(event, &count, sizeof count) != sizeof count) if (errno != EINTR) _exit(72); }

/* Nothing of libc that keeps state here: with CLONE_VM it is the parent's. */
static int child(void *argument)
{
	long me = (long)argument;
	take(events->go[me]);
	written_by[me] = 1000 + (int)me;
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGRTMIN + (int)me, &action, NULL);
	umask(0100 + (int)me);
	if (dup2(events->done[me], LATE_FD + (int)me) < 0)
		_exit(73);
	give(events->done[me]);
	take(events->go[me]);
	_exit(20 + (int)me);
}

/* A child that shares descriptors and has a child that shares them too: three in one table. */
static int with_child(void *argument)
{
	static char stack[STACK];
	mark[0] = clone(child, stack + STACK, CLONE_FILES | SIGCHLD, argument);
	return child(argument);
}

static void check_tables(const char *name, pid_t one, pid_t other, int flags)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		/* A process without a list of semaphore operations is like any other without one. */
		if (tables[t].type == KCMP_SYSVSEM && !(flags & CLONE_SYSVSEM))
			continue;
		long result = syscall(SYS_kcmp, one, other, tables[t].type, 0, 0);
		CHECK(result >= 0 && (result == 0) == ((flags & tables[t].flag) != 0), "child with %s: %s: kcmp %ld", name, tables[t].name, result);
	}
}

static void check_child(long me)
{
	const char *name = kinds[me].name;
	int flags = kinds[me].flags;
	umask(0022);
	check_tables(name, getpid(), children[me], flags);
	give(events->go[me]);
	take(events->done[me]);
	CHECK(written_by[me] == (flags & CLONE_VM ? 1000 + me : 0), "child with %s: memory", name);
	struct sigaction action;
	CHECK(sigaction(SIGRTMIN + (int)me, NULL, &action) == 0, "sigaction");
	CHECK((action.sa_handler == on_signal) == ((flags & CLONE_SIGHAND) != 0), "child with %s: signal actions", name);
	int mode = (int)umask(0022);
	CHECK(mode == (flags & CLONE_FS ? 0100 + me : 0022), "child with %s: umask %o", name, mode);
	CHECK((fcntl(LATE_FD + (int)me, F_GETFD) >= 0) == ((flags & CLONE_FILES) != 0), "child with %s: descriptors", name);
	give(events->go[me]);
	int status = 0;
	CHECK(waitpid(children[me], &status, __WALL) == children[me], "waitpid: %s", strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 20 + me, "child with %s ended with %x", name, status);
}

/* To its end: it waits for the same event as its parent, and may still take one when it has been killed. */
static void end(pid_t pid)
{
	struct pollfd process = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	CHECK(process.fd >= 0 && kill(pid, SIGKILL) == 0 && poll(&process, 1, -1) == 1, "the end of %d: %s", pid, strerror(errno));
	close(process.fd);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	events = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mark = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(events != MAP_FAILED && mark != MAP_FAILED);
	for (size_t i = 0; i < KINDS; i++)
		MUST((events->go[i] = eventfd(0, EFD_SEMAPHORE)) >= 0 && (events->done[i] = eventfd(0, EFD_SEMAPHORE)) >= 0);
	for (size_t i = 0; i < KINDS; i++) {
		char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		MUST(stack != MAP_FAILED);
		bool third = kinds[i].flags == CLONE_FILES;
		children[i] = clone(third ? with_child : child, stack + STACK, kinds[i].flags | SIGCHLD, (void *)(long)i);
		MUST(children[i] > 0);
		while (third && mark[0] == 0)
			usleep(1000);
	}
	grandchild = mark[0];
	MUST(grandchild > 0);
	h_ready();
	h_wait();

	check_tables("descriptors, its child", getpid(), grandchild, CLONE_FILES);
	end(grandchild);
	for (long i = 0; i < (long)KINDS; i++)
		check_child(i);
	h_end();
}

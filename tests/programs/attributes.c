/* What the kernel keeps about a process and its threads besides memory, signals and descriptors. */
#include "harness.h"
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#ifndef MEMBARRIER_CMD_GET_REGISTRATIONS
#define MEMBARRIER_CMD_GET_REGISTRATIONS (1 << 9)
#endif
enum { REGISTER_GLOBAL = 1 << 2, PRIVATE = 1 << 3, REGISTER_PRIVATE = 1 << 4, REGISTER_SYNC_CORE = 1 << 6, REGISTER_RSEQ = 1 << 8 };
enum { THREADS = 4 };

extern char **environ;
static struct scheduling { int policy, priority, nice, ioprio; unsigned long slack; cpu_set_t cpus; char name[16]; } before[THREADS],
	after[THREADS];
static struct rlimit limits_before[RLIM_NLIMITS], limits_after[RLIM_NLIMITS];
static pthread_barrier_t built, checked;
static volatile int go_on;

static void read_scheduling(struct scheduling *into)
{
	struct sched_param parameter;
	into->policy = sched_getscheduler(0);
	sched_getparam(0, &parameter);
	into->priority = parameter.sched_priority;
	into->nice = getpriority(PRIO_PROCESS, gettid());
	into->ioprio = syscall(SYS_ioprio_get, 1, 0);
	into->slack = prctl(PR_GET_TIMERSLACK);
	CPU_ZERO(&into->cpus);
	sched_getaffinity(0, sizeof into->cpus, &into->cpus);
	prctl(PR_GET_NAME, into->name);
}

static void *work(void *argument)
{
	long me = (long)argument;
	struct sched_param realtime = { .sched_priority = 3 }, none = { .sched_priority = 0 };
	bool root = geteuid() == 0;
	char name[16];
	cpu_set_t cpus, one;
	snprintf(name, sizeof name, "odd)na\\me (%ld", me);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_TIMERSLACK, 70000 + me);
	sched_getaffinity(0, sizeof cpus, &cpus);
	for (int cpu = 0, left = (int)me; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && left-- == 0) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			MUST(sched_setaffinity(0, sizeof one, &one) == 0);
		}
	MUST(setpriority(PRIO_PROCESS, gettid(), (int)(5 + me)) == 0);
	MUST(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | (int)(me + 1)) == 0);
	if (me == 1)
		MUST(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
	if (me == 2 && root)
		MUST(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &realtime) == 0);
	if (me == 3)
		MUST(sched_setscheduler(0, SCHED_IDLE, &none) == 0);
	read_scheduling(&before[me]);
	pthread_barrier_wait(&built);
	while (!go_on)
		usleep(1000);
	read_scheduling(&after[me]);
	pthread_barrier_wait(&checked);
	return NULL;
}

static size_t read_proc(const char *name, char *into, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;
	while (fd >= 0 && (got = read(fd, into + length, size - 1 - length)) > 0)
		length += got;
	if (fd >= 0)
		close(fd);
	into[length] = 0;
	return length;
}

static void set_limits(void)
{
	struct rlimit limit;
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		MUST(getrlimit(i, &limit) == 0);
		/* Downward only: raising wants a privilege. Both numbers, different, and infinity kept in some. */
		if (i == RLIMIT_CORE)
			limit.rlim_cur = 0;
		else if (i == RLIMIT_NOFILE)
			limit = (struct rlimit){ 700, limit.rlim_max < 900 ? limit.rlim_max : 900 };
		else if (i == RLIMIT_FSIZE)
			limit = (struct rlimit){ 1ull << 40, 1ull << 41 };
		else if (i == RLIMIT_MSGQUEUE)
			limit.rlim_cur = 1000;
		else if (i == RLIMIT_CPU)
			limit.rlim_cur = 1000000;
		MUST(setrlimit(i, &limit) == 0);
	}
}

/* Each fact is put into words before and after, and the words compared. */
static void describe(char *to, char *end)
{
	char text[8192], link[PATH_MAX];
	int value = 0;
	static const char *const files[] = { "oom_score_adj", "coredump_filter", "personality", "cmdline", "comm", "auxv", "environ",
		"setgroups", "loginuid", NULL };
	for (int i = 0; files[i]; i++) {
		size_t length = read_proc(files[i], text, sizeof text);
		uint64_t hash = 0;
		for (size_t j = 0; j < length; j++)
			hash = h_mix(hash ^ (unsigned char)text[j]);
		to += snprintf(to, end - to, "%s %zu bytes %.20s %lx\n", files[i], length, i < 3 || i == 4 ? text : "", hash);
	}
	for (const char **name = (const char *[]){ "cwd", "exe", "root", NULL }; *name; name++) {
		snprintf(text, sizeof text, "/proc/self/%s", *name);
		ssize_t length = readlink(text, link, sizeof link - 1);
		link[length > 0 ? length : 0] = 0;
		to += snprintf(to, end - to, "%s %s\n", *name, link);
	}
	mode_t mask = umask(0);
	umask(mask);
	to += snprintf(to, end - to, "umask %o\nsid %d\npgid %d\n", mask, getsid(0) == getpid(), getpgrp() == getpid());
	to += snprintf(to, end - to, "brk %p\n", sbrk(0));
	to += snprintf(to, end - to, "dumpable %d\n", prctl(PR_GET_DUMPABLE));
	prctl(PR_GET_CHILD_SUBREAPER, &value);
	to += snprintf(to, end - to, "subreaper %d\n", value);
	to += snprintf(to, end - to, "huge pages off %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	value = 0;
	prctl(PR_GET_TSC, &value);
	to += snprintf(to, end - to, "tsc %d\n", value);
	to += snprintf(to, end - to, "machine check policy %d\n", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	to += snprintf(to, end - to, "membarrier %ld\n", syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0));
	to += snprintf(to, end - to, "auxv at %lx %lx\n", getauxval(AT_SYSINFO_EHDR), getauxval(AT_RANDOM));
	struct utsname name;
	uname(&name);
	to += snprintf(to, end - to, "release %s\n", name.release);
}

static void compare(const char *what, const char *was, const char *is)
{
	for (; *was || *is; was += strcspn(was, "\n") + (*was != 0), is += strcspn(is, "\n") + (*is != 0)) {
		while (*was == '\n') was++;
		while (*is == '\n') is++;
		int a = (int)strcspn(was, "\n"), b = (int)strcspn(is, "\n");
		CHECK(a == b && strncmp(was, is, a) == 0, "%s was [%.*s] is [%.*s]", what, a > 80 ? 80 : a, was, b > 80 ? 80 : b, is);
	}
}

int main(int argc, char **argv)
{
	static char told_before[16000], told_after[16000];
	pthread_t threads[THREADS];
	h_init(argc, argv);
	MUST(mkdir(h_beside(".folder"), 0700) == 0 || errno == EEXIST);
	MUST(chdir(h_beside(".folder")) == 0);
	umask(0137);
	set_limits();
	personality(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	MUST(fd >= 0 && write(fd, "321", 3) == 3 && close(fd) == 0);
	fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	MUST(fd >= 0 && write(fd, "0x7", 3) == 3 && close(fd) == 0);
	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	/* But for memory advised to have them (PR_THP_DISABLE_EXCEPT_ADVISED, Linux 6.18). */
	if (prctl(PR_SET_THP_DISABLE, 1, 2, 0, 0) != 0)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	MUST(sbrk(12345) != (void *)-1);
	syscall(SYS_membarrier, REGISTER_GLOBAL, 0, 0);
	MUST(syscall(SYS_membarrier, REGISTER_PRIVATE, 0, 0) == 0);
	MUST(syscall(SYS_membarrier, REGISTER_SYNC_CORE, 0, 0) == 0);
	/* As setproctitle does: ps shows what stands in the memory. */
	memset(argv[0], 'x', strlen(argv[0]));
	environ[0][0] = '_';
	pthread_barrier_init(&built, NULL, THREADS);
	pthread_barrier_init(&checked, NULL, THREADS);
	for (long i = 1; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	prctl(PR_SET_NAME, "renamed");
	pthread_barrier_wait(&built);
	read_scheduling(&before[0]);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit(i, &limits_before[i]);
	describe(told_before, told_before + sizeof told_before);
	h_ready();
	h_wait();
	describe(told_after, told_after + sizeof told_after);
	read_scheduling(&after[0]);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &limits_after[i]);
		CHECK(memcmp(&limits_before[i], &limits_after[i], sizeof limits_after[i]) == 0, "limit %d was %ld:%ld is %ld:%ld", i,
			(long)limits_before[i].rlim_cur, (long)limits_before[i].rlim_max, (long)limits_after[i].rlim_cur,
			(long)limits_after[i].rlim_max);
	}
	compare("process", told_before, told_after);
	CHECK(syscall(SYS_membarrier, PRIVATE, 0, 0) == 0, "membarrier: %s", strerror(errno));
	go_on = 1;
	pthread_barrier_wait(&checked);
	for (int i = 0; i < THREADS; i++) {
		CHECK(before[i].policy == after[i].policy && before[i].priority == after[i].priority, "thread %d: policy %x/%d %x/%d", i,
			before[i].policy, before[i].priority, after[i].policy, after[i].priority);
		CHECK(before[i].nice == after[i].nice, "thread %d: nice %d %d", i, before[i].nice, after[i].nice);
		CHECK(before[i].ioprio == after[i].ioprio, "thread %d: ioprio %x %x", i, before[i].ioprio, after[i].ioprio);
		CHECK(before[i].slack == after[i].slack, "thread %d: timer slack %lu %lu", i, before[i].slack, after[i].slack);
		CHECK(CPU_EQUAL(&before[i].cpus, &after[i].cpus), "thread %d: affinity", i);
		CHECK(strcmp(before[i].name, after[i].name) == 0, "thread %d: name %s %s", i, before[i].name, after[i].name);
	}
	h_end();
}

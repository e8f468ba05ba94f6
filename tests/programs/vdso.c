/*
 * Clocks through the vdso from several threads: never backwards, and in step with the system call.
 * "gone": a process that has unmapped it, and all that the kernel has mapped beside it.
 */
#include "harness.h"
#include <sched.h>
#include <sys/auxv.h>
#include <sys/time.h>

static volatile int stop;
static atomic_long rounds[3];
static atomic_int backwards;

static void *watch(void *argument)
{
	long me = (long)argument;
	clockid_t clock = me == 0 ? CLOCK_MONOTONIC : me == 1 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC_COARSE;
	int64_t last = 0;
	while (!stop) {
		int64_t now = h_now_ns(clock);
		if (now < last)
			backwards++;
		last = now;
		rounds[me]++;
	}
	return NULL;
}

/* Mappings whose names begin with [v, but for the page that no process can unmap; unmapped where asked. */
static int kernel_mappings(bool unmap)
{
	char line[512], name[256];
	unsigned long start, end;
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	MUST(maps);
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255s", &start, &end, name) != 3 || strncmp(name, "[v", 2) != 0 || strcmp(name, "[vsyscall]") == 0)
			continue;
		count++;
		if (unmap)
			syscall(SYS_munmap, start, end - start);
	}
	fclose(maps);
	return count;
}

static void live_without(void)
{
	while (kernel_mappings(true) > 0)
		;
	h_ready();
	h_wait();
	struct timespec now;
	CHECK(kernel_mappings(false) == 0, "the vdso is back");
	CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0 && now.tv_sec > 0, "clock_gettime");
	h_end();
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	if (argc > 2 && strcmp(argv[2], "gone") == 0)
		live_without();
	pthread_t threads[3];
	for (long i = 0; i < 3; i++)
		MUST(pthread_create(&threads[i], NULL, watch, (void *)i) == 0);
	for (int i = 0; i < 3; i++)
		while (rounds[i] == 0)
			usleep(1000);
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
	h_ready();
	h_wait();
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(backwards == 0, "time ran backwards %d times", backwards);
	struct timespec slow;
	int64_t before = h_now_ns(CLOCK_REALTIME);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &slow);
	int64_t between = slow.tv_sec * 1000000000ll + slow.tv_nsec, after = h_now_ns(CLOCK_REALTIME);
	CHECK(before <= between && between <= after, "vdso and kernel differ: %ld %ld %ld", (long)before, (long)between, (long)after);
	unsigned cpu = 9999;
	CHECK(getcpu(&cpu, NULL) == 0 && cpu < 9999, "getcpu");
	struct timeval wall;
	CHECK(gettimeofday(&wall, NULL) == 0 && wall.tv_sec >= slow.tv_sec, "gettimeofday");
	CHECK(getauxval(AT_SYSINFO_EHDR) == vdso && memcmp((void *)vdso, "\177ELF", 4) == 0, "vdso is not at its place");
	h_end();
}

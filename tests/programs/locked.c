/* Locked memory (mlock(2), mlockall(2)) that cannot be brought in as a whole: pages that may not be read, behind the end of a file, or guarded.
 * The kernel locks it, brings in what it can, and says ENOMEM. With the argument `all`, everything of a program with threads. */
#include "harness.h"

#define PAGE 4096ul
#define PAGES 16ul
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

struct locked { unsigned long start, end, kilobytes; };
enum { MOST = 400 };

/* What smaps says of locked mappings: where they are, and how much of each is there. */
static int read_locked(struct locked *found)
{
	char line[512];
	unsigned long start = 0, end = 0, kilobytes = 0;
	int count = 0;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	MUST(smaps != NULL);
	while (fgets(line, sizeof line, smaps)) {
		unsigned long from, to;
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
		}
		sscanf(line, "Rss: %lu kB", &kilobytes);
		if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo") != NULL && count < MOST)
			found[count++] = (struct locked){ start, end, kilobytes };
	}
	fclose(smaps);
	return count;
}

/* With nothing before and behind that the kernel could join it with. */
static char *anonymous(void)
{
	char *at = mmap(NULL, (PAGES + 2) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(at != MAP_FAILED && munmap(at, PAGE) == 0 && munmap(at + (PAGES + 1) * PAGE, PAGE) == 0);
	return at + PAGE;
}

static char *of_file(unsigned long content, int flags)
{
	char name[PATH_MAX];
	snprintf(name, sizeof name, "%.4000s.file", h_out);
	int file = open(name, O_RDWR | O_CREAT, 0600);
	MUST(file >= 0 && ftruncate(file, content * PAGE) == 0);
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, file, 0);
	MUST(at != MAP_FAILED && close(file) == 0);
	return at;
}

static void *wait_for_ever(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

int main(int argc, char **argv)
{
	static struct locked before[MOST], after[MOST];
	pthread_t thread;
	h_init(argc, argv);
	char *hidden = anonymous();
	MUST(mlock(hidden, PAGES * PAGE) == 0);
	h_fill(hidden, PAGES * PAGE, 1);
	MUST(mprotect(hidden, PAGE, PROT_NONE) == 0 && mprotect(hidden + 3 * PAGE, PAGE, PROT_NONE) == 0);
	char *empty = anonymous();
	MUST(mprotect(empty, PAGES * PAGE, PROT_NONE) == 0 && mlock(empty, PAGES * PAGE) == -1 && errno == ENOMEM);
	MUST(mlock(of_file(2, MAP_SHARED), PAGES * PAGE) == -1 && errno == ENOMEM);
	MUST(mlock(of_file(2, MAP_PRIVATE), PAGES * PAGE) == -1 && errno == ENOMEM);
	char *guarded = anonymous();
	h_fill(guarded, PAGES * PAGE, 2);
	/* Linux 6.13. The kernel gives up at the first of them; what is behind is brought in piece by piece. */
	bool guards = madvise(guarded + 4 * PAGE, PAGE, MADV_GUARD_INSTALL) == 0;
	MUST(mlock(guarded, PAGES * PAGE) == (guards ? -1 : 0) && mlock(guarded + 5 * PAGE, (PAGES - 5) * PAGE) == 0);
	if (argc > 2 && strcmp(argv[2], "all") == 0) {
		MUST(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
		MUST(mlockall(MCL_CURRENT) == 0);
	}
	int count = read_locked(before);
	h_ready();
	h_wait();

	int now = read_locked(after);
	CHECK(now == count, "%d mappings were locked, now %d", count, now);
	for (int i = 0; i < count && i < now; i++) {
		struct locked was = before[i], is = after[i];
		CHECK(was.start == is.start && was.end == is.end, "%lx-%lx was locked, now %lx-%lx", was.start, was.end, is.start, is.end);
		CHECK(is.kilobytes >= was.kilobytes, "of %lx-%lx there were %lu kB, now %lu", was.start, was.end, was.kilobytes, is.kilobytes);
	}
	MUST(mprotect(hidden, PAGES * PAGE, PROT_READ) == 0);
	CHECK(h_wrong_at(hidden, PAGES * PAGE, 1) == -1, "the pages that were hidden");
	CHECK(h_wrong_at(guarded, 4 * PAGE, 2) == -1, "the pages before the guard");
	h_end();
}

/*
 * Memory that a parent and its children share copy-on-write (fork(2)): what each sees is its own, and pages that nobody has
 * written to since are still the same in both. The page map tells, to who may read it.
 */
#include "harness.h"
#include <sys/prctl.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define PAGES 512
#define RW (PROT_READ | PROT_WRITE)

static char *memory, *grown, *file;
static int *verdict;
static int ask[2], answer[2];

static uint64_t frame(pid_t pid, const void *address)
{
	char path[64];
	uint64_t entry = 0;
	snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	MUST(fd >= 0 && pread(fd, &entry, 8, (off_t)((uintptr_t)address / PAGE * 8)) == 8);
	close(fd);
	return entry & ((1ull << 55) - 1);
}

/* Of every eight pages: 0 written by the child, 1 by the parent, 2 zeroed by the child, 3 dropped by the child, 4 by the parent. */
static int differs(int page) { return page % 8 < 5; }

static bool child_is_right(void)
{
	for (int i = 0; i < PAGES; i++) {
		char *page = memory + (size_t)i * PAGE;
		long wrong = i % 8 == 0 ? h_wrong_at(page, PAGE, 5000 + i)
			: i % 8 == 2 || i % 8 == 3 ? h_nonzero_at(page, PAGE) : h_wrong_at(page, PAGE, i);
		if (wrong != -1)
			return false;
	}
	return h_wrong_at(grown, 4 * PAGE, 77) == -1 && h_wrong_at(grown + 4 * PAGE, 4 * PAGE, 78) == -1
		&& h_wrong_at(file, PAGE, 79) == -1 && file[PAGE] == 'f';
}

static void live_as_child(void)
{
	char byte;
	for (int i = 0; i < PAGES; i++) {
		char *page = memory + (size_t)i * PAGE;
		if (i % 8 == 0)
			h_fill(page, PAGE, 5000 + i);
		else if (i % 8 == 2)
			memset(page, 0, PAGE);
		else if (i % 8 == 3)
			madvise(page, PAGE, MADV_DONTNEED);
	}
	/* The mapping has grown since the fork: only its first half is the parent's. */
	if (mremap(grown, 4 * PAGE, 8 * PAGE, 0) != grown)
		_exit(70);
	h_fill(grown + 4 * PAGE, 4 * PAGE, 78);
	if (write(answer[1], "r", 1) != 1 || read(ask[0], &byte, 1) != 1)
		_exit(71);
	*verdict = child_is_right() ? 1 : 2;
	if (write(answer[1], "d", 1) != 1 || read(ask[0], &byte, 1) != 1)
		_exit(72);
	_exit(0);
}

/* An orphan in the session of a leader that has ended and that nobody has waited for: adopted here, and a copy of our memory too. */
static pid_t leader, orphan;

static void make_orphan(int *number)
{
	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && (leader = fork()) >= 0);
	if (leader == 0) {
		setsid();
		pid_t pid = fork();
		if (pid != 0) {
			*number = pid;
			_exit(11);
		}
		while (*number != -1)
			usleep(1000);
		_exit(h_wrong_at(memory + 9 * PAGE, PAGE, 9) == -1 ? 12 : 13);
	}
	siginfo_t info;
	MUST(waitid(P_PID, (id_t)leader, &info, WEXITED | WNOWAIT) == 0);
	orphan = *number;
}

static void check_orphan(int *number)
{
	int status = 0;
	CHECK(getsid(orphan) == leader, "session of the orphan: %d, not %d", getsid(orphan), leader);
	*number = -1;
	CHECK(waitpid(orphan, &status, 0) == orphan && WEXITSTATUS(status) == 12, "the orphan ended with %x", status);
	CHECK(waitpid(leader, &status, 0) == leader && WEXITSTATUS(status) == 11, "its leader ended with %x", status);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	char byte;
	int fd = open(h_beside(".file"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0);
	for (size_t i = 0; i < 2 * PAGE; i++)
		MUST(write(fd, "f", 1) == 1);
	verdict = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *room = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(verdict != MAP_FAILED && memory != MAP_FAILED && room != MAP_FAILED);
	MUST(madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE) == 0 && munmap(room, 64 * PAGE) == 0);
	grown = mmap(room + 16 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	file = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	MUST(grown == room + 16 * PAGE && file != MAP_FAILED);
	for (int i = 0; i < PAGES; i++)
		h_fill(memory + (size_t)i * PAGE, PAGE, i);
	h_fill(grown, 4 * PAGE, 77);
	h_fill(file, PAGE, 79);
	MUST(pipe(ask) == 0 && pipe(answer) == 0);
	make_orphan(verdict + 1);
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0)
		live_as_child();
	MUST(read(answer[0], &byte, 1) == 1);
	for (int i = 0; i < PAGES; i++) {
		if (i % 8 == 1)
			h_fill(memory + (size_t)i * PAGE, PAGE, 9000 + i);
		else if (i % 8 == 4)
			madvise(memory + (size_t)i * PAGE, PAGE, MADV_DONTNEED);
	}
	h_ready();
	h_wait();

	check_orphan(verdict + 1);
	int twice = 0;
	for (int i = 0; i < PAGES; i++) {
		char *page = memory + (size_t)i * PAGE;
		long wrong = i % 8 == 1 ? h_wrong_at(page, PAGE, 9000 + i) : i % 8 == 4 ? h_nonzero_at(page, PAGE) : h_wrong_at(page, PAGE, i);
		CHECK(wrong == -1, "page %d of the parent", i);
		twice += !differs(i) && frame(getpid(), page) != frame(child, page);
	}
	CHECK(twice == 0, "%d pages are there twice", twice);
	CHECK(frame(getpid(), grown) == frame(child, grown), "the page of what has grown is there twice");
	CHECK(frame(getpid(), file) == frame(child, file), "the page over the file is there twice");
	CHECK(h_wrong_at(grown, 4 * PAGE, 77) == -1 && h_wrong_at(file, PAGE, 79) == -1, "the parent's other memory");
	MUST(write(ask[1], "g", 1) == 1 && read(answer[0], &byte, 1) == 1);
	CHECK(*verdict == 1, "the child's memory is wrong");
	h_fill(memory + 7 * PAGE, PAGE, 12345);
	MUST(write(ask[1], "g", 1) == 1);
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %x", status);
	h_end();
}

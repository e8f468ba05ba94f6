/* Every kind of mapping. Content, protection, aliasing and behaviour are checked from inside; layout and VmFlags against
 * /proc/self/smaps as it was. With the argument `elsewhere` there is nothing that Linux 6.1 lacks, and files may have other names. */
#include "harness.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <setjmp.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf fault_jump;
static volatile sig_atomic_t fault_code;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	fault_code = signo * 1000 + info->si_code;
	siglongjmp(fault_jump, 1);
}

/* 0, or signal * 1000 + si_code. */
static int touch(volatile char *at, bool write)
{
	fault_code = 0;
	if (sigsetjmp(fault_jump, 1) == 0) {
		char c = *at;
		if (write)
			*at = c;
	}
	return fault_code;
}

static char *map(size_t length, int prot, int flags, int fd, off_t offset)
{
	char *at = mmap(NULL, length, prot, flags, fd, offset);
	MUST(at != MAP_FAILED);
	return at;
}

/* A mapping with a closed page on both sides, so that it never melts into another. */
static char *island(size_t length, int prot, int flags)
{
	char *at = map(length + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(munmap(at, length + 2 * PAGE) == 0);
	at = mmap(at + PAGE, length, prot, flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	MUST(at != MAP_FAILED);
	mmap(at - PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	mmap(at + length, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return at;
}

static void expect(const char *what, const void *start, size_t length, uint64_t seed)
{
	long at = h_wrong_at(start, length, seed);
	CHECK(at < 0, "%s: wrong at %#lx", what, at);
}

static void expect_zero(const char *what, const void *start, size_t length)
{
	long at = h_nonzero_at(start, length);
	CHECK(at < 0, "%s: not zero at %#lx", what, at);
}

static int make_file(const char *suffix, size_t pages, uint64_t seed)
{
	int fd = open(h_beside(suffix), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && ftruncate(fd, pages * PAGE) == 0);
	char *all = map(pages * PAGE, RW, MAP_SHARED, fd, 0);
	h_fill(all, pages * PAGE, seed);
	MUST(munmap(all, pages * PAGE) == 0);
	return fd;
}

static char *plain, *sparse, *readonly, *nothing, *hidden, *code, *shared, *alias, *grows, *guard, *locked, *on_fault_locked,
	*noreserve, *low, *huge, *zero_touched, *dropped;
static char *file_clean, *file_dirty, *file_blank, *file_shared, *file_readonly, *file_end, *strange, *noise;
static char *memfd_shared, *memfd_again, *memfd_private, *brk_start;
static bool elsewhere, have_guard, have_low, have_name;
static struct { int advice; const char *name; char *at; } advised[] = {
	{ MADV_NORMAL, "normal", NULL }, { MADV_RANDOM, "random", NULL }, { MADV_SEQUENTIAL, "sequential", NULL },
	{ MADV_DONTFORK, "dontfork", NULL }, { MADV_DONTDUMP, "dontdump", NULL }, { MADV_WIPEONFORK, "wipeonfork", NULL },
	{ MADV_MERGEABLE, "mergeable", NULL }, { MADV_HUGEPAGE, "hugepage", NULL }, { MADV_NOHUGEPAGE, "nohugepage", NULL },
};
enum { ADVISED = sizeof advised / sizeof advised[0] };
static uint64_t data_section[1000] = { 1 }, bss_section[1000];

static void build_anonymous(void)
{
	plain = island(16 * PAGE, RW, MAP_PRIVATE);
	h_fill(plain, 16 * PAGE, 1);
	sparse = island(4096 * PAGE, RW, MAP_PRIVATE);
	for (int i = 0; i < 4096; i += 97)
		h_fill(sparse + i * PAGE, PAGE, 1000 + i);
	readonly = island(4 * PAGE, RW, MAP_PRIVATE);
	h_fill(readonly, 4 * PAGE, 2);
	MUST(mprotect(readonly, 4 * PAGE, PROT_READ) == 0);
	nothing = island(64 * PAGE, PROT_NONE, MAP_PRIVATE);
	hidden = island(4 * PAGE, RW, MAP_PRIVATE);
	h_fill(hidden, 4 * PAGE, 3);
	MUST(mprotect(hidden, 4 * PAGE, PROT_NONE) == 0);
	code = island(PAGE, RW, MAP_PRIVATE);
	memcpy(code, "\xb8\x2a\x00\x00\x00\xc3", 6);	/* mov $42, %eax; ret */
	MUST(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0);
	shared = island(8 * PAGE, RW, MAP_SHARED);
	h_fill(shared, 4 * PAGE, 4);
	alias = mremap(shared, 0, 8 * PAGE, MREMAP_MAYMOVE);	/* length 0: a second view of the same pages */
	MUST(alias != MAP_FAILED);
	grows = island(4 * PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN);
	MUST(munmap(grows - PAGE, PAGE) == 0);
	h_fill(grows, 4 * PAGE, 5);
	guard = island(8 * PAGE, RW, MAP_PRIVATE);
	h_fill(guard, 8 * PAGE, 6);
	have_guard = !elsewhere && madvise(guard + 2 * PAGE, 2 * PAGE, MADV_GUARD_INSTALL) == 0;
	locked = island(4 * PAGE, RW, MAP_PRIVATE);
	h_fill(locked, 4 * PAGE, 7);
	MUST(mlock(locked, 4 * PAGE) == 0);
	on_fault_locked = island(16 * PAGE, RW, MAP_PRIVATE);
	MUST(mlock2(on_fault_locked, 16 * PAGE, MLOCK_ONFAULT) == 0);
	h_fill(on_fault_locked + 5 * PAGE, PAGE, 8);
	noreserve = island(1 << 30, RW, MAP_PRIVATE | MAP_NORESERVE);
	h_fill(noreserve + (500 << 20), PAGE, 9);
	low = mmap((void *)0x10000, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	have_low = low == (char *)0x10000;
	if (have_low)
		h_fill(low, PAGE, 10);
	zero_touched = island(4 * PAGE, RW, MAP_PRIVATE);
	MUST(touch(zero_touched, false) == 0);
	memset(zero_touched + PAGE, 1, PAGE);
	memset(zero_touched + PAGE, 0, PAGE);
	dropped = island(4 * PAGE, RW, MAP_PRIVATE);
	h_fill(dropped, 4 * PAGE, 11);
	MUST(madvise(dropped + PAGE, PAGE, MADV_DONTNEED) == 0);
	size_t big = 2ul << 20;
	char *area = island(3 * big, RW, MAP_PRIVATE);
	huge = (char *)(((uintptr_t)area + big - 1) & ~(big - 1));
	madvise(huge, big, MADV_HUGEPAGE);
	h_fill(huge, big, 12);
	for (int i = 0; i < ADVISED; i++) {
		advised[i].at = island(8 * PAGE, RW, MAP_PRIVATE);
		h_fill(advised[i].at, 8 * PAGE, 100 + i);
		/* Some kernels are built without KSM or huge pages. */
		if (madvise(advised[i].at, 8 * PAGE, advised[i].advice) != 0)
			MUST(errno == EINVAL);
	}
	char *named = island(PAGE, RW, MAP_PRIVATE);
	have_name = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, PAGE, "a name: with (odd) signs") == 0;
	char *named_shared = island(PAGE, RW, MAP_SHARED);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named_shared, PAGE, "shared");
}

static void build_files(void)
{
	int fd = make_file(".data", 16, 20);
	file_clean = map(4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	MUST(h_wrong_at(file_clean, 4 * PAGE, 20) < 0);
	file_dirty = map(8 * PAGE, RW, MAP_PRIVATE, fd, 0);
	h_fill(file_dirty + 3 * PAGE, PAGE, 21);
	file_blank = map(4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	memset(file_blank + PAGE, 0, PAGE);	/* zero in memory, not in the file */
	file_shared = map(4 * PAGE, RW, MAP_SHARED, fd, 12 * PAGE);
	h_fill(file_shared, PAGE, 22);
	MUST(close(fd) == 0);
	fd = open(h_beside(".data"), O_RDONLY | O_CLOEXEC);
	file_readonly = map(4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	file_end = map(8 * PAGE, PROT_READ, MAP_PRIVATE, fd, 12 * PAGE);
	MUST(close(fd) == 0);
	/* A path as no parser expects it. */
	fd = make_file(" odd\nname\\ \xc3\xbc (deleted)", 2, 23);
	strange = map(2 * PAGE, RW, MAP_PRIVATE, fd, 0);
	MUST(close(fd) == 0);

	fd = memfd_create("a memfd", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 8 * PAGE) == 0);
	memfd_shared = map(8 * PAGE, RW, MAP_SHARED, fd, 0);
	memfd_again = map(4 * PAGE, RW, MAP_SHARED, fd, 4 * PAGE);
	h_fill(memfd_shared, 8 * PAGE, 24);
	memfd_private = map(8 * PAGE, RW, MAP_PRIVATE, fd, 0);
	h_fill(memfd_private + PAGE, PAGE, 25);
	MUST(close(fd) == 0);

	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	noise = map(4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	h_fill(noise, 2 * PAGE, 26);
	MUST(close(fd) == 0);
}

static void check_anonymous(void)
{
	expect("plain", plain, 16 * PAGE, 1);
	for (int i = 0; i < 4096; i++)
		if (i % 97 == 0)
			expect("sparse", sparse + i * PAGE, PAGE, 1000 + i);
		else if (i % 31 == 0)
			expect_zero("sparse", sparse + i * PAGE, PAGE);
	expect("readonly", readonly, 4 * PAGE, 2);
	CHECK(touch(readonly, true) == SIGSEGV * 1000 + SEGV_ACCERR, "readonly: can be written (%d)", fault_code);
	CHECK(touch(nothing, false) == SIGSEGV * 1000 + SEGV_ACCERR, "PROT_NONE: can be read (%d)", fault_code);
	CHECK(touch(hidden, false) == SIGSEGV * 1000 + SEGV_ACCERR, "hidden: can be read (%d)", fault_code);
	MUST(mprotect(hidden, 4 * PAGE, PROT_READ) == 0);
	expect("hidden", hidden, 4 * PAGE, 3);
	MUST(mprotect(hidden, 4 * PAGE, PROT_NONE) == 0);
	CHECK(((int (*)(void))(uintptr_t)code)() == 42, "code");
	expect("shared", shared, 4 * PAGE, 4);
	expect("alias", alias, 4 * PAGE, 4);
	h_fill(shared + 6 * PAGE, PAGE, 40);
	expect("alias of a new page", alias + 6 * PAGE, PAGE, 40);
	memset(shared + 6 * PAGE, 0, PAGE);
	expect("growsdown", grows, 4 * PAGE, 5);
	expect("guarded", guard, 2 * PAGE, 6);
	if (have_guard)
		for (int i = 2; i < 4; i++)
			CHECK(touch(guard + i * PAGE, false) / 1000 == SIGSEGV, "guard page %d is open", i);
	expect("locked", locked, 4 * PAGE, 7);
	expect("locked on fault", on_fault_locked + 5 * PAGE, PAGE, 8);
	expect("noreserve", noreserve + (500 << 20), PAGE, 9);
	if (have_low)
		expect("low", low, PAGE, 10);
	expect_zero("zero page", zero_touched, 4 * PAGE);
	expect("kept by madvise", dropped, PAGE, 11);
	expect_zero("dropped by madvise", dropped + PAGE, PAGE);
	expect("huge", huge, 2ul << 20, 12);
	for (int i = 0; i < ADVISED; i++)
		expect(advised[i].name, advised[i].at, 8 * PAGE, 100 + i);
	expect(".data", data_section, sizeof data_section, 50);
	expect(".bss", bss_section, sizeof bss_section, 51);
	expect("heap", brk_start, 40 * PAGE, 52);
}

static void check_files(void)
{
	expect("clean", file_clean, 4 * PAGE, 20);
	expect("before dirty", file_dirty, 3 * PAGE, 20);
	expect("dirty", file_dirty + 3 * PAGE, PAGE, 21);
	expect_zero("made zero", file_blank + PAGE, PAGE);
	expect("before made zero", file_blank, PAGE, 20);
	expect("file shared", file_shared, PAGE, 22);
	int fd = open(h_beside(".data"), O_RDONLY | O_CLOEXEC);
	static uint64_t page[512];
	MUST(pread(fd, page, PAGE, 12 * PAGE) == (ssize_t)PAGE);
	expect("file below a shared mapping", page, PAGE, 22);
	file_shared[PAGE] ^= 1;
	char byte;
	MUST(pread(fd, &byte, 1, 13 * PAGE) == 1);
	CHECK(byte == file_shared[PAGE], "write through a shared mapping");
	file_shared[PAGE] ^= 1;
	close(fd);
	CHECK(mprotect(file_readonly, PAGE, RW) == -1 && errno == EACCES, "read-only shared file: can be made writable");
	CHECK(touch(file_end + 5 * PAGE, false) == SIGBUS * 1000 + BUS_ADRERR, "behind the end: %d", fault_code);
	expect("strange name", strange, 2 * PAGE, 23);
	expect("memfd", memfd_shared, 8 * PAGE, 24);
	memfd_shared[5 * PAGE] ^= 1;
	CHECK(memfd_again[PAGE] == memfd_shared[5 * PAGE], "memfd: two views, two memories");
	memfd_shared[5 * PAGE] ^= 1;
	expect("memfd private", memfd_private + PAGE, PAGE, 25);
	CHECK(memcmp(memfd_private + 2 * PAGE, memfd_shared + 2 * PAGE, PAGE) == 0, "memfd private: clean page");
	expect("/dev/zero", noise, 2 * PAGE, 26);
	expect_zero("/dev/zero", noise + 2 * PAGE, 2 * PAGE);
}

/* Last, since it changes the layout. */
static void check_growth(void)
{
	CHECK(touch(grows - PAGE, true) == 0, "growsdown: does not grow (%d)", fault_code);
	CHECK(sbrk(PAGE) == brk_start + 40 * PAGE, "brk is elsewhere");
	char deep[1 << 20];
	memset(deep, 1, sizeof deep);
	__asm__ volatile("" : : "r"(deep) : "memory");
}

static char smaps_before[1 << 20], smaps_after[1 << 20];

static void collapse_blanks(char *text)
{
	char *to = text;
	for (char *from = text; *from; from++)
		if (*from != ' ' || (to > text && to[-1] != ' '))
			*to++ = *from;
	*to = 0;
}

/* Each mapping's line and its VmFlags; neighbours that only history keeps apart are melted, /proc's names left as they are. */
static void read_layout(char *into, size_t size)
{
	static char text[1 << 22];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;
	while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0)
		length += got;
	close(fd);
	text[length] = 0;
	MUST(length < sizeof text - 1);
	char *to = into, *previous = NULL;
	unsigned long start = 0, end, previous_start = 0, previous_end = 0, offset, previous_offset = 0;
	char prot[8], rest[5000], header[6000] = "", tail[6000];
	static char previous_tail[6000];
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		int name = 0;
		unsigned long first;	/* of another line, such as "FilePmdMapped", it would be 0xf */
		if (sscanf(line, "%lx-%lx %7s %lx %n", &first, &end, prot, &offset, &name) == 4 && name > 0) {
			start = first;
			snprintf(rest, sizeof rest, "%s", line + name);
			/* Unnamed memory gets a new inode; its number tells nothing. */
			char *inode = strchr(rest, ' ') + 1;
			if (strstr(rest, "/memfd:") || strstr(rest, "/dev/zero (deleted)") || strstr(rest, "[anon_shmem:"))
				memset(inode, ' ', strspn(inode, "0123456789"));
			collapse_blanks(rest);
			/* The code of each kernel that the program has been on stays with it. */
			header[0] = 0;
			if (elsewhere && strcmp(prot, "r-xp") == 0 && strncmp(rest, "00:00 0", 7) == 0)
				continue;
			char *file = strchr(rest, '/');
			if (elsewhere && file)
				strcpy(rest, "a file");
			snprintf(header, sizeof header, "%s %s", prot, rest);
			continue;
		}
		if (strncmp(line, "VmFlags:", 8) != 0 || header[0] == 0)
			continue;
		/* ac: accounted at birth, tells of the order of mmap and mprotect; sd: soft dirty; lf: older kernels do not show it. */
		for (const char **gone = (const char *[]){ " ac", " sd", elsewhere ? " lf" : NULL, NULL }; *gone; gone++) {
			char *at = strstr(line, *gone);
			if (at)
				memmove(at, at + 3, strlen(at + 3) + 1);
		}
		snprintf(tail, sizeof tail, "%.2900s |%.2900s", header, line + 8);
		bool anonymous = strstr(header, " 00:00 0") != NULL;
		if (previous && previous_end == start && strcmp(tail, previous_tail) == 0 &&
		    (anonymous || previous_offset + (previous_end - previous_start) == offset))
			to = previous, start = previous_start, offset = previous_offset;
		previous = to;
		previous_start = start, previous_end = end, previous_offset = offset;
		strcpy(previous_tail, tail);
		int wrote = snprintf(to, into + size - to, "%lx-%lx %lx %s\n", start, end, anonymous ? 0 : offset, tail);
		MUST(wrote < into + size - to);
		to += wrote;
		header[0] = 0;
	}
	*to = 0;
}

static void compare_layout(void)
{
	const char *a = smaps_before, *b = smaps_after;
	while (*a || *b) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		if (la != lb || memcmp(a, b, la) != 0) {
			h_fail("layout: was [%.*s] is [%.*s]", (int)(la > 85 ? 85 : la), a, (int)(lb > 85 ? 85 : lb), b);
			if (la > 85)
				h_fail("layout: was […%.*s] is […%.*s]", 80, a + la - 80, lb > 80 ? 80 : 0, b + lb - 80);
			return;
		}
		a += la + (a[la] != 0);
		b += lb + (b[lb] != 0);
	}
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	elsewhere = argc > 2 && strcmp(argv[2], "elsewhere") == 0;
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	brk_start = sbrk(0);
	MUST(sbrk(40 * PAGE) == brk_start);
	h_fill(brk_start, 40 * PAGE, 52);
	h_fill(data_section, sizeof data_section, 50);
	h_fill(bss_section, sizeof bss_section, 51);
	build_anonymous();
	build_files();
	char stack[200000];
	h_fill(stack, sizeof stack, 53);

	read_layout(smaps_before, sizeof smaps_before);
	read_layout(smaps_before, sizeof smaps_before);
	h_ready();
	h_wait();
	read_layout(smaps_after, sizeof smaps_after);
	compare_layout();
	expect("stack", stack, sizeof stack, 53);
	check_anonymous();
	check_files();
	check_growth();
	h_end();
}

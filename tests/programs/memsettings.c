/* Settings of an address space: memory locked for the future, pages merged, a sealed mapping, AIO contexts at their addresses. */
#include "harness.h"
#include <linux/aio_abi.h>
#include <sys/prctl.h>

#define PAGE 4096ul
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* Whether the mapping at this address has a flag in smaps. */
static bool has_flag(const void *at, const char *flag)
{
	char line[512];
	bool here = false, found = false;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	MUST(smaps != NULL);
	while (fgets(line, sizeof line, smaps)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (unsigned long)at && (unsigned long)at < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(smaps);
	return found;
}

static char *map(void)
{
	char *at = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(at != MAP_FAILED && mprotect(at, PAGE, PROT_NONE) == 0 && mprotect(at + 2 * PAGE, PAGE, PROT_NONE) == 0);
	return at + PAGE;
}

/* struct aio_ring of fs/aio.c. */
struct ring { unsigned id, nr, head, tail; };

#define WAITING 3

static struct iocb *write_of(int file, unsigned long number)
{
	static struct iocb request;
	request = (struct iocb) { .aio_data = number, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = file, .aio_buf = (uintptr_t)"turned", .aio_nbytes = 6, .aio_offset = 100 };
	return &request;
}

/* A context whose ring has been gone round once, and holds results that nobody has fetched. */
static aio_context_t turned_context(int file)
{
	aio_context_t context = 0;
	struct io_event event;
	if (syscall(SYS_io_setup, 20, &context) != 0)
		return 0;
	unsigned long count = ((struct ring *)context)->nr + 5;
	for (unsigned long i = 0; i < count; i++) {
		struct iocb *request = write_of(file, i);
		MUST(syscall(SYS_io_submit, context, 1, &request) == 1);
		if (i >= WAITING)
			MUST(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1 && event.data == i - WAITING);
	}
	return context;
}

static void check_turned(aio_context_t context, int file, struct ring was)
{
	struct ring now = *(struct ring *)context;
	struct io_event event;
	struct iocb *request = write_of(file, was.nr + 5);
	CHECK(now.nr == was.nr && now.head == was.head && now.tail == was.tail, "the ring stood at %u-%u, now %u-%u", was.head, was.tail, now.head, now.tail);
	CHECK(syscall(SYS_io_submit, context, 1, &request) == 1, "io_submit to the turned ring: %s", strerror(errno));
	for (unsigned long i = was.nr + 5 - WAITING; i <= was.nr + 5; i++)
		CHECK(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1 && event.data == i && event.res == 6, "result %lu is %lu", i, (unsigned long)event.data);
	CHECK(syscall(SYS_io_destroy, context) == 0, "io_destroy of the turned ring");
}

int main(int argc, char **argv)
{
	aio_context_t aio = 0;
	char buffer[64] = "", name[PATH_MAX];
	h_init(argc, argv);
	bool merges = prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0) == 0;
	char *sealed = map();
	h_fill(sealed, PAGE, 5);
	bool seals = syscall(SYS_mseal, sealed, PAGE, 0) == 0;
	bool has_aio = syscall(SYS_io_setup, 100, &aio) == 0;
	if (has_aio) {
		MUST(*(unsigned *)(aio + 16) == 0xa10a10a1);
		snprintf(name, sizeof name, "%.4000s.file", h_out);
	}
	int file = open(has_aio ? name : "/dev/null", O_RDWR | O_CREAT, 0600);
	MUST(file >= 0 && (!has_aio || pwrite(file, "asynchronous", 12, 0) == 12));
	aio_context_t turned = has_aio ? turned_context(file) : 0;
	struct ring was = turned ? *(struct ring *)turned : (struct ring) { 0 };
	bool locks = mlockall(MCL_FUTURE | MCL_ONFAULT) == 0;
	h_ready();
	h_wait();

	CHECK(!merges || prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1, "pages are not merged any more");
	CHECK(h_wrong_at(sealed, PAGE, 5) == -1, "content of the sealed mapping");
	CHECK(!seals || (mprotect(sealed, PAGE, PROT_READ) == -1 && errno == EPERM), "the mapping is not sealed any more");
	char *young = map();
	young[0] = 1;
	CHECK(!locks || (has_flag(young, " lo ") && has_flag(young, " lf")), "new memory is not locked any more");
	if (turned)
		check_turned(turned, file, was);
	if (has_aio) {
		struct iocb request = { .aio_data = 77, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_buf = (uintptr_t)buffer, .aio_nbytes = 12 };
		struct iocb *requests[] = { &request };
		struct io_event event;
		struct timespec second = { 10, 0 };
		CHECK(syscall(SYS_io_submit, aio, 1, requests) == 1, "io_submit: %s", strerror(errno));
		CHECK(syscall(SYS_io_getevents, aio, 1, 1, &event, &second) == 1 && event.data == 77 && event.res == 12
			&& memcmp(buffer, "asynchronous", 12) == 0, "io_getevents");
		CHECK(syscall(SYS_io_destroy, aio) == 0, "io_destroy");
	}
	h_end();
}

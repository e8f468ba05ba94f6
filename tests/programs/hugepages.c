/* Memory of huge pages: anonymous, private and shared, and of memfds, mapped and not. Wants some: /proc/sys/vm/nr_hugepages. */
#include "harness.h"

#define HUGE (2ul << 20)
#define RW (PROT_READ | PROT_WRITE)

int main(int argc, char **argv)
{
	h_init(argc, argv);
	char *private = mmap(NULL, 3 * HUGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
	if (private == MAP_FAILED)
		h_skip("no huge pages are free here");
	int file = memfd_create("huge", MFD_HUGETLB | (21u << 26));
	MUST(file >= 0 && ftruncate(file, 2 * HUGE) == 0);
	char *shared = mmap(NULL, 2 * HUGE, RW, MAP_SHARED, file, 0);
	if (shared == MAP_FAILED)
		h_skip("too few huge pages are free here");
	char *anonymous = mmap(NULL, 2 * HUGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
	int unmapped = memfd_create("unmapped", MFD_HUGETLB | (21u << 26));
	MUST(unmapped >= 0 && ftruncate(unmapped, HUGE) == 0);
	char *passing = mmap(NULL, HUGE, RW, MAP_SHARED, unmapped, 0);
	if (anonymous == MAP_FAILED || passing == MAP_FAILED)
		h_skip("too few huge pages are free here");
	h_fill(anonymous + HUGE, HUGE, 4);
	h_fill(passing, HUGE, 5);
	MUST(munmap(passing, HUGE) == 0);
	h_fill(private, HUGE, 1);
	h_fill(private + 2 * HUGE, HUGE, 2);
	h_fill(shared, HUGE / 2, 3);
	h_ready();
	h_wait();

	struct stat stat;
	CHECK(h_wrong_at(private, HUGE, 1) == -1 && h_wrong_at(private + 2 * HUGE, HUGE, 2) == -1 && private[HUGE + 5] == 0, "anonymous memory");
	CHECK(h_wrong_at(shared, HUGE / 2, 3) == -1 && shared[HUGE + 1] == 0, "memory of the memfd");
	CHECK(fstat(file, &stat) == 0 && stat.st_blksize == (long)HUGE && stat.st_size == 2 * (long)HUGE, "the memfd is not of huge pages");
	CHECK(munmap(private, 4096) == -1, "the anonymous memory is not of huge pages");
	CHECK(h_wrong_at(anonymous + HUGE, HUGE, 4) == -1 && anonymous[3] == 0, "shared anonymous memory");
	CHECK(munmap(anonymous, 4096) == -1, "the shared anonymous memory is not of huge pages");
	passing = mmap(NULL, HUGE, RW, MAP_SHARED, unmapped, 0);
	CHECK(passing != MAP_FAILED && h_wrong_at(passing, HUGE, 5) == -1, "memory of the memfd that was not mapped");
	char byte = 0;
	shared[7] = 77;
	CHECK(pread(file, &byte, 1, 7) == 1 && byte == 77, "mapping and memfd are one");
	h_end();
}

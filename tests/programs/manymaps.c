/* N small mappings (2,000 by default), alternating in protection so that the kernel cannot melt them. */
#include "harness.h"

int main(int argc, char **argv)
{
	h_init(argc, argv);
	long count = argc > 2 ? atol(argv[2]) : 2000;
	size_t page = 4096;
	char *base = mmap(NULL, count * 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(base != MAP_FAILED);
	for (long i = 0; i < count; i++) {
		if (i % 3 != 2)
			h_fill(base + i * 2 * page, 2 * page, i);
		if (i % 2)
			MUST(mprotect(base + i * 2 * page, 2 * page, PROT_READ) == 0);
	}
	h_ready();
	h_wait();
	for (long i = 0; i < count; i++) {
		char *at = base + i * 2 * page;
		long wrong = i % 3 != 2 ? h_wrong_at(at, 2 * page, i) : h_nonzero_at(at, 2 * page);
		CHECK(wrong < 0, "mapping %ld: wrong at %#lx", i, wrong);
	}
	h_end();
}

/* N MiB (64 by default) of memory without a zero page, for measuring. */
#include "harness.h"

int main(int argc, char **argv)
{
	h_init(argc, argv);
	size_t length = (argc > 2 ? strtoul(argv[2], NULL, 10) : 64) << 20;
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory != MAP_FAILED);
	h_fill(memory, length, 1);
	h_ready();
	h_wait();
	long wrong = h_wrong_at(memory, length, 1);
	CHECK(wrong < 0, "wrong at %#lx", wrong);
	h_end();
}

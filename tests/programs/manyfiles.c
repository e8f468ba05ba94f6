/* 300 mapped files and few descriptors, as a large desktop program has libraries; a third of the files has no name any more. */
#include "harness.h"

#define FILES 300
static char *maps[FILES];

int main(int argc, char **argv)
{
	char suffix[32], text[32];
	h_init(argc, argv);
	for (int i = 0; i < FILES; i++) {
		snprintf(suffix, sizeof suffix, ".%d", i);
		snprintf(text, sizeof text, "file %d", i);
		int fd = open(h_beside(suffix), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		MUST(fd >= 0 && write(fd, text, sizeof text) == sizeof text);
		maps[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, i % 2 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		MUST(maps[i] != MAP_FAILED && close(fd) == 0);
		if (i % 3 == 0)
			MUST(unlink(h_beside(suffix)) == 0);
	}
	h_ready();
	h_wait();
	for (int i = 0; i < FILES; i++) {
		snprintf(text, sizeof text, "file %d", i);
		CHECK(strcmp(maps[i], text) == 0, "map %d: %.20s", i, maps[i]);
	}
	h_end();
}

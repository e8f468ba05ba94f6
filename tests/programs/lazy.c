/* Functions of libraries that are looked up when they are called first: the loader then saves the vector registers on the stack, in room whose
 * size it has taken from the processor at the start. READY comes after "variable ADDRESS SIZE" where that size is kept. */
#include "harness.h"
#include <cpuid.h>
#include <inttypes.h>
#include <search.h>
#include <sys/auxv.h>

#define ROUNDS 6

/* In the loader's code: sub variable(%rip),%rsp, and not far behind it xsave or xsavec n(%rsp). */
static const unsigned long *find_variable(void)
{
	const unsigned char *base = (const unsigned char *)getauxval(AT_BASE);
	unsigned long start, end;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	MUST(maps != NULL && base != NULL);
	const unsigned long *found = NULL;
	while (fgets(line, sizeof line, maps) && found == NULL) {
		if (strstr(line, " r-xp ") == NULL || strstr(line, "/ld-") == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		for (const unsigned char *at = (const unsigned char *)start; at < (const unsigned char *)end - 256 && found == NULL; at++) {
			if (at[0] != 0x48 || at[1] != 0x2b || at[2] != 0x25)
				continue;
			for (int i = 7; i < 200; i++)
				if (at[i] == 0x0f && (at[i + 1] == 0xae || at[i + 1] == 0xc7) && at[i + 2] == 0x64 && at[i + 3] == 0x24)
					found = (const unsigned long *)(at + 7 + *(const int *)(at + 3));
		}
	}
	fclose(maps);
	return found;
}

static bool has_avx512(void)
{
	unsigned a, b, c, d, low, high;
	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0)
		return false;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 0xe6) == 0xe6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512F) != 0;
}

/* As code chosen by the processor does: every component is in use then, and saved. */
static void use_all_registers(bool avx512)
{
	if (avx512)
		__asm__ volatile("vpternlogd $0xff, %%zmm20, %%zmm20, %%zmm20; vpternlogd $0xff, %%zmm1, %%zmm1, %%zmm1; kxnorw %%k3, %%k3, %%k3" ::: "memory");
	else
		__asm__ volatile("pcmpeqd %%xmm9, %%xmm9" ::: "memory");
}

static int same(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Each is called for the first time here. What lies above on the stack must be what it was. */
static __attribute__((noinline)) void call(int round, bool avx512)
{
	volatile unsigned char above[4096];
	int numbers[] = { 3, 1, 2 }, two = 2;
	size_t count = 3;
	memset((void *)above, 0x5a, sizeof above);
	use_all_registers(avx512);
	switch (round) {
	case 0: CHECK(a64l("./0") == 8256, "a64l: %ld", a64l("./0")); break;
	case 1: CHECK(strtoimax("77", NULL, 10) == 77, "strtoimax"); break;
	case 2: CHECK(lfind(&two, numbers, &count, sizeof(int), same) == &numbers[2], "lfind"); break;
	case 3: CHECK(strcmp(l64a(1), "/") == 0, "l64a"); break;
	case 4: CHECK(ffsll(8) == 4, "ffsll"); break;
	default: CHECK(strverscmp("a9", "a10") < 0, "strverscmp"); break;
	}
	for (size_t i = 0; i < sizeof above; i++)
		if (above[i] != 0x5a) {
			CHECK(false, "round %d: the stack is written over at %zu", round, i);
			break;
		}
}

int main(int argc, char **argv)
{
	char line[100];
	h_init(argc, argv);
	const unsigned long *variable = find_variable();
	bool avx512 = has_avx512();
	if (variable == NULL)
		h_skip("this loader has no such code");
	unsigned long size = *variable;
	snprintf(line, sizeof line, "variable %lx %lu", (unsigned long)variable, size);
	h_line(line);
	h_ready();
	h_wait();

	avx512 = has_avx512();
	for (int round = 0; round < ROUNDS; round++)
		call(round, avx512);
	CHECK(*variable >= size, "the size was %lu, now %lu", size, *variable);
	h_end();
}

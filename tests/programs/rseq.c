/*
 * A restartable sequence (rseq(2)) that is interrupted in its middle must either begin anew or find itself still registered: never
 * go on as if nothing had been, with its registration gone.
 */
#include "harness.h"
#include <linux/rseq.h>

#if !__has_include(<sys/rseq.h>)
int main(int argc, char **argv) { h_init(argc, argv); h_skip("the C library here registers no rseq"); }
#else
#include <sys/rseq.h>

static volatile int stop;
static atomic_long whole, aborted, broken;

/* One long sequence: 0 when it came to its end, 1 when it was aborted, 2 when its registration was gone at the end. */
static int sequence(struct rseq *area)
{
	uint64_t before = 0, after = 1;
	__asm__ goto volatile (
		".pushsection .data.sequence, \"aw\"\n"
		".balign 32\n"
		"9: .long 0, 0\n"
		".quad 1f, 2f - 1f, 4f\n"
		".popsection\n"
		"lea 9b(%%rip), %%rax\n"
		"mov %%rax, 8(%0)\n"
		"1:\n"
		"mov 8(%0), %%rax\n"
		"mov %%rax, (%1)\n"
		"mov $2000000, %%rcx\n"
		"3: dec %%rcx\n"
		"jnz 3b\n"
		"mov 8(%0), %%rax\n"
		"mov %%rax, (%2)\n"
		"2:\n"
		".pushsection .text.aborted, \"ax\"\n"
		".byte 0x0f, 0xb9, 0x3d\n"
		".long %c3\n"
		"4: jmp %l[aborted]\n"
		".popsection\n"
		: : "r" (area), "r" (&before), "r" (&after), "i" (RSEQ_SIG) : "memory", "cc", "rax", "rcx" : aborted);
	return before == after ? 0 : 2;
aborted:
	return 1;
}

static void *work(void *argument)
{
	(void)argument;
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	while (!stop) {
		int result = sequence(area);
		atomic_fetch_add(result == 0 ? &whole : result == 1 ? &aborted : &broken, 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	if (__rseq_size == 0)
		h_skip("the C library has registered no rseq here");
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&threads[i], NULL, work, NULL) == 0);
	while (whole == 0)
		usleep(1000);
	h_ready();
	h_wait();
	/* Enough time for what was interrupted to come to its end. */
	long done = whole + aborted;
	while (whole + aborted + broken < done + 6)
		usleep(1000);
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(broken == 0, "%ld sequences went on unregistered (%ld whole, %ld aborted)", (long)broken, (long)whole, (long)aborted);
	h_end();
}
#endif

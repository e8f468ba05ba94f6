/* Registers, each set held by a thread that spins in assembler and stores nothing until it is told: whatever a save and a
 * restore do to them shows. Arguments choose: general x87 sse avx avx512 (all that the CPU has by default), or
 * x87-emulated, for processors that do not keep the pointers to instruction and operand. */
#include "harness.h"
#include <cpuid.h>

int spin = 1;		/* the threads' word to go on, read by RIP-relative addressing: it costs no register */
atomic_int holding;

static uint64_t general_want[15], general_got[15];
uint64_t flags_got;
static struct { uint8_t bytes[512]; } __attribute__((aligned(64))) fx_before, fx_after;
static uint8_t vector_want[32][64] __attribute__((aligned(64))), vector_got[32][64] __attribute__((aligned(64)));
static uint8_t ymm_want[16][32] __attribute__((aligned(64))), ymm_got[16][32] __attribute__((aligned(64)));
static uint8_t xmm_want[16][16] __attribute__((aligned(64))), xmm_got[16][16] __attribute__((aligned(64)));
static uint64_t opmask_want[8], opmask_got[8];
static uint32_t mxcsr_got;
static const uint32_t mxcsr_want = 0x1f80 | 0x6000 | 0x8000;	/* round to zero, flush to zero */

#define SPIN "lock incl holding(%%rip)\n1: pause\n cmpl $0, spin(%%rip)\n jne 1b\n"

static void *hold_general(void *unused)
{
	uint64_t *want = general_want, *got = general_got;
	/* rax rbx rcx rdx rsi rdi rbp r8..r15, and the direction flag. rsp is the stack pointer of the whole time. */
	__asm__ volatile(
		"push %%rbp\n push %%rbx\n push %[got]\n mov %[want], %%rax\n"
		"mov 8(%%rax), %%rbx\n mov 16(%%rax), %%rcx\n mov 24(%%rax), %%rdx\n mov 32(%%rax), %%rsi\n"
		"mov 40(%%rax), %%rdi\n mov 48(%%rax), %%rbp\n mov 56(%%rax), %%r8\n mov 64(%%rax), %%r9\n"
		"mov 72(%%rax), %%r10\n mov 80(%%rax), %%r11\n mov 88(%%rax), %%r12\n mov 96(%%rax), %%r13\n"
		"mov 104(%%rax), %%r14\n mov 112(%%rax), %%r15\n mov (%%rax), %%rax\n std\n"
		SPIN
		"xchg (%%rsp), %%rax\n"		/* rax := got, the stack keeps the held rax */
		"mov %%rbx, 8(%%rax)\n mov %%rcx, 16(%%rax)\n mov %%rdx, 24(%%rax)\n mov %%rsi, 32(%%rax)\n"
		"mov %%rdi, 40(%%rax)\n mov %%rbp, 48(%%rax)\n mov %%r8, 56(%%rax)\n mov %%r9, 64(%%rax)\n"
		"mov %%r10, 72(%%rax)\n mov %%r11, 80(%%rax)\n mov %%r12, 88(%%rax)\n mov %%r13, 96(%%rax)\n"
		"mov %%r14, 104(%%rax)\n mov %%r15, 112(%%rax)\n pop %%rbx\n mov %%rbx, (%%rax)\n"
		"pushfq\n pop %%rax\n cld\n pop %%rbx\n pop %%rbp\n mov %%rax, flags_got(%%rip)\n"
		: [want] "+D"(want), [got] "+S"(got) :
		: "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	return unused;
}

static void *hold_x87(void *unused)
{
	uint16_t control = 0x0b7f;	/* round up, double extended is off: not the default */
	__asm__ volatile(
		"fninit\n fldcw %[control]\n fldpi\n fldl2e\n fldl2t\n fldlg2\n fldln2\n fld1\n"
		"fld1\n fldpi\n fdivrp\n fldz\n"	/* an inexact result: sets PE and the pointers to instruction and operand */
		"fxsave64 %[before]\n"
		SPIN
		"fxsave64 %[after]\n fninit\n"
		: [before] "=m"(fx_before), [after] "=m"(fx_after) : [control] "m"(control)
		: "memory", "cc");
	return unused;
}

static void *hold_sse(void *unused)
{
	uint32_t normal = 0x1f80;
	__asm__ volatile(
		"ldmxcsr %[mxcsr]\n"
		"movaps 0x00(%0), %%xmm0\n movaps 0x10(%0), %%xmm1\n movaps 0x20(%0), %%xmm2\n movaps 0x30(%0), %%xmm3\n"
		"movaps 0x40(%0), %%xmm4\n movaps 0x50(%0), %%xmm5\n movaps 0x60(%0), %%xmm6\n movaps 0x70(%0), %%xmm7\n"
		"movaps 0x80(%0), %%xmm8\n movaps 0x90(%0), %%xmm9\n movaps 0xa0(%0), %%xmm10\n movaps 0xb0(%0), %%xmm11\n"
		"movaps 0xc0(%0), %%xmm12\n movaps 0xd0(%0), %%xmm13\n movaps 0xe0(%0), %%xmm14\n movaps 0xf0(%0), %%xmm15\n"
		SPIN
		"movaps %%xmm0, 0x00(%1)\n movaps %%xmm1, 0x10(%1)\n movaps %%xmm2, 0x20(%1)\n movaps %%xmm3, 0x30(%1)\n"
		"movaps %%xmm4, 0x40(%1)\n movaps %%xmm5, 0x50(%1)\n movaps %%xmm6, 0x60(%1)\n movaps %%xmm7, 0x70(%1)\n"
		"movaps %%xmm8, 0x80(%1)\n movaps %%xmm9, 0x90(%1)\n movaps %%xmm10, 0xa0(%1)\n movaps %%xmm11, 0xb0(%1)\n"
		"movaps %%xmm12, 0xc0(%1)\n movaps %%xmm13, 0xd0(%1)\n movaps %%xmm14, 0xe0(%1)\n movaps %%xmm15, 0xf0(%1)\n"
		"stmxcsr %[got]\n ldmxcsr %[normal]\n"
		: : "r"(xmm_want), "r"(xmm_got), [got] "m"(mxcsr_got), [mxcsr] "m"(mxcsr_want), [normal] "m"(normal)
		: "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
		  "xmm12", "xmm13", "xmm14", "xmm15");
	return unused;
}

__attribute__((target("avx")))
static void *hold_avx(void *unused)
{
	__asm__ volatile(
		".set i, 0\n"
		".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovaps i(%0), %%ymm\\n\n .set i, i+32\n .endr\n"
		SPIN
		".set i, 0\n"
		".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovaps %%ymm\\n, i(%1)\n .set i, i+32\n .endr\n vzeroupper\n"
		: : "r"(ymm_want), "r"(ymm_got)
		: "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
		  "xmm12", "xmm13", "xmm14", "xmm15");
	return unused;
}

#define ALL32 "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
__attribute__((target("avx512f,avx512bw")))
static void *hold_avx512(void *unused)
{
	__asm__ volatile(
		".set i, 0\n .irp n," ALL32 "\n vmovdqu64 i(%0), %%zmm\\n\n .set i, i+64\n .endr\n"
		".set i, 0\n .irp n,0,1,2,3,4,5,6,7\n kmovq i(%2), %%k\\n\n .set i, i+8\n .endr\n"
		SPIN
		".set i, 0\n .irp n," ALL32 "\n vmovdqu64 %%zmm\\n, i(%1)\n .set i, i+64\n .endr\n"
		".set i, 0\n .irp n,0,1,2,3,4,5,6,7\n kmovq %%k\\n, i(%3)\n .set i, i+8\n .endr\n vzeroupper\n"
		: : "r"(vector_want), "r"(vector_got), "r"(opmask_want), "r"(opmask_got)
		: "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
		  "xmm12", "xmm13", "xmm14", "xmm15");
	return unused;
}

static void compare(const char *name, const void *want, const void *got, int count, size_t size)
{
	for (int i = 0; i < count; i++)
		CHECK(memcmp((const char *)want + i * size, (const char *)got + i * size, size) == 0, "%s%d", name, i);
}

static bool check(const char *name)
{
	if (strcmp(name, "general") == 0) {
		compare("general ", general_want, general_got, 15, 8);
		CHECK(flags_got & 0x400, "direction flag: %#lx", flags_got);
	} else if (strncmp(name, "x87", 3) == 0) {
		CHECK(memcmp(&fx_before, &fx_after, strcmp(name, "x87") == 0 ? 24 : 5) == 0, "x87: control, status, tags or pointers");
		for (int i = 0; i < 8; i++)
			CHECK(memcmp(fx_before.bytes + 32 + 16 * i, fx_after.bytes + 32 + 16 * i, 10) == 0, "st(%d)", i);
		CHECK(fx_before.bytes[0] == 0x7f && fx_before.bytes[1] == 0x0b && fx_before.bytes[4] == 0xff,
			"the x87 stack was not set up");
	} else if (strcmp(name, "sse") == 0) {
		compare("xmm", xmm_want, xmm_got, 16, 16);
		CHECK((mxcsr_got & ~0x3fu) == mxcsr_want, "mxcsr %#x", mxcsr_got);
	} else if (strcmp(name, "avx") == 0)
		compare("ymm", ymm_want, ymm_got, 16, 32);
	else {
		compare("zmm", vector_want, vector_got, 32, 64);
		compare("k", opmask_want, opmask_got, 8, 8);
	}
	return true;
}

static bool cpu_has(const char *name)
{
	__builtin_cpu_init();
	if (strcmp(name, "avx") == 0)
		return __builtin_cpu_supports("avx");
	if (strcmp(name, "avx512") == 0)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
	return true;
}

enum { SETS = 6 };

int main(int argc, char **argv)
{
	static const struct { const char *name; void *(*hold)(void *); } sets[SETS] = {
		{ "general", hold_general }, { "x87", hold_x87 }, { "sse", hold_sse }, { "avx", hold_avx }, { "avx512", hold_avx512 },
		{ "x87-emulated", hold_x87 },	/* only if asked for */
	};
	pthread_t threads[SETS];
	bool chosen[SETS] = { false };
	int count = 0;
	h_init(argc, argv);
	h_fill(general_want, sizeof general_want, 1);
	h_fill(xmm_want, sizeof xmm_want, 2);
	h_fill(ymm_want, sizeof ymm_want, 3);
	h_fill(vector_want, sizeof vector_want, 4);
	h_fill(opmask_want, sizeof opmask_want, 5);
	for (int i = 0; i < SETS; i++) {
		chosen[i] = argc == 2 && i < SETS - 1 && cpu_has(sets[i].name);
		for (int j = 2; j < argc; j++)
			if (strcmp(argv[j], sets[i].name) == 0) {
				if (!cpu_has(sets[i].name))
					h_skip("this CPU does not have it");
				chosen[i] = true;
			}
		if (!chosen[i])
			continue;
		count++;
		MUST(pthread_create(&threads[i], NULL, sets[i].hold, NULL) == 0);
	}
	while (holding < count)
		usleep(1000);
	h_ready();
	h_wait();
	*(volatile int *)&spin = 0;
	for (int i = 0; i < SETS; i++)
		if (chosen[i]) {
			pthread_join(threads[i], NULL);
			check(sets[i].name);
		}
	h_end();
}

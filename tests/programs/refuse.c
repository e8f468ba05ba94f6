/* refuse CALL ARGUMENT COMMAND [ARGUMENT...]: becomes COMMAND, for which, and for all that it starts, the system call of number CALL
 * answers EINVAL when its first argument is ARGUMENT: as a kernel does that lacks one of the things a call is for. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: refuse CALL ARGUMENT COMMAND [ARGUMENT...]\n");
		return 64;
	}
	unsigned call = strtoul(argv[1], NULL, 0), argument = strtoul(argv[2], NULL, 0);
	/* The low half of the argument is enough for a test. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
		fprintf(stderr, "refuse: seccomp: %s\n", strerror(errno));
		return 71;
	}
	execvp(argv[3], argv + 3);
	fprintf(stderr, "refuse: cannot start %s: %s\n", argv[3], strerror(errno));
	return 71;
}

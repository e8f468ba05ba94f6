/* Credentials, which the kernel keeps per thread and this program makes different in each. Wants root, else skips. */
#include "harness.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

enum { THREADS = 6 };
static struct state { char status[2000]; int securebits, keep, no_new_privs, ambient; } before[THREADS], after[THREADS];
static pthread_barrier_t built, checked;
static volatile int go_on;

static void read_state(struct state *into)
{
	char path[64], text[6000], *to = into->status;
	snprintf(path, sizeof path, "/proc/self/task/%d/status", gettid());
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	close(fd);
	text[length > 0 ? length : 0] = 0;
	static const char *const lines[] = { "Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:",
		"NoNewPrivs:", "Seccomp:" };
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		const char *line = strstr(text, lines[i]);
		to += snprintf(to, 200, "%.*s\n", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
	}
	into->securebits = prctl(PR_GET_SECUREBITS);
	into->keep = prctl(PR_GET_KEEPCAPS);
	into->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	into->ambient = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0);
}

static void set_caps(uint32_t permitted, uint32_t effective, uint32_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { effective, permitted, inheritable }, { 0, 0, 0 } };
	MUST(syscall(SYS_capset, &header, data) == 0);
}

#define CAP(name) (1u << (name))

/* By raw system calls: the C library would change all threads at once. */
static void become(long me)
{
	gid_t groups[] = { 7, 1000, 65533, 4000000000u, 12 };
	switch (me) {
	case 1:		/* a plain user */
		MUST(syscall(SYS_setgroups, 2, groups) == 0 && syscall(SYS_setresgid, 1000, 1001, 1002) == 0 &&
			syscall(SYS_setresuid, 1000, 1001, 1002) == 0);
		break;
	case 2:		/* a user that kept some capabilities, one of them not effective, one inheritable and ambient */
		MUST(prctl(PR_SET_KEEPCAPS, 1) == 0 && syscall(SYS_setresuid, 2000, 2000, 2000) == 0);
		set_caps(CAP(CAP_CHOWN) | CAP(CAP_NET_RAW) | CAP(CAP_KILL), CAP(CAP_CHOWN) | CAP(CAP_KILL), CAP(CAP_CHOWN));
		MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0);
		break;
	case 3:		/* root with a smaller bounding set, file system ids of its own, and locked securebits */
		MUST(prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE) == 0 && prctl(PR_CAPBSET_DROP, CAP_NET_RAW) == 0);
		MUST(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP) == 0);
		syscall(SYS_setfsgid, 501);
		syscall(SYS_setfsuid, 500);
		break;
	case 4:		/* five groups, nothing new ever */
		MUST(syscall(SYS_setgroups, 5, groups) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		break;
	case 5:		/* root without a capability, and no groups at all */
		MUST(syscall(SYS_setgroups, 0, NULL) == 0);
		set_caps(0, 0, 0);
		break;
	}
}

static void *work(void *argument)
{
	long me = (long)argument;
	become(me);
	read_state(&before[me]);
	pthread_barrier_wait(&built);
	while (!go_on)
		usleep(1000);
	read_state(&after[me]);
	pthread_barrier_wait(&checked);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	h_init(argc, argv);
	if (geteuid() != 0)
		h_skip("wants root");
	pthread_barrier_init(&built, NULL, THREADS);
	pthread_barrier_init(&checked, NULL, THREADS);
	for (long i = 1; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	read_state(&before[0]);
	pthread_barrier_wait(&built);
	h_ready();
	h_wait();
	go_on = 1;
	read_state(&after[0]);
	pthread_barrier_wait(&checked);
	for (int i = 0; i < THREADS; i++) {
		const char *was = before[i].status, *is = after[i].status;
		for (; *was && *is; was += strcspn(was, "\n") + 1, is += strcspn(is, "\n") + 1)
			CHECK(strcspn(was, "\n") == strcspn(is, "\n") && strncmp(was, is, strcspn(was, "\n")) == 0,
				"thread %d was [%.*s] is [%.*s]", i, (int)strcspn(was, "\n"), was, (int)strcspn(is, "\n"), is);
		CHECK(before[i].securebits == after[i].securebits, "thread %d: securebits %#x %#x", i, before[i].securebits,
			after[i].securebits);
		CHECK(before[i].keep == after[i].keep, "thread %d: keepcaps", i);
		CHECK(before[i].no_new_privs == after[i].no_new_privs, "thread %d: no_new_privs", i);
		CHECK(before[i].ambient == after[i].ambient, "thread %d: ambient", i);
	}
	h_end();
}

/* A Landlock domain, which a save must notice: the kernel shows it nowhere. Arguments: files | network (what the domain restricts),
 * thread (a second thread only), user (gives up root first), free (no domain, but no_new_privs, as user). */
#include "harness.h"
#include <libgen.h>
#include <sys/prctl.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif
#define MAKE_SOCK (1 << 9)
#define CONNECT_TCP 2

static struct { uint64_t files, network; } rights = { 0, 0 };

static void enter_domain(void)
{
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, rights.network ? sizeof rights : sizeof rights.files, 0);
	if (ruleset < 0)
		h_skip("no Landlock here");
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0);
	close(ruleset);
}

/* Another user must still be able to report. */
static void become_user(void)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", h_out);
	h_line("as another user");
	MUST(chmod(h_out, 0666) == 0 && chmod(dirname(folder), 0755) == 0);
	MUST(setresgid(4242, 4242, 4242) == 0 && setresuid(4242, 4242, 4242) == 0);
}

static void *second(void *arg)
{
	enter_domain();
	h_ready();
	pause();
	return arg;
}

int main(int argc, char **argv)
{
	bool thread = false, in_domain = true;
	h_init(argc, argv);
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "network") == 0)
			rights.network = CONNECT_TCP;
		else if (strcmp(argv[i], "files") == 0)
			rights.files = MAKE_SOCK;
		else if (strcmp(argv[i], "thread") == 0)
			thread = true;
		else if (strcmp(argv[i], "user") == 0)
			become_user();
		else if (strcmp(argv[i], "free") == 0)
			in_domain = false;
	}
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (thread) {
		pthread_t other;
		MUST(pthread_create(&other, NULL, second, NULL) == 0);
		pause();
	}
	if (in_domain)
		enter_domain();
	h_ready();
	h_wait();
	h_end();
}

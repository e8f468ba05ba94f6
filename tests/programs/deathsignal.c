/* A signal at the end of the parent (PR_SET_PDEATHSIG). The root's would kill it: its parent is not in the tree, and a restored one has
 * another. Its child's is kept, and comes when the root ends. */
#include "harness.h"
#include <sys/prctl.h>
#include <sys/wait.h>

static int death_signal(void)
{
	int signal = -1;
	MUST(prctl(PR_GET_PDEATHSIG, &signal) == 0);
	return signal;
}

/* Judges itself when it is asked, and then the end of its parent. */
static void be_child(int question)
{
	char asked;
	sigset_t only;
	struct timespec patience = { 20, 0 };
	sigemptyset(&only);
	sigaddset(&only, SIGUSR2);
	MUST(sigprocmask(SIG_BLOCK, &only, NULL) == 0 && prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
	h_ready();
	MUST(read(question, &asked, 1) == 1);
	CHECK(death_signal() == SIGUSR2, "the child's signal was %d, now %d", SIGUSR2, death_signal());
	pid_t parent = getppid();
	MUST(kill(parent, SIGKILL) == 0);
	CHECK(sigtimedwait(&only, NULL, &patience) == SIGUSR2, "the parent has ended without a signal");
	h_end();
}

/* The one who starts us ends by himself, and with a signal set would take us along. */
static void await_end_of_starter(void)
{
	char path[64], name[32];
	do {
		usleep(1000);
		snprintf(path, sizeof path, "/proc/%d/comm", getppid());
		FILE *comm = fopen(path, "re");
		if (comm == NULL || fgets(name, sizeof name, comm) == NULL)
			name[0] = 0;
		if (comm != NULL)
			fclose(comm);
	} while (strcmp(name, "launch\n") == 0);
}

int main(int argc, char **argv)
{
	int question[2];
	h_init(argc, argv);
	MUST(pipe(question) == 0);
	await_end_of_starter();
	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0)
		be_child(question[0]);
	MUST(close(question[0]) == 0);
	h_wait();
	MUST(write(question[1], "?", 1) == 1);
	for (;;)
		pause();
}

/* Threads that have left the folders of their process (unshare(2) with CLONE_FS), as file servers do: each has its own. */
#include "harness.h"
#include <linux/kcmp.h>

#define THREADS 3
static char folders[THREADS][PATH_MAX];
static pid_t tids[THREADS];
static pthread_barrier_t built, checked;

static void *live(void *argument)
{
	long me = (long)argument;
	char now[PATH_MAX] = "";
	tids[me] = gettid();
	/* The last one stays with the process. */
	if (me < THREADS - 1) {
		MUST(unshare(CLONE_FS) == 0 && chdir(folders[me]) == 0);
		umask(0100 + (int)me);
	}
	pthread_barrier_wait(&built);
	pthread_barrier_wait(&checked);
	const char *expected = me < THREADS - 1 ? folders[me] : "/";
	CHECK(getcwd(now, sizeof now) && strcmp(now, expected) == 0, "thread %ld is in %s", me, now);
	int mask = (int)umask(0);
	CHECK(mask == (me < THREADS - 1 ? 0100 + me : 0027), "thread %ld has umask %o", me, mask);
	return NULL;
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	pthread_t threads[THREADS];
	umask(0027);
	for (int i = 0; i < THREADS - 1; i++) {
		snprintf(folders[i], sizeof folders[i], "%.4000s.folder-%d", h_out, i);
		MUST(mkdir(folders[i], 0755) == 0 || errno == EEXIST);
	}
	MUST(chdir("/") == 0);
	pthread_barrier_init(&built, NULL, THREADS + 1);
	pthread_barrier_init(&checked, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, live, (void *)i) == 0);
	pthread_barrier_wait(&built);
	h_ready();
	h_wait();

	for (int i = 0; i < THREADS; i++) {
		long result = syscall(SYS_kcmp, getpid(), tids[i], KCMP_FS, 0, 0);
		CHECK(result >= 0 && (result == 0) == (i == THREADS - 1), "folders of thread %d: kcmp %ld", i, result);
	}

	pthread_barrier_wait(&checked);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	h_end();
}

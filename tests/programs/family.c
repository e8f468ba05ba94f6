/* family OUT [sysv]: four processes of two threads each, root, two children and a grandchild. Each beats without a pause in memory that
 * all share. FAMILY before READY tells the pids. Whoever of the children was killed is left out of the check; all others must be there and
 * beat on. With sysv the root has a segment of shared memory and a message queue besides, and removes both at the end. */
#include "harness.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/wait.h>

enum { MEMBERS = 4 };
static struct { atomic_long beats[MEMBERS][2]; pid_t pids[MEMBERS]; atomic_int over; } *all;
struct beat { int member, thread; };

static void *beat(void *argument)
{
	struct beat *me = argument;
	while (!all->over) {
		all->beats[me->member][me->thread]++;
		usleep(500);
	}
	return NULL;
}

static void live(int member)
{
	static struct beat both[2];
	pthread_t thread;
	all->pids[member] = getpid();
	both[0] = (struct beat){ member, 0 };
	both[1] = (struct beat){ member, 1 };
	MUST(pthread_create(&thread, NULL, beat, &both[1]) == 0);
	if (member == 0)
		MUST(pthread_create(&thread, NULL, beat, &both[0]) == 0);
	else
		beat(&both[0]), _exit(0);
}

static void make_children(void)
{
	for (int member = 1; member < 3; member++) {
		pid_t child = fork();
		MUST(child >= 0);
		if (child > 0)
			continue;
		if (member == 2) {
			pid_t grandchild = fork();
			MUST(grandchild >= 0);
			if (grandchild == 0)
				member = 3;
		}
		live(member);
	}
}

static bool is_dead(pid_t pid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return true;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	char *end = n ? strrchr(text, ')') : NULL;
	return !end || end[2] == 'Z' || end[2] == 'X';
}

static void check_beats(void)
{
	long then[MEMBERS][2];
	for (int m = 0; m < MEMBERS; m++)
		for (int t = 0; t < 2; t++)
			then[m][t] = all->beats[m][t];
	for (int m = 0; m < MEMBERS; m++)
		for (int t = 0; t < 2; t++) {
			for (int tries = 0; tries < 1000 && !is_dead(all->pids[m]) && all->beats[m][t] <= then[m][t] + 1; tries++)
				usleep(10000);
			CHECK(is_dead(all->pids[m]) || all->beats[m][t] > then[m][t] + 1, "thread %d of member %d stands still", t, m);
		}
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	bool sysv = argc > 2 && strcmp(argv[2], "sysv") == 0;
	all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(all != MAP_FAILED);
	make_children();
	live(0);
	key_t key = 0x60000000 | getpid();
	int segment = -1, queue = -1;
	if (sysv) {
		struct { long type; char text[8]; } message = { 1, "waiting" };
		MUST((segment = shmget(key, 1 << 16, IPC_CREAT | IPC_EXCL | 0600)) >= 0 && shmat(segment, NULL, 0) != (void *)-1);
		MUST((queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600)) >= 0 && msgsnd(queue, &message, sizeof message.text, 0) == 0);
	}
	for (int m = 0; m < MEMBERS; m++)
		while (!all->beats[m][0] || !all->beats[m][1])
			usleep(1000);
	char line[128];
	snprintf(line, sizeof line, "FAMILY %d %d %d %d", all->pids[0], all->pids[1], all->pids[2], all->pids[3]);
	h_line(line);
	h_ready();
	h_wait();
	check_beats();
	if (sysv) {
		CHECK(shmctl(segment, IPC_RMID, NULL) == 0, "segment: %s", strerror(errno));
		CHECK(msgctl(queue, IPC_RMID, NULL) == 0, "queue: %s", strerror(errno));
	}
	all->over = 1;
	while (wait(NULL) > 0 || errno == EINTR) { }
	h_end();
}

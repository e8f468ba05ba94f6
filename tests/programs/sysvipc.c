/* System V shared memory (attached twice, cut, protected, removed), semaphores, message queues; gone and back, or still there.
 * Argument: gone (a helper removes queues and semaphores, so that a restore has to make them again). */
#include "harness.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define PAGE 4096ul
struct text_message { long type; char text[200]; };

int main(int argc, char **argv)
{
	struct shmid_ds status;
	struct msqid_ds queue_status;
	struct text_message message = { .type = 1 };
	unsigned short values[3] = { 5, 0, 32767 };
	h_init(argc, argv);
	key_t key = 0x50000000 | getpid();
	int plain = shmget(key, 10 * PAGE, IPC_CREAT | IPC_EXCL | 0640), removed = shmget(IPC_PRIVATE, 3 * PAGE - 5, 0600);
	MUST(plain >= 0 && removed >= 0);
	char *first = shmat(plain, NULL, 0), *second = shmat(plain, NULL, SHM_RDONLY), *third = shmat(removed, NULL, 0);
	MUST(first != (void *)-1 && second != (void *)-1 && third != (void *)-1);
	MUST(shmctl(removed, IPC_RMID, NULL) == 0);
	h_fill(first, 10 * PAGE, 1);
	h_fill(third, 3 * PAGE - 5, 2);
	MUST(munmap(first + 4 * PAGE, PAGE) == 0 && mprotect(first + 6 * PAGE, PAGE, PROT_READ) == 0);
	int queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600), set = semget(key, 3, IPC_CREAT | IPC_EXCL | 0600);
	MUST(queue >= 0 && set >= 0 && semctl(set, 0, SETALL, values) == 0);
	for (int i = 0; i < 3; i++) {
		message.type = 10 + i;
		snprintf(message.text, sizeof message.text, "message %d", i);
		MUST(msgsnd(queue, &message, i == 2 ? 200 : 10 + i, 0) == 0);
	}
	h_ready();
	h_wait();

	CHECK(h_wrong_at(first, 4 * PAGE, 1) == -1, "first part of the shared memory");
	CHECK(memcmp(first + 5 * PAGE, second + 5 * PAGE, 5 * PAGE) == 0 && h_wrong_at(second, 10 * PAGE, 1) == -1, "the other attachment");
	first[8 * PAGE] ^= 1;
	CHECK(second[8 * PAGE] == first[8 * PAGE], "both are one memory");
	CHECK(shmctl(plain, IPC_STAT, &status) == 0 && status.shm_segsz == 10 * PAGE && status.shm_nattch == 5 && status.shm_perm.__key == key
		&& (status.shm_perm.mode & 0777) == 0640, "segment: %ld attachments", (long)status.shm_nattch);
	CHECK(shmget(key, 0, 0) == plain, "segment by its key");
	CHECK(h_wrong_at(third, 3 * PAGE - 5, 2) == -1, "removed segment");
	CHECK(shmctl(removed, IPC_STAT, &status) == 0 && status.shm_nattch == 1 && (status.shm_perm.mode & SHM_DEST), "the removed segment is removed");
	CHECK(shmdt(third) == 0 && shmctl(removed, IPC_STAT, &status) == -1, "the removed segment is gone after the last");
	CHECK(shmdt(first) == 0 && shmdt(second) == 0 && shmctl(plain, IPC_STAT, &status) == 0 && status.shm_nattch == 0, "detached");
	CHECK(shmctl(plain, IPC_RMID, NULL) == 0, "segment removed");

	unsigned short now[3] = { 0 };
	CHECK(semget(key, 3, 0) == set && semctl(set, 0, GETALL, now) == 0 && memcmp(now, values, sizeof now) == 0, "semaphores: %d %d %d", now[0], now[1], now[2]);
	CHECK(msgget(key, 0) == queue && msgctl(queue, IPC_STAT, &queue_status) == 0 && queue_status.msg_qnum == 3, "queue");
	for (int i = 0; i < 3; i++) {
		char expected[40];
		snprintf(expected, sizeof expected, "message %d", i);
		long length = msgrcv(queue, &message, sizeof message.text, 0, IPC_NOWAIT);
		CHECK(length == (i == 2 ? 200 : 10 + i) && message.type == 10 + i && memcmp(message.text, expected, 9) == 0, "message %d: %ld bytes", i, length);
	}
	msgctl(queue, IPC_RMID, NULL);
	semctl(set, 0, IPC_RMID);
	h_end();
}

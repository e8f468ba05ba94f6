/* POSIX message queues: an empty one, one with messages that stays under its name, one without a name. */
#include "harness.h"
#include <mqueue.h>

static char name[100];

static mqd_t make(const char *suffix, long most, long size, int flags)
{
	struct mq_attr attributes = { .mq_maxmsg = most, .mq_msgsize = size };
	snprintf(name, sizeof name, "/procmigrate-%d-%s", getpid(), suffix);
	mq_unlink(name);
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0640, &attributes);
	MUST(queue >= 0);
	return queue;
}

static void check(const char *what, mqd_t queue, long most, long size, long now, long flags)
{
	struct mq_attr is = { 0 };
	CHECK(mq_getattr(queue, &is) == 0 && is.mq_maxmsg == most && is.mq_msgsize == size && is.mq_curmsgs == now && is.mq_flags == flags,
		"%s: %ld messages of %ld, %ld in it, flags %#lx", what, is.mq_maxmsg, is.mq_msgsize, is.mq_curmsgs, is.mq_flags);
}

int main(int argc, char **argv)
{
	char text[128] = "";
	unsigned priority;
	h_init(argc, argv);
	mqd_t empty = make("empty", 7, 100, O_NONBLOCK), gone = make("gone", 5, 64, 0);
	MUST(mq_unlink(name) == 0);
	mqd_t full = make("full", 4, 128, 0);
	MUST(mq_send(full, "low", 3, 1) == 0 && mq_send(full, "high", 4, 9) == 0);
	mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK);
	MUST(reader >= 0);
	h_ready();
	h_wait();

	check("empty", empty, 7, 100, 0, O_NONBLOCK);
	check("gone", gone, 5, 64, 0, 0);
	check("full", full, 4, 128, 2, 0);
	CHECK(mq_receive(reader, text, sizeof text, &priority) == 4 && memcmp(text, "high", 4) == 0 && priority == 9, "first message");
	CHECK(mq_receive(full, text, sizeof text, &priority) == 3 && memcmp(text, "low", 3) == 0 && priority == 1, "second message");
	CHECK(mq_receive(reader, text, sizeof text, &priority) == -1 && errno == EAGAIN, "no further message");
	CHECK(mq_send(gone, "x", 1, 0) == 0 && mq_receive(gone, text, sizeof text, &priority) == 1, "the queue without a name");
	CHECK(mq_unlink(name) == 0, "name of the full queue");
	snprintf(name, sizeof name, "/procmigrate-%d-empty", getpid());
	CHECK(mq_unlink(name) == 0, "name of the empty queue");
	h_end();
}

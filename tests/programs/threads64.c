/* 64 threads under load. Each computes, hands a token to the next through a mutex and a condition, and checks its
 * neighbour's numbers, so that a thread that lost a wake-up, a step or its identity stops or fails all. */
#include "harness.h"

enum { THREADS = 64 };
static struct seat {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	long token, laps;
	uint64_t value;
	pid_t tid;
} seats[THREADS] __attribute__((aligned(64)));
static volatile int stop;
static __thread long my_number;
static atomic_int running;

static uint64_t burn(uint64_t value, int rounds)
{
	double x = (double)(value % 1000) + 1;
	for (int i = 0; i < rounds; i++) {
		value = h_mix(value + (uint64_t)i);
		x = x * 1.0000001 + 1 / x;
	}
	return value ^ (uint64_t)x;
}

static void *work(void *argument)
{
	long me = my_number = (long)argument;
	struct seat *mine = &seats[me], *next = &seats[(me + 1) % THREADS];
	mine->tid = gettid();
	running++;
	for (long lap = 1;; lap++) {
		pthread_mutex_lock(&mine->mutex);
		while (mine->token < lap)
			pthread_cond_wait(&mine->filled, &mine->mutex);
		uint64_t value = mine->value;
		long token = mine->token;
		pthread_mutex_unlock(&mine->mutex);
		if (token == LONG_MAX)
			break;
		if (token != lap || my_number != me || gettid() != mine->tid || pthread_self() == 0)
			h_fail("thread %ld: lap %ld token %ld tid %d", me, lap, token, gettid());
		value = burn(value, 2000);
		mine->laps = lap;
		bool last = me == 0 && stop;
		pthread_mutex_lock(&next->mutex);
		next->value = value;
		next->token = last ? LONG_MAX : me == THREADS - 1 ? lap + 1 : lap;
		pthread_cond_signal(&next->filled);
		pthread_mutex_unlock(&next->mutex);
		if (last)
			return NULL;
	}
	pthread_mutex_lock(&next->mutex);
	next->token = LONG_MAX;
	pthread_cond_signal(&next->filled);
	pthread_mutex_unlock(&next->mutex);
	return NULL;
}

static uint64_t spun[2] = { 1, 2 };
static volatile int spinning[2];

/* The load: threads that never sleep would leave nothing to the ring, so a few spin beside it. */
static void *spin(void *argument)
{
	uint64_t *value = argument;
	while (!stop)
		*value = burn(*value, 10000), spinning[value - spun] = 1;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t ring[THREADS], load[2];
	h_init(argc, argv);
	for (int i = 0; i < THREADS; i++) {
		pthread_mutex_init(&seats[i].mutex, NULL);
		pthread_cond_init(&seats[i].filled, NULL);
	}
	for (long i = 0; i < THREADS; i++)
		MUST(pthread_create(&ring[i], NULL, work, (void *)i) == 0);
	for (int i = 0; i < 2; i++)
		MUST(pthread_create(&load[i], NULL, spin, &spun[i]) == 0);
	while (running < THREADS || !spinning[0] || !spinning[1])
		usleep(1000);
	pthread_mutex_lock(&seats[0].mutex);
	seats[0].value = 42;
	seats[0].token = 1;
	pthread_cond_signal(&seats[0].filled);
	pthread_mutex_unlock(&seats[0].mutex);
	h_ready();
	h_wait();
	long laps_then = seats[5].laps;
	for (int i = 0; i < 100 && seats[5].laps < laps_then + 3; i++)
		usleep(100000);
	CHECK(seats[5].laps >= laps_then + 3, "the ring stands still at lap %ld", laps_then);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(load[i], NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(ring[i], NULL);
	/* The same walk again, alone: the value must be what it would be without threads. */
	uint64_t value = 42;
	for (long lap = 1; lap <= seats[0].laps; lap++)
		for (int i = 0; i < THREADS && (lap < seats[0].laps || i == 0); i++)
			value = burn(value, 2000);
	CHECK(value == seats[1].value, "after %ld laps the value is wrong", seats[0].laps);
	h_end();
}

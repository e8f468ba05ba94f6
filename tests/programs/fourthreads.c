/* Four threads, parked in system calls below functions of known names: what a debugger shows of the image must be what it
 * shows of the program. */
#include "harness.h"
#include <poll.h>

#define DEEP __attribute__((noinline, noclone))
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static atomic_int parked;
static volatile int sink;

DEEP static int west_inner(int depth)
{
	parked++;
	int result = poll(NULL, 0, -1);
	return sink = result + depth;
}
DEEP static int west_middle(int depth) { return sink = depth > 0 ? west_middle(depth - 1) + 1 : west_inner(7) + 1; }
DEEP static void *west_outer(void *argument) { west_middle(5); return argument; }

DEEP static int east_inner(const char *name)
{
	struct timespec ages = { 100000000, 0 };
	parked++;
	return sink = nanosleep(&ages, NULL) + name[0];
}
DEEP static int east_middle(const char *name, long number) { return sink = east_inner(name) + (int)number; }
DEEP static void *east_outer(void *argument) { east_middle("east", 0x1234); return argument; }

DEEP static int north_inner(struct timespec *unused)
{
	pthread_mutex_lock(&mutex);
	parked++;
	pthread_cond_wait(&never, &mutex);
	pthread_mutex_unlock(&mutex);
	return sink = (int)unused->tv_sec;
}
DEEP static int north_middle(void) { struct timespec here = { 3, 4 }; return sink = north_inner(&here) + 1; }
DEEP static void *north_outer(void *argument) { north_middle(); return argument; }

DEEP static void south_inner(void) { h_wait(); sink = 4; }
DEEP static void south_middle(void) { south_inner(); sink = 5; }

int main(int argc, char **argv)
{
	h_init(argc, argv);
	pthread_t threads[3];
	MUST(pthread_create(&threads[0], NULL, west_outer, NULL) == 0);
	MUST(pthread_create(&threads[1], NULL, east_outer, NULL) == 0);
	MUST(pthread_create(&threads[2], NULL, north_outer, NULL) == 0);
	while (parked < 3)
		usleep(1000);
	usleep(20000);
	h_ready();
	south_middle();
	h_end();
}

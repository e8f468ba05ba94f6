/* sim: waves on a square plate, computed by several threads. Each step appends one line to the result file: its number, the sum
 * of all heights, a checksum of the whole state and a chain over all lines before. So a state with one wrong bit, a step
 * left out or done twice, and a line lost or written at the wrong place all show, and `sim --verify` says where. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

struct sim {
	int size, threads, pause_ms;
	long steps;			/* 0: until SIGTERM */
	double *now, *before;		/* heights of this step and of the one before */
	uint64_t *row_sums;		/* each row's checksum, combined in order: independent of the number of threads */
	double *row_heights;
	pthread_barrier_t barrier;
	long step;
	uint64_t chain;
	FILE *result;			/* written by a run */
	FILE *expected;			/* read by --verify */
	int verdict;			/* 0 right so far */
	volatile int done;
};

static volatile sig_atomic_t stop_asked;

static void on_term(int signo)
{
	(void)signo;
	stop_asked = 1;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	return x;
}

static void start_state(struct sim *sim)
{
	size_t cells = (size_t)sim->size * sim->size;
	sim->now = malloc(cells * sizeof *sim->now);
	sim->before = malloc(cells * sizeof *sim->before);
	sim->row_sums = calloc(sim->size, sizeof *sim->row_sums);
	sim->row_heights = calloc(sim->size, sizeof *sim->row_heights);
	if (!sim->now || !sim->before || !sim->row_sums || !sim->row_heights) {
		fprintf(stderr, "sim: no memory for %zu cells\n", cells);
		exit(1);
	}
	/* Pseudo-random heights: no two pages alike, none zero. Same for `before`: the plate starts at rest. */
	for (size_t i = 0; i < cells; i++)
		sim->now[i] = sim->before[i] = (double)(mix(i + 1) >> 40) / (1 << 24) - 0.5;
}

static void step_rows(struct sim *sim, int first, int end)
{
	const double speed = 0.2, damping = 0.9995;
	int size = sim->size;
	for (int y = first; y < end; y++) {
		const double *row = sim->now + (size_t)y * size;
		const double *above = sim->now + (size_t)((y + size - 1) % size) * size;
		const double *below = sim->now + (size_t)((y + 1) % size) * size;
		double *next = sim->before + (size_t)y * size;
		uint64_t sum = (uint64_t)y;
		double heights = 0;
		for (int x = 0; x < size; x++) {
			double left = row[x == 0 ? size - 1 : x - 1], right = row[x == size - 1 ? 0 : x + 1];
			double bend = left + right + above[x] + below[x] - 4 * row[x];
			next[x] = row[x] + damping * (row[x] - next[x]) + speed * bend;
			uint64_t bits;
			memcpy(&bits, &next[x], sizeof bits);
			sum = (sum ^ bits) * 0x100000001b3ull;
			heights += next[x];
		}
		sim->row_sums[y] = mix(sum);
		sim->row_heights[y] = heights;
	}
}

static void judge_line(struct sim *sim, const char *line)
{
	char found[256];
	if (!fgets(found, sizeof found, sim->expected)) {
		sim->done = 1;
		return;
	}
	if (strchr(found, '\n') == NULL) {
		/* A run that was killed in the middle of a write leaves half a line; all before it is right. */
		printf("the last line is not complete\n");
		sim->done = 1;
		return;
	}
	if (strcmp(found, line) != 0) {
		printf("wrong at step %ld\n  expected %s  found    %s", sim->step, line, found);
		sim->verdict = 1;
		sim->done = 1;
	}
}

/* One thread's work between the barriers: publish the step that all have computed. */
static void finish_step(struct sim *sim)
{
	double *swap = sim->now;
	sim->now = sim->before;
	sim->before = swap;
	sim->step++;
	uint64_t sum = 0;
	double heights = 0;
	for (int y = 0; y < sim->size; y++) {
		sum = mix(sum ^ sim->row_sums[y]) + (uint64_t)y;
		heights += sim->row_heights[y];
	}
	sim->chain = mix(sim->chain ^ sum) + (uint64_t)sim->step;
	char line[256];
	snprintf(line, sizeof line, "step %ld height %.17g state %016" PRIx64 " chain %016" PRIx64 "\n", sim->step, heights, sum,
		 sim->chain);
	if (sim->expected) {
		judge_line(sim, line);
		return;
	}
	if (fputs(line, sim->result) < 0 || fflush(sim->result) != 0) {
		fprintf(stderr, "sim: result file: %s\n", strerror(errno));
		sim->verdict = 1;
		sim->done = 1;
	}
	if (stop_asked || sim->step == sim->steps)
		sim->done = 1;
	struct timespec pause = { sim->pause_ms / 1000, sim->pause_ms % 1000 * 1000000l };
	while (sim->pause_ms > 0 && !stop_asked && nanosleep(&pause, &pause) != 0 && errno == EINTR)
		;
}

struct worker {
	struct sim *sim;
	int number;
};

static void *compute(void *argument)
{
	struct worker *me = argument;
	struct sim *sim = me->sim;
	int first = (int)((long)sim->size * me->number / sim->threads);
	int end = (int)((long)sim->size * (me->number + 1) / sim->threads);
	while (!sim->done) {
		step_rows(sim, first, end);
		pthread_barrier_wait(&sim->barrier);
		if (me->number == 0)
			finish_step(sim);
		pthread_barrier_wait(&sim->barrier);
	}
	return NULL;
}

static void run(struct sim *sim)
{
	pthread_t threads[MAX_THREADS];
	struct worker workers[MAX_THREADS];
	start_state(sim);
	pthread_barrier_init(&sim->barrier, NULL, sim->threads);
	for (int i = 0; i < sim->threads; i++) {
		workers[i] = (struct worker){ sim, i };
		int failure = i == 0 ? 0 : pthread_create(&threads[i], NULL, compute, &workers[i]);
		if (failure) {
			fprintf(stderr, "sim: thread %d: %s\n", i, strerror(failure));
			exit(1);
		}
	}
	compute(&workers[0]);
	for (int i = 1; i < sim->threads; i++)
		pthread_join(threads[i], NULL);
}

static int usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: sim RESULT [--size N] [--threads N] [--steps N] [--pause MS]\n"
		"       computes until N steps are done or SIGTERM comes; one line per step goes to RESULT\n"
		"       sim --verify RESULT [--threads N]\n"
		"       computes it all again and says whether RESULT is right, or where it is wrong\n");
	return code;
}

static int verify(struct sim *sim, const char *path)
{
	sim->expected = fopen(path, "r");
	if (!sim->expected) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		return 1;
	}
	if (fscanf(sim->expected, "sim size %d", &sim->size) != 1 || fgetc(sim->expected) != '\n' || sim->size < 8 ||
	    sim->size > 16384) {
		printf("wrong at the first line: not a result of sim\n");
		return 1;
	}
	run(sim);
	if (sim->verdict == 0)
		printf("right: %ld steps\n", sim->step - 1);
	return sim->verdict;
}

int main(int argc, char **argv)
{
	struct sim sim = { .size = 1536, .threads = 4 };
	const char *path = NULL, *to_verify = NULL;
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--help") == 0)
			return usage(0);
		else if (argv[i][0] != '-' && !path)
			path = argv[i];
		else if (!value)
			return usage(64);
		else if (strcmp(argv[i], "--verify") == 0)
			to_verify = argv[++i];
		else if (strcmp(argv[i], "--size") == 0)
			sim.size = atoi(argv[++i]);
		else if (strcmp(argv[i], "--threads") == 0)
			sim.threads = atoi(argv[++i]);
		else if (strcmp(argv[i], "--steps") == 0)
			sim.steps = atol(argv[++i]);
		else if (strcmp(argv[i], "--pause") == 0)
			sim.pause_ms = atoi(argv[++i]);
		else
			return usage(64);
	}
	if (!path == !to_verify || sim.threads < 1 || sim.threads > MAX_THREADS || sim.size < 8 || sim.size > 16384)
		return usage(64);
	if (to_verify)
		return verify(&sim, to_verify);

	struct sigaction action = { .sa_handler = on_term };
	sigaction(SIGTERM, &action, NULL);
	sim.result = fopen(path, "wxe");
	if (!sim.result) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		return 1;
	}
	fprintf(sim.result, "sim size %d\n", sim.size);
	run(&sim);
	return sim.verdict;
}

/* ring STEPS: an MPI job that checks itself. In each step all ranks sum up, and each sends a long message to the next, first
 * in one go and then in pieces; every received number is checked. Rank 0 tells each hundredth step, and in the end the verdict. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define LENGTH 20000
#define PIECES 8

static long out[LENGTH], in[LENGTH];

static long number(int step, int rank, int i) { return (long)step * 1000003 + rank * 31 + i; }

int main(int argc, char **argv)
{
	int rank, ranks, steps = argc > 1 ? atoi(argv[1]) : 0;
	long wrong = 0, total = 0;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	int next = (rank + 1) % ranks, before = (rank + ranks - 1) % ranks;
	for (int step = 0; step < steps; step++) {
		long mine = (long)step * (rank + 1), sum = 0;
		MPI_Allreduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
		wrong += sum != (long)step * ranks * (ranks + 1) / 2;
		for (int i = 0; i < LENGTH; i++)
			out[i] = number(step, rank, i);
		MPI_Request whole;
		MPI_Irecv(in, LENGTH, MPI_LONG, before, 1, MPI_COMM_WORLD, &whole);
		MPI_Send(out, LENGTH, MPI_LONG, next, 1, MPI_COMM_WORLD);
		MPI_Wait(&whole, MPI_STATUS_IGNORE);
		for (int i = 0; i < LENGTH; i++)
			wrong += in[i] != number(step, before, i);
		MPI_Request pieces[2 * PIECES];
		for (int p = 0; p < PIECES; p++)
			MPI_Irecv(in + p * 100, 100, MPI_LONG, next, 10 + p, MPI_COMM_WORLD, &pieces[p]);
		for (int p = 0; p < PIECES; p++)
			MPI_Isend(out + p * 100, 100, MPI_LONG, before, 10 + p, MPI_COMM_WORLD, &pieces[PIECES + p]);
		MPI_Waitall(2 * PIECES, pieces, MPI_STATUSES_IGNORE);
		for (int i = 0; i < PIECES * 100; i++)
			wrong += in[i] != number(step, next, i);
		if (rank == 0 && step % 100 == 0) {
			printf("step %d\n", step);
			fflush(stdout);
		}
	}
	MPI_Reduce(&wrong, &total, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0 && total == 0)
		printf("right: %d steps of %d ranks\n", steps, ranks);
	else if (rank == 0)
		printf("wrong: %ld\n", total);
	MPI_Finalize();
	return wrong != 0;
}

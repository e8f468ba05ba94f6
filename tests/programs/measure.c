/* measure REPORT COMMAND...: runs a command and writes "SECONDS PEAK_KIB" to REPORT; ends with the command's exit code. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec start, end;
	struct rusage usage;
	int status;
	if (argc < 3) {
		fprintf(stderr, "usage: measure REPORT COMMAND [ARGUMENT...]\n");
		return 64;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid_t child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("measure");
		return 71;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	FILE *report = fopen(argv[1], "w");
	if (!report || fprintf(report, "%.4f %ld\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
			       usage.ru_maxrss) < 0 || fclose(report) != 0) {
		perror(argv[1]);
		return 71;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

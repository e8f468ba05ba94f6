/* The protocol of the programs under test; see README.md. */
#ifndef HARNESS_H
#define HARNESS_H
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static char h_out[PATH_MAX];
static char h_why[2000];
static size_t h_why_length;
static volatile sig_atomic_t h_go;

static inline void h_line(const char *text)
{
	char line[sizeof h_why + 16];
	int length = snprintf(line, sizeof line, "%s\n", text);
	int fd = open(h_out, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, length) != length || close(fd) != 0)
		_exit(70);
}

static inline void h_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (h_why_length < sizeof h_why - 200) {
		if (h_why_length > 0)
			h_why_length += snprintf(h_why + h_why_length, 3, "; ");
		h_why_length += vsnprintf(h_why + h_why_length, 190, format, args);
		if (h_why_length > sizeof h_why - 1)
			h_why_length = sizeof h_why - 1;
	}
	va_end(args);
}

/* What is wrong is collected, so that one run tells all. */
#define CHECK(condition, ...) do { if (!(condition)) h_fail(__VA_ARGS__); } while (0)

/* For the build-up: no state, no test. */
#define MUST(condition) do { if (!(condition)) { int e_ = errno; char t_[300]; \
	snprintf(t_, sizeof t_, "FAIL: %s:%d: %s: %s", __FILE__, __LINE__, #condition, strerror(e_)); \
	h_line(t_); _exit(1); } } while (0)

static inline void h_on_go(int signo)
{
	(void)signo;
	h_go = 1;
}

static inline void h_init(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s OUT [ARGUMENT...]\n", argv[0]);
		exit(64);
	}
	if (argv[1][0] == '/')
		snprintf(h_out, sizeof h_out, "%s", argv[1]);
	else {
		char folder[PATH_MAX / 2];
		if (!getcwd(folder, sizeof folder))
			exit(64);
		snprintf(h_out, sizeof h_out, "%s/%s", folder, argv[1]);
	}
	/* SIGUSR1 stays blocked but inside h_wait: it cannot be lost, nor interrupt anything under test. */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	struct sigaction action = { .sa_handler = h_on_go, .sa_flags = SA_RESTART };
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
}

static inline void h_ready(void) { h_line("READY"); }

/* Returns once SIGUSR1 has come. */
static inline void h_wait(void)
{
	sigset_t open;
	MUST(sigprocmask(SIG_BLOCK, NULL, &open) == 0);
	sigdelset(&open, SIGUSR1);
	while (!h_go)
		sigsuspend(&open);
}

__attribute__((noreturn)) static inline void h_end(void)
{
	char text[sizeof h_why + 16];
	if (h_why_length > 0)
		snprintf(text, sizeof text, "FAIL: %s", h_why);
	else
		snprintf(text, sizeof text, "PASS");
	h_line(text);
	_exit(h_why_length > 0);
}

__attribute__((noreturn)) static inline void h_skip(const char *why)
{
	char text[sizeof h_why + 16];
	snprintf(text, sizeof text, "SKIP: %s", why);
	h_line(text);
	_exit(0);
}

static inline uint64_t h_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

/* Fills memory with words that depend on seed and place: a page in the wrong place is as wrong as a lost one. */
static inline void h_fill(void *start, size_t length, uint64_t seed)
{
	uint64_t *words = start;
	for (size_t i = 0; i < length / 8; i++)
		words[i] = h_mix(seed * 0x9e3779b97f4a7c15ull + i) | 1;
}

/* -1, or the offset of the first wrong byte's word. */
static inline long h_wrong_at(const void *start, size_t length, uint64_t seed)
{
	const uint64_t *words = start;
	for (size_t i = 0; i < length / 8; i++)
		if (words[i] != (h_mix(seed * 0x9e3779b97f4a7c15ull + i) | 1))
			return (long)(i * 8);
	return -1;
}

static inline long h_nonzero_at(const void *start, size_t length)
{
	const uint64_t *words = start;
	for (size_t i = 0; i < length / 8; i++)
		if (words[i] != 0)
			return (long)(i * 8);
	return -1;
}

static inline int64_t h_now_ns(clockid_t clock)
{
	struct timespec now;
	MUST(clock_gettime(clock, &now) == 0);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* The number of the system call that a thread of ours stands in, or -1 while it runs. */
static inline long h_syscall_of(pid_t tid)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	return length > 0 && text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1;
}

/* Waits until a thread sleeps in the system call expected (or goes on with it by restart_syscall). */
static inline void h_await_syscall(pid_t tid, long number)
{
	for (;;) {
		long now = h_syscall_of(tid);
		if (now == number || now == SYS_restart_syscall)
			return;
		if (syscall(SYS_tgkill, getpid(), tid, 0) != 0) {
			h_fail("thread %d has ended", tid);
			return;
		}
		usleep(1000);
	}
}

/* The path of a file next to OUT. */
static inline const char *h_beside(const char *suffix)
{
	static char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s%s", h_out, suffix);
	return path;
}
#endif

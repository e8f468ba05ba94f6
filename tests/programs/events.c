/* eventfd, timerfd, signalfd, epoll, inotify and pidfd, and who is sent signals by an open file (F_SETOWN, F_SETSIG, O_ASYNC). With the
 * argument `elsewhere` nothing is judged that kernels before 6.5 do not tell. */
#include "harness.h"
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

enum { SECOND = 1000000000 };

static int hung;

static int64_t left(int fd)
{
	struct itimerspec t;
	return timerfd_gettime(fd, &t) == 0 ? t.it_value.tv_sec * (int64_t)SECOND + t.it_value.tv_nsec : -1;
}

static int arm(int clock, int flags, int64_t value, int64_t interval)
{
	int fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec t = { { interval / SECOND, interval % SECOND }, { value / SECOND, value % SECOND } };
	MUST(fd >= 0 && timerfd_settime(fd, flags, &t, NULL) == 0);
	return fd;
}

static void add(int epoll, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };
	MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

/* Whether exactly this is reported, and nothing else. */
static bool reports(int epoll, uint64_t data, uint32_t events)
{
	struct epoll_event e[8] = { 0 };
	int n = epoll_wait(epoll, e, 8, 0);
	if (n != 1 || e[0].data.u64 != data || e[0].events != events)
		fprintf(stderr, "reports %lx: n %d data %lx events %x\n", data, n, e[0].data.u64, e[0].events);
	return n == 1 && e[0].data.u64 == data && e[0].events == events;
}

static void on_hup(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	hung = info->si_fd + 1;
}

int main(int argc, char **argv)
{
	uint64_t count = 0;
	h_init(argc, argv);
	bool elsewhere = argc > 2 && strcmp(argv[2], "elsewhere") == 0;
	int plain = eventfd(5, EFD_NONBLOCK), semaphore = eventfd(3, EFD_SEMAPHORE | EFD_CLOEXEC), huge = eventfd(0, EFD_NONBLOCK);
	count = UINT64_MAX - 1;
	MUST(write(huge, &count, 8) == 8);
	MUST(eventfd(0, 0) >= 0);

	int64_t wall = h_now_ns(CLOCK_REALTIME);
	int relative = arm(CLOCK_MONOTONIC, 0, 1000ll * SECOND, 7ll * SECOND);
	int absolute = arm(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, wall + 500ll * SECOND, 0);
	int64_t boot_then = h_now_ns(CLOCK_BOOTTIME);
	int boot = arm(CLOCK_BOOTTIME, TFD_TIMER_ABSTIME, h_now_ns(CLOCK_BOOTTIME) + 700ll * SECOND, 0);
	int idle = timerfd_create(CLOCK_REALTIME, 0);
	int once = arm(CLOCK_MONOTONIC, 0, 1, 0);
	int ticking = arm(CLOCK_MONOTONIC, 0, 1000000, 3600ll * SECOND);

	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 5);
	sigset_t block = set;
	MUST(sigprocmask(SIG_BLOCK, &block, NULL) == 0);
	int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	MUST(kill(getpid(), SIGUSR2) == 0);

	int epoll = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create1(0), far[2], keyed[2];
	add(epoll, plain, EPOLLIN, 0x1122334455667788);
	add(epoll, signals, EPOLLIN | EPOLLET, 2);
	add(outer, epoll, EPOLLIN, 3);
	add(outer, relative, EPOLLIN | EPOLLONESHOT, 4);
	/* Added, then given another number, which another file has now. */
	MUST(pipe(far) == 0);
	add(outer, far[0], EPOLLIN, 5);
	int moved = fcntl(far[0], F_DUPFD, 400);
	MUST(moved >= 400 && dup2(semaphore, far[0]) == far[0]);
	/* The same number twice: two files, one after the other. */
	MUST(pipe(keyed) == 0);
	int keep = dup(keyed[0]);
	add(outer, keyed[0], EPOLLIN, 6);
	MUST(dup2(plain, keyed[0]) == keyed[0]);
	add(outer, keyed[0], EPOLLPRI, 7);
	/* Added, then closed, while a duplicate lives on. */
	int closed = fcntl(far[1], F_DUPFD, 300);
	add(outer, closed, EPOLLPRI, 8);
	MUST(close(closed) == 0);

	MUST(mkdir(h_beside(".watched"), 0755) == 0);
	int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int first = inotify_add_watch(inotify, "/", IN_DELETE_SELF);
	MUST(first >= 0 && inotify_rm_watch(inotify, first) == 0);
	int watch = inotify_add_watch(inotify, h_beside(".watched"), IN_CREATE | IN_ONLYDIR);
	int plainfile = open(h_beside(".file"), O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	MUST(plainfile >= 0 && close(plainfile) == 0);
	int other = inotify_add_watch(inotify, h_beside(".file"), IN_ATTRIB | IN_ONESHOT);
	/* A watch of a file that has no name any more, but is open. */
	int nameless = open(h_beside(".gone"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	MUST(nameless >= 0);
	int gone = inotify_add_watch(inotify, h_beside(".gone"), IN_MODIFY);
	MUST(gone >= 0 && unlink(h_beside(".gone")) == 0);
	char events[4096] __attribute__((aligned(8)));
	MUST(watch >= 0 && other >= 0 && read(inotify, events, sizeof events) > 0);

	int report[2];
	MUST(pipe(report) == 0);
	pid_t child = fork(), ended = child == 0 ? -1 : fork();
	if (child == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		pause();
		_exit(0);
	}
	if (ended == 0)
		_exit(3);
	MUST(child > 0 && ended > 0);
	int self = syscall(SYS_pidfd_open, getpid(), 0), of_child = syscall(SYS_pidfd_open, child, O_NONBLOCK), of_ended = syscall(SYS_pidfd_open, ended, 0);
	MUST(self >= 0 && of_child >= 0 && of_ended >= 0 && waitpid(ended, NULL, 0) == ended);

	struct sigaction action = { .sa_sigaction = on_hup, .sa_flags = SA_SIGINFO | SA_RESTART };
	MUST(sigaction(SIGRTMIN + 7, &action, NULL) == 0);
	struct f_owner_ex owner = { F_OWNER_TID, getpid() };
	MUST(fcntl(report[0], F_SETOWN_EX, &owner) == 0 && fcntl(report[0], F_SETSIG, SIGRTMIN + 7) == 0);
	MUST(fcntl(report[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
	MUST(fcntl(inotify, F_SETOWN, child) == 0);
	int flags[] = { fcntl(plain, F_GETFL), fcntl(semaphore, F_GETFL), fcntl(relative, F_GETFL), fcntl(signals, F_GETFL), fcntl(epoll, F_GETFL),
		fcntl(inotify, F_GETFL), fcntl(of_child, F_GETFL), fcntl(report[0], F_GETFL) };
	h_ready();
	h_wait();

	int now[] = { fcntl(plain, F_GETFL), fcntl(semaphore, F_GETFL), fcntl(relative, F_GETFL), fcntl(signals, F_GETFL), fcntl(epoll, F_GETFL),
		fcntl(inotify, F_GETFL), fcntl(of_child, F_GETFL), fcntl(report[0], F_GETFL) };
	for (unsigned i = 0; i < sizeof now / sizeof *now; i++)
		CHECK(now[i] == flags[i], "flags %u were %#o are %#o", i, flags[i], now[i]);
	CHECK(fcntl(semaphore, F_GETFD) == FD_CLOEXEC && fcntl(plain, F_GETFD) == 0, "close-on-exec");

	CHECK(reports(outer, 3, EPOLLIN), "nested epoll");
	if (!elsewhere)
		CHECK(read(semaphore, &count, 8) == 8 && count == 1 && read(semaphore, &count, 8) == 8 && count == 1, "semaphore");
	CHECK(read(huge, &count, 8) == 8 && count == UINT64_MAX - 1, "huge count %lx", count);

	int64_t wait = h_now_ns(CLOCK_REALTIME) - wall;
	int64_t of_relative = left(relative), of_absolute = left(absolute), of_boot = left(boot);
	struct itimerspec t;
	CHECK(of_relative > 1000ll * SECOND - wait - SECOND && of_relative <= 1000ll * SECOND, "relative timer: %ld left", of_relative);
	CHECK(timerfd_gettime(relative, &t) == 0 && t.it_interval.tv_sec == 7, "interval");
	CHECK(llabs(of_absolute - (500ll * SECOND - wait)) < SECOND / 2, "absolute timer: %ld left after %ld", of_absolute, wait);
	int64_t waited = h_now_ns(CLOCK_BOOTTIME) - boot_then;	/* on its way between two machines that clock stands */
	CHECK(llabs(of_boot - (700ll * SECOND - waited)) < SECOND / 2, "boot timer: %ld left", of_boot);
	CHECK(left(idle) == 0 && fcntl(idle, F_GETFL) == O_RDWR, "idle timer");
	CHECK(left(once) == 0 && read(once, &count, 8) == 8 && count == 1 && read(once, &count, 8) == -1 && errno == EAGAIN, "expired timer: %lu", count);
	CHECK(read(ticking, &count, 8) == 8 && count == 1 && left(ticking) > 0, "tick of a timer: %lu", count);

	struct epoll_event e[8];
	int n = epoll_wait(epoll, e, 8, 0);
	CHECK(n == 2 && e[0].data.u64 + e[1].data.u64 == 0x112233445566778a, "epoll: %d", n);
	CHECK(read(plain, &count, 8) == 8 && count == 5, "eventfd: %lu", count);
	struct signalfd_siginfo info;
	CHECK(read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR2, "signalfd");
	CHECK(kill(getpid(), SIGRTMIN + 5) == 0 && reports(epoll, 2, EPOLLIN) && read(signals, &info, sizeof info) == sizeof info, "signalfd in epoll");
	CHECK(write(far[1], "x", 1) == 1 && reports(outer, 5, EPOLLIN) && read(moved, events, 10) == 1, "a file that moved");
	CHECK(epoll_wait(outer, e, 8, 0) == 0, "epoll at rest");
	CHECK(write(keyed[1], "x", 1) == 1 && reports(outer, 6, EPOLLIN) && read(keep, events, 10) == 1, "two files under one number");
	struct epoll_event change = { .events = EPOLLIN, .data.u64 = 9 };
	CHECK(epoll_ctl(outer, EPOLL_CTL_MOD, keyed[0], &change) == 0, "the second file under it");
	count = 1;
	CHECK(write(plain, &count, 8) == 8, "eventfd goes on");
	n = epoll_wait(outer, e, 8, 0);
	CHECK(n == 2 && e[0].data.u64 + e[1].data.u64 == 12, "both epolls: %d", n);
	CHECK(dup2(far[1], closed) == closed && epoll_ctl(outer, EPOLL_CTL_DEL, closed, NULL) == 0, "a file whose number was closed");

	CHECK(read(inotify, events, sizeof events) == -1 && errno == EAGAIN, "an event out of nothing");
	char path[2 * PATH_MAX];
	snprintf(path, sizeof path, "%s/new", h_beside(".watched"));
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct inotify_event *event = (struct inotify_event *)events;
	CHECK(file >= 0 && read(inotify, events, sizeof events) > 0 && event->wd == watch && event->mask == IN_CREATE && strcmp(event->name, "new") == 0,
		"watch %d: wd %d mask %x", watch, event->wd, event->mask);
	CHECK(fchmod(file, 0640) == 0 && chmod(h_beside(".file"), 0640) == 0 && read(inotify, events, sizeof events) > 0 && event->wd == other && event->mask == IN_ATTRIB,
		"watch %d: wd %d mask %x", other, event->wd, event->mask);
	CHECK(write(nameless, "x", 1) == 1 && read(inotify, events, sizeof events) > 0 && event->wd == gone && event->mask == IN_MODIFY,
		"watch %d of a deleted file: wd %d mask %x", gone, event->wd, event->mask);
	unlink(path);
	rmdir(h_beside(".watched"));
	unlink(h_beside(".file"));

	struct pollfd p[] = { { self, POLLIN, 0 }, { of_child, POLLIN, 0 }, { of_ended, POLLIN, 0 } };
	CHECK(poll(p, 3, 0) == 1 && (p[2].revents & POLLIN) && p[1].revents == 0, "pidfds");
	CHECK(syscall(SYS_pidfd_send_signal, of_ended, 0, NULL, 0) == -1 && errno == ESRCH, "pidfd of an ended process");
	CHECK(syscall(SYS_pidfd_send_signal, self, 0, NULL, 0) == 0, "pidfd of itself");
	CHECK(fcntl(inotify, F_GETOWN) == child, "owner: %d", fcntl(inotify, F_GETOWN));
	CHECK(syscall(SYS_pidfd_send_signal, of_child, SIGTERM, NULL, 0) == 0 && waitpid(child, &n, 0) == child && n == SIGTERM, "pidfd of a child");
	struct f_owner_ex is = { 0 };
	CHECK(fcntl(report[0], F_GETOWN_EX, &is) == 0 && is.type == F_OWNER_TID && is.pid == getpid() && fcntl(report[0], F_GETSIG) == SIGRTMIN + 7, "owner of a pipe");
	CHECK(hung == 0 && write(report[1], "x", 1) == 1 && hung == report[0] + 1, "signal of a pipe: %d", hung - 1);
	h_end();
}

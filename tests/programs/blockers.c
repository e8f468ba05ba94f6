/* Kernel objects that not every engine can save, chosen by name: `blockers OUT KIND...`, or `all`. For each, a line `KIND fd N` or
 * `KIND pid N` or `KIND` says what must be named in a refusal; kinds that this kernel lacks are told as `KIND absent`.
 * SIGUSR1: checks that it all still works as far as it can be seen, which is what a refused save must leave. */
#include "harness.h"
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

static const char *kind;
static int fds[64], fd_count;

static void told(const char *what, long number)
{
	char line[100];
	if (what)
		snprintf(line, sizeof line, "%s %s %ld", kind, what, number);
	else
		snprintf(line, sizeof line, "%s", kind);
	h_line(line);
}

static void fd_made(int fd)
{
	if (fd < 0) {
		char line[200];
		snprintf(line, sizeof line, "%s absent (%s)", kind, strerror(errno));
		h_line(line);
		return;
	}
	MUST(fd_count < 64);
	fds[fd_count++] = fd;
	told("fd", fd);
}

static void k_pipe(void) { int p[2]; MUST(pipe2(p, O_CLOEXEC) == 0); fd_made(p[0]); fd_made(p[1]); }
static void k_fifo(void)
{
	const char *path = h_beside(".fifo");
	MUST(mkfifo(path, 0600) == 0 || errno == EEXIST);
	fd_made(open(path, O_RDWR | O_CLOEXEC));
}
static void k_unix_pair(void) { int s[2]; MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0); fd_made(s[0]); fd_made(s[1]); }
static void k_unix_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "blockers-%d", getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 5) == 0);
	fd_made(fd);
}
static int tcp_listener(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(bind(fd, (struct sockaddr *)address, sizeof *address) == 0 && listen(fd, 5) == 0);
	MUST(getsockname(fd, (struct sockaddr *)address, &length) == 0);
	return fd;
}
static void k_tcp_listen(void) { struct sockaddr_in address; fd_made(tcp_listener(&address)); }
static void k_tcp_connected(void)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
	fd_made(listener);
	fd_made(client);
	fd_made(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}
static void k_udp(void) { fd_made(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
static void k_netlink(void) { fd_made(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)); }
static void k_packet(void) { fd_made(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)); }
static void k_eventfd(void) { fd_made(eventfd(3, EFD_CLOEXEC)); }
static void k_epoll(void) { fd_made(epoll_create1(EPOLL_CLOEXEC)); }
static void k_timerfd(void) { fd_made(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)); }
static void k_signalfd(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	fd_made(signalfd(-1, &set, SFD_CLOEXEC));
}
static void k_inotify(void) { int fd = inotify_init1(IN_CLOEXEC); inotify_add_watch(fd, "/tmp", IN_CREATE); fd_made(fd); }
static void k_fanotify(void) { fd_made(fanotify_init(FAN_CLOEXEC | FAN_CLASS_CONTENT, O_RDONLY)); }
static void k_pidfd(void) { fd_made(syscall(SYS_pidfd_open, getpid(), 0)); }
static void k_memfd(void) { fd_made(memfd_create("held", MFD_CLOEXEC)); }
static void k_pty(void) { fd_made(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)); }
static void k_fuse(void) { fd_made(open("/dev/fuse", O_RDWR | O_CLOEXEC)); }
static void k_tun(void) { fd_made(open("/dev/net/tun", O_RDWR | O_CLOEXEC)); }
static void k_block_device(void) { fd_made(open("/dev/vda", O_RDONLY | O_CLOEXEC)); }
static void k_proc(void) { fd_made(open("/proc/self/status", O_RDONLY | O_CLOEXEC)); }
static void k_opath(void) { fd_made(open("/tmp", O_PATH | O_CLOEXEC)); }
static void k_tmpfile(void) { fd_made(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); }
static void k_deleted(void)
{
	int fd = open(h_beside(".deleted"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, "gone", 4) == 4 && unlink(h_beside(".deleted")) == 0);
	fd_made(fd);
}
static int lock_file(void)
{
	static char suffix[40];
	snprintf(suffix, sizeof suffix, ".%s", kind);
	int fd = open(h_beside(suffix), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	return fd;
}
static void k_flock(void) { int fd = lock_file(); MUST(flock(fd, LOCK_EX) == 0); fd_made(fd); }
static void k_posix_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	int fd = lock_file();
	MUST(fcntl(fd, F_SETLK, &lock) == 0);
	fd_made(fd);
}
static void k_ofd_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	int fd = lock_file();
	MUST(fcntl(fd, F_OFD_SETLK, &lock) == 0);
	fd_made(fd);
}
static void k_lease(void) { int fd = lock_file(); MUST(fcntl(fd, F_SETLEASE, F_WRLCK) == 0); fd_made(fd); }
static void k_userfaultfd(void) { fd_made(syscall(SYS_userfaultfd, O_CLOEXEC)); }
static void k_perf(void)
{
	struct perf_event_attr attribute = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attribute, .config = PERF_COUNT_SW_CPU_CLOCK };
	fd_made(syscall(SYS_perf_event_open, &attribute, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}
static void k_io_uring(void) { struct io_uring_params parameters = { 0 }; fd_made(syscall(SYS_io_uring_setup, 4, &parameters)); }
static void k_mqueue(void)
{
	char name[40];
	snprintf(name, sizeof name, "/blockers-%d", getpid());
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, NULL);
	mq_unlink(name);
	fd_made(queue);
}
static void k_landlock(void)
{
	struct { uint64_t fs; } attribute = { 1 };
	fd_made(syscall(444, &attribute, sizeof attribute, 0));
}
static void k_itimer(void)
{
	struct itimerval far = { .it_value.tv_sec = 100000 };
	MUST(setitimer(ITIMER_REAL, &far, NULL) == 0);
	told(NULL, 0);
}
static void k_posix_timer(void)
{
	timer_t timer;
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	told(NULL, 0);
}
static void k_child(void)
{
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	told("pid", child);
}
static void k_zombie(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	siginfo_t info;
	MUST(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
	told("pid", child);
}
static void k_sysv_shm(void)
{
	int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
	MUST(id >= 0 && shmat(id, NULL, 0) != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0);
	told(NULL, 0);
}
static void k_aio(void)
{
	unsigned long context = 0;
	MUST(syscall(SYS_io_setup, 8, &context) == 0);
	told(NULL, 0);
}
static void k_seccomp(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
	told(NULL, 0);
}
static void k_secretmem(void)
{
	int fd = syscall(447, O_CLOEXEC);
	if (fd >= 0)
		MUST(ftruncate(fd, 4096) == 0);
	fd_made(fd);
}
static void k_deleted_mapping(void)
{
	int fd = open(h_beside(".mapped"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && ftruncate(fd, 4096) == 0 && unlink(h_beside(".mapped")) == 0);
	MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED && close(fd) == 0);
	told(NULL, 0);
}

static const struct { const char *name; void (*make)(void); } kinds[] = {
	{ "pipe", k_pipe }, { "fifo", k_fifo }, { "unix-pair", k_unix_pair }, { "unix-listen", k_unix_listen },
	{ "tcp-listen", k_tcp_listen }, { "tcp-connected", k_tcp_connected }, { "udp", k_udp }, { "netlink", k_netlink },
	{ "packet", k_packet }, { "eventfd", k_eventfd }, { "epoll", k_epoll }, { "timerfd", k_timerfd }, { "signalfd", k_signalfd },
	{ "inotify", k_inotify }, { "fanotify", k_fanotify }, { "pidfd", k_pidfd }, { "memfd", k_memfd }, { "pty", k_pty },
	{ "fuse", k_fuse }, { "tun", k_tun }, { "block-device", k_block_device }, { "proc", k_proc }, { "opath", k_opath },
	{ "tmpfile", k_tmpfile }, { "deleted", k_deleted }, { "flock", k_flock }, { "posix-lock", k_posix_lock },
	{ "ofd-lock", k_ofd_lock }, { "lease", k_lease }, { "userfaultfd", k_userfaultfd }, { "perf", k_perf },
	{ "io-uring", k_io_uring }, { "mqueue", k_mqueue }, { "landlock", k_landlock }, { "itimer", k_itimer },
	{ "posix-timer", k_posix_timer }, { "child", k_child }, { "zombie", k_zombie }, { "sysv-shm", k_sysv_shm }, { "aio", k_aio },
	{ "seccomp", k_seccomp }, { "secretmem", k_secretmem }, { "deleted-mapping", k_deleted_mapping },
};

int main(int argc, char **argv)
{
	h_init(argc, argv);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		for (int j = 2; j < argc; j++)
			if (strcmp(argv[j], kinds[i].name) == 0 || strcmp(argv[j], "all") == 0) {
				kind = kinds[i].name;
				kinds[i].make();
			}
	struct stat before[64], after;
	for (int i = 0; i < fd_count; i++)
		MUST(fstat(fds[i], &before[i]) == 0);
	h_ready();
	h_wait();
	for (int i = 0; i < fd_count; i++)
		CHECK(fstat(fds[i], &after) == 0 && after.st_ino == before[i].st_ino, "fd %d has changed", fds[i]);
	h_end();
}

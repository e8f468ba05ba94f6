/* Ptys of the program's own: settings, size, packet mode, lock, exclusive use, a slave never opened, one closed, one hung up,
 * and a session below with a controlling terminal, /dev/tty, and a foreground group that is not its leader's. */
#include "harness.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

static int open_master(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	MUST(master >= 0);
	return master;
}

static const char *slave_path(int master)
{
	static char path[40];
	int number;
	MUST(ioctl(master, TIOCGPTN, &number) == 0);
	snprintf(path, sizeof path, "/dev/pts/%d", number);
	return path;
}

static int open_slave(int master, int flags)
{
	int unlock = 0;
	MUST(ioctl(master, TIOCSPTLCK, &unlock) == 0);
	int slave = open(slave_path(master), O_RDWR | O_NOCTTY | flags);
	MUST(slave >= 0);
	return slave;
}

static bool hung_up(int master)
{
	struct pollfd p = { .fd = master };
	MUST(poll(&p, 1, 0) >= 0);
	return p.revents & POLLHUP;
}

static void check_talk(int from, int to, const char *text, const char *what)
{
	char got[100] = "";
	size_t length = strlen(text);
	CHECK(write(from, text, length) == (ssize_t)length, "%s: write: %s", what, strerror(errno));
	for (size_t have = 0; have < length;) {
		struct pollfd p = { .fd = to, .events = POLLIN };
		if (poll(&p, 1, 5000) != 1) {
			h_fail("%s: nothing comes", what);
			return;
		}
		ssize_t n = read(to, got + have, sizeof got - 1 - have);
		if (n <= 0) {
			h_fail("%s: read: %zd %s", what, n, strerror(errno));
			return;
		}
		have += n;
	}
	CHECK(strcmp(got, text) == 0, "%s: '%s' came instead of '%s'", what, got, text);
}

/* What parent and session tell each other: memory, so that only ptys are under test. */
static struct shared { _Atomic int stage; char line[300]; } *shared;
enum { MADE = 1, GO, INTERRUPT, TOLD };

static void await_stage(int stage)
{
	while (shared->stage < stage)
		usleep(2000);
}

/* Leader of a session on the pty. */
static void session(int master)
{
	char *line = shared->line;
	MUST(setsid() > 0);
	int slave = open_slave(master, 0);
	close(master);
	MUST(ioctl(slave, TIOCSCTTY, 0) == 0);
	int tty = open("/dev/tty", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	MUST(tty >= 0);
	signal(SIGTTOU, SIG_IGN);
	pid_t job = fork();
	MUST(job >= 0);
	if (job == 0) {
		MUST(setpgid(0, 0) == 0);
		for (;;)
			pause();
	}
	setpgid(job, job);
	MUST(tcsetpgrp(slave, job) == 0);
	shared->stage = MADE;
	await_stage(GO);
	if (tcgetsid(tty) != getpid())
		strcat(line, "not the controlling terminal any more; ");
	if (tcgetpgrp(slave) != job)
		strcat(line, "another group in the foreground; ");
	if (getpgid(job) != job)
		strcat(line, "the job is in another group; ");
	if ((fcntl(tty, F_GETFL) & (O_NONBLOCK | O_ACCMODE)) != (O_NONBLOCK | O_RDWR))
		strcat(line, "flags of /dev/tty; ");
	int again = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (again < 0)
		strcat(line, "/dev/tty does not open; ");
	/* Ctrl-C reaches the foreground job. */
	shared->stage = INTERRUPT;
	int status;
	if (waitpid(job, &status, 0) != job || !WIFSIGNALED(status) || WTERMSIG(status) != SIGINT)
		strcat(line, "Ctrl-C did not reach the job; ");
	shared->stage = TOLD;
	_exit(0);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_DFL);
	/* 1: settings, size, packet mode, exclusive */
	int master = open_master(), slave = open_slave(master, O_NONBLOCK);
	struct termios raw;
	MUST(tcgetattr(slave, &raw) == 0);
	cfmakeraw(&raw);
	raw.c_cc[VINTR] = 7;
	raw.c_cc[VMIN] = 3;
	cfsetspeed(&raw, B19200);
	MUST(tcsetattr(slave, TCSANOW, &raw) == 0);
	struct winsize size = { 33, 101, 800, 600 };
	MUST(ioctl(slave, TIOCSWINSZ, &size) == 0 && ioctl(slave, TIOCEXCL) == 0 && fchmod(slave, 0622) == 0);
	char was[40];
	snprintf(was, sizeof was, "%s", slave_path(master));
	/* 2: packet mode; 3: locked, never opened; 4: opened and closed; 5: hung up; 6: /dev/pts/ptmx */
	int packet = open_master(), packet_slave = open_slave(packet, 0), one = 1;
	MUST(ioctl(packet, TIOCPKT, &one) == 0);
	MUST(tcgetattr(packet_slave, &raw) == 0);
	cfmakeraw(&raw);
	MUST(tcsetattr(packet_slave, TCSANOW, &raw) == 0);
	int locked = open_master();
	int closed = open_master();
	close(open_slave(closed, 0));
	int dead = open_master(), dead_slave = open_slave(dead, 0);
	close(dead);
	/* 7: a session */
	int work = open_master();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED);
	pid_t leader = fork();
	MUST(leader >= 0);
	if (leader == 0)
		session(work);
	await_stage(MADE);
	h_ready();
	h_wait();

	struct termios now;
	struct winsize size_now;
	CHECK(strcmp(slave_path(master), was) == 0, "%s is %s now", was, slave_path(master));
	CHECK(tcgetattr(slave, &now) == 0 && now.c_cc[VINTR] == 7 && now.c_cc[VMIN] == 3 && !(now.c_lflag & (ICANON | ECHO))
		&& cfgetospeed(&now) == B19200, "settings");
	CHECK(ioctl(slave, TIOCGWINSZ, &size_now) == 0 && memcmp(&size, &size_now, sizeof size) == 0, "size");
	CHECK(ioctl(slave, TIOCGEXCL, &one) == 0 && one == 1, "exclusive");
	CHECK((fcntl(slave, F_GETFL) & O_NONBLOCK) && !(fcntl(master, F_GETFL) & O_NONBLOCK), "flags");
	struct stat st;
	CHECK(fstat(slave, &st) == 0 && (st.st_mode & 0777) == 0622, "mode %o", st.st_mode);
	check_talk(master, slave, "to the slave", "master to slave");
	check_talk(slave, master, "to the master", "slave to master");
	CHECK(ioctl(packet, TIOCGPKT, &one) == 0 && one == 1, "packet mode");
	CHECK(write(packet_slave, "x", 1) == 1, "packet write");
	char packet_data[10];
	CHECK(read(packet, packet_data, sizeof packet_data) >= 1, "packet read");
	CHECK(ioctl(locked, TIOCGPTLCK, &one) == 0 && one == 1, "lock");
	CHECK(!hung_up(locked), "the slave never opened counts as closed");
	CHECK(hung_up(closed), "the closed slave counts as never opened");
	CHECK(read(dead_slave, packet_data, 1) == 0 && write(dead_slave, "x", 1) == -1 && errno == EIO, "the hung up one lives");
	shared->stage = GO;
	await_stage(INTERRUPT);
	CHECK(write(work, "\003", 1) == 1, "Ctrl-C");
	await_stage(TOLD);
	CHECK(shared->line[0] == 0, "session: %s", shared->line);
	h_end();
}

/* Unix sockets of one process and its child: pairs, names, queues, descriptors in flight, a backlog, half-closed ends. */
#include "harness.h"
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un address;

static socklen_t named(const char *path)
{
	memset(&address, 0, sizeof address);
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return sizeof address;
}

static socklen_t hidden(const char *tag)
{
	memset(&address, 0, sizeof address);
	address.sun_family = AF_UNIX;
	int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "pm-%d-%s", getpid(), tag);
	return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

static void send_files(int socket, const char *text, const int *files, int count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = "";
	struct iovec data = { (void *)text, strlen(text) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), files, count * sizeof(int));
	MUST(sendmsg(socket, &message, 0) == (ssize_t)strlen(text));
}

/* Receives exactly the text, and the descriptors that come with it. */
static int receive_files(const char *what, int socket, const char *text, int *files)
{
	char buffer[4096], control[1024];
	struct iovec data = { buffer, strlen(text) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);
	CHECK(length == (ssize_t)strlen(text) && memcmp(buffer, text, length) == 0, "%s: %zd of '%s'", what, length, text);
	struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return 0;
	int count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(files, CMSG_DATA(header), count * sizeof(int));
	return count;
}

static void expect(const char *what, int socket, const char *text)
{
	char buffer[4096];
	ssize_t length = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
	CHECK(length == (ssize_t)strlen(text) && memcmp(buffer, text, length) == 0, "%s: %zd %s", what, length, length < 0 ? strerror(errno) : "");
}

static void expect_from(const char *what, int socket, const char *text, const struct sockaddr_un *from, socklen_t size)
{
	char buffer[4096];
	struct sockaddr_un sender;
	socklen_t length = sizeof sender;
	ssize_t got = recvfrom(socket, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&sender, &length);
	CHECK(got == (ssize_t)strlen(text) && memcmp(buffer, text, got) == 0, "%s: %zd", what, got);
	CHECK(length == size && (size == 0 || memcmp(&sender, from, size) == 0), "%s: sender's name of %u bytes", what, length);
}

static void expect_end(const char *what, int socket)
{
	char byte;
	CHECK(recv(socket, &byte, 1, MSG_DONTWAIT) == 0, "%s: no end: %s", what, strerror(errno));
}

static void expect_nothing(const char *what, int socket)
{
	char byte;
	CHECK(recv(socket, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "%s: something is there", what);
}

static void talk(const char *what, int a, int b)
{
	CHECK(send(a, "to and", 6, MSG_NOSIGNAL) == 6, "%s: send: %s", what, strerror(errno));
	expect(what, b, "to and");
	CHECK(send(b, "fro", 3, MSG_NOSIGNAL) == 3, "%s: send back: %s", what, strerror(errno));
	expect(what, a, "fro");
}

static void streams(void)
{
	static int pair[2], half[2], gone[2], reset[2], packets[2], files[2], received[8];
	static char big[150000], got[150000];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, half) == 0);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, gone) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, reset) == 0);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0);
	files[0] = open(h_beside(".sent"), O_RDWR | O_CREAT, 0600);
	files[1] = open("/dev/null", O_RDONLY);
	MUST(files[0] >= 0 && files[1] >= 0 && write(files[0], "0123456789", 10) == 10 && lseek(files[0], 4, SEEK_SET) == 4);
	h_fill(big, sizeof big, 3);
	MUST(send(pair[0], big, sizeof big, 0) == sizeof big);
	MUST(send(pair[1], "header", 6, 0) == 6);
	send_files(pair[1], "with two", files, 2);
	MUST(send(pair[1], "tail", 4, 0) == 4);
	send_files(pair[1], "itself", &pair[1], 1);
	/* One is kept by us too, the other only travels. */
	close(files[1]);
	int size = 300000, on = 1;
	struct timeval limit = { 7, 250000 };
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	MUST(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
	socklen_t length = sizeof size;
	MUST(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &length) == 0);
	length = sizeof limit;
	MUST(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, &length) == 0);
	MUST(send(half[0], "last words", 10, 0) == 10 && shutdown(half[0], SHUT_WR) == 0);
	MUST(send(gone[0], "left behind", 11, 0) == 11 && close(gone[0]) == 0);
	MUST(send(reset[1], "unread", 6, 0) == 6 && close(reset[0]) == 0);
	MUST(send(packets[0], "one", 3, 0) == 3 && send(packets[0], "three", 5, 0) == 5);
	MUST(setsockopt(packets[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
	MUST(send(packets[0], "signed", 6, 0) == 6);

	h_ready();
	h_wait();

	for (size_t done = 0; done < sizeof big;) {
		ssize_t n = recv(pair[1], got + done, sizeof got - done, MSG_DONTWAIT);
		CHECK(n > 0, "long queue ends at %zu: %s", done, strerror(errno));
		if (n <= 0)
			break;
		done += n;
	}
	CHECK(h_wrong_at(got, sizeof got, 3) < 0, "long queue: wrong at %ld", h_wrong_at(got, sizeof got, 3));
	CHECK(receive_files("header", pair[0], "header", received) == 0, "descriptors came too early");
	CHECK(receive_files("two files", pair[0], "with two", received) == 2, "two descriptors");
	CHECK(lseek(received[0], 0, SEEK_CUR) == 4, "position of a file in flight");
	CHECK(syscall(SYS_kcmp, getpid(), getpid(), 0, files[0], received[0]) == 0, "the file in flight is another");
	struct stat null;
	CHECK(fstat(received[1], &null) == 0 && S_ISCHR(null.st_mode) && null.st_rdev == 0x103, "the device in flight");
	CHECK(receive_files("tail", pair[0], "tail", received) == 0, "descriptors came too late");
	CHECK(receive_files("itself", pair[0], "itself", received) == 1, "the socket itself");
	CHECK(syscall(SYS_kcmp, getpid(), getpid(), 0, pair[1], received[0]) == 0, "the socket in flight is another");
	talk("pair", pair[0], pair[1]);
	int size2 = 0;
	struct timeval limit2 = { 0 };
	length = sizeof size2;
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size2, &length) == 0 && size2 == size, "SO_SNDBUF %d, was %d", size2, size);
	length = sizeof limit2;
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit2, &length) == 0 && limit2.tv_sec == limit.tv_sec && limit2.tv_usec == limit.tv_usec, "SO_RCVTIMEO");
	CHECK((fcntl(pair[1], F_GETFL) & O_NONBLOCK) && !(fcntl(pair[0], F_GETFL) & O_NONBLOCK), "O_NONBLOCK");
	expect("half closed", half[1], "last words");
	expect_end("half closed", half[1]);
	CHECK(send(half[1], "answer", 6, MSG_NOSIGNAL) == 6, "half closed: %s", strerror(errno));
	expect("half closed", half[0], "answer");
	CHECK(send(half[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "half closed: it could send");
	expect("closed", gone[1], "left behind");
	expect_end("closed", gone[1]);
	CHECK(recv(reset[1], got, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, "reset: %s", strerror(errno));
	expect("packets", packets[1], "one");
	expect("packets", packets[1], "three");
	char control[256];
	struct iovec data = { got, 100 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	CHECK(recvmsg(packets[1], &message, MSG_DONTWAIT) == 6, "signed packet");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct ucred *who = header ? (void *)CMSG_DATA(header) : NULL;
	CHECK(who && header->cmsg_type == SCM_CREDENTIALS && who->pid == getpid() && who->uid == getuid(), "credentials: pid %d", who ? who->pid : -1);
	expect_nothing("packets", packets[1]);
	talk("packets", packets[0], packets[1]);
	unlink(h_beside(".sent"));
}

static void datagrams(void)
{
	int pair[2], server, a, b;
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	MUST(send(pair[0], "first", 5, 0) == 5 && send(pair[0], "", 0, 0) == 0 && send(pair[0], "third", 5, 0) == 5);
	MUST((server = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && (a = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && (b = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
	socklen_t size_b = hidden("client");
	struct sockaddr_un name_b = address;
	MUST(bind(b, (void *)&address, size_b) == 0);
	socklen_t size = named(h_beside(".dgram"));
	MUST(bind(server, (void *)&address, size) == 0);
	MUST(connect(a, (void *)&address, size) == 0);
	MUST(send(a, "from nobody", 11, 0) == 11);
	MUST(sendto(b, "from b", 6, 0, (void *)&address, size) == 6);
	int temporary = socket(AF_UNIX, SOCK_DGRAM, 0);
	MUST(temporary >= 0 && sendto(temporary, "by the dead", 11, 0, (void *)&address, size) == 11 && close(temporary) == 0);

	h_ready();
	h_wait();

	expect("datagrams", pair[1], "first");
	expect("datagrams", pair[1], "");
	expect("datagrams", pair[1], "third");
	expect_nothing("datagrams", pair[1]);
	talk("datagram pair", pair[0], pair[1]);
	expect_from("server", server, "from nobody", NULL, 0);
	expect_from("server", server, "from b", &name_b, size_b);
	expect_from("server", server, "by the dead", NULL, 0);
	expect_nothing("server", server);
	CHECK(send(a, "again", 5, 0) == 5, "connected datagram socket: %s", strerror(errno));
	expect("server", server, "again");
	struct stat file;
	CHECK(stat(h_beside(".dgram"), &file) == 0 && S_ISSOCK(file.st_mode), "the socket's file");
	unlink(h_beside(".dgram"));
}

static void check_name(const char *what, int socket, bool peer, const char *path)
{
	struct sockaddr_un name = { 0 };
	socklen_t size = sizeof name;
	int rc = peer ? getpeername(socket, (void *)&name, &size) : getsockname(socket, (void *)&name, &size);
	CHECK(rc == 0 && strcmp(name.sun_path, path) == 0, "%s: name '%s', not '%s'", what, name.sun_path, path);
}

static void listeners(void)
{
	static char bound[PATH_MAX + 64], moved[PATH_MAX + 64];
	snprintf(bound, sizeof bound, "%s", h_beside(".bound"));
	snprintf(moved, sizeof moved, "%s", h_beside(".moved"));
	int plain = socket(AF_UNIX, SOCK_STREAM, 0), abstract = socket(AF_UNIX, SOCK_STREAM, 0), unlinked = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = named(bound);
	MUST(bind(plain, (void *)&address, size) == 0 && chmod(bound, 0640) == 0 && listen(plain, 7) == 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0), waiting = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(connect(client, (void *)&address, size) == 0);
	int served = accept(plain, NULL, NULL);
	MUST(served >= 0 && connect(waiting, (void *)&address, size) == 0);
	MUST(rename(bound, moved) == 0);
	size = hidden("listener");
	MUST(bind(abstract, (void *)&address, size) == 0 && listen(abstract, 3) == 0);
	int hidden_client = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(connect(hidden_client, (void *)&address, size) == 0);
	int hidden_served = accept(abstract, NULL, NULL);
	size = named(h_beside(".unlinked"));
	MUST(bind(unlinked, (void *)&address, size) == 0 && listen(unlinked, 1) == 0 && unlink(h_beside(".unlinked")) == 0);

	h_ready();
	h_wait();

	talk("accepted", client, served);
	check_name("accepted", served, false, bound);
	check_name("client", client, true, bound);
	int late = accept4(plain, NULL, NULL, SOCK_NONBLOCK);
	CHECK(late >= 0, "backlog: %s", strerror(errno));
	if (late >= 0)
		talk("backlog", waiting, late);
	struct stat file;
	CHECK(stat(bound, &file) != 0 && stat(moved, &file) == 0 && S_ISSOCK(file.st_mode) && (file.st_mode & 0777) == 0640, "the renamed file");
	size = named(moved);
	int fresh = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(fresh, (void *)&address, size) == 0, "connect to the renamed file: %s", strerror(errno));
	struct ucred who = { 0 };
	socklen_t length = sizeof who;
	CHECK(getsockopt(fresh, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 && who.pid == getpid(), "the listener is process %d", who.pid);
	talk("abstract", hidden_client, hidden_served);
	size = hidden("listener");
	close(fresh);
	fresh = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(fresh, (void *)&address, size) == 0, "connect to the abstract name: %s", strerror(errno));
	check_name("unlinked", unlinked, false, h_beside(".unlinked"));
	unlink(moved);
}

/* Parent and child at the two ends. */
static void family(void)
{
	int pair[2];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0) {
		char text[64];
		close(pair[0]);
		for (ssize_t n; (n = read(pair[1], text, sizeof text)) > 0;)
			if (write(pair[1], text, n) != n)
				_exit(3);
		_exit(0);
	}
	close(pair[1]);
	h_ready();
	h_wait();
	char text[64] = "";
	CHECK(write(pair[0], "echo", 4) == 4 && read(pair[0], text, sizeof text) == 4 && strcmp(text, "echo") == 0, "echo '%s'", text);
	close(pair[0]);
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %x", status);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	const char *part = argc > 2 ? argv[2] : "";
	if (strcmp(part, "streams") == 0)
		streams();
	else if (strcmp(part, "datagrams") == 0)
		datagrams();
	else if (strcmp(part, "listeners") == 0)
		listeners();
	else if (strcmp(part, "family") == 0)
		family();
	else
		h_skip("parts: streams, datagrams, listeners, family");
	h_end();
}

/*
 * One end of a TCP connection over which checked streams go both ways:
 *   tcpstream OUT call|answer ADDRESS PORT full|busy|closed|goodbye
 * full: fills all queues before READY, and goes on at SIGUSR1; each side sends TOTAL bytes. busy: the streams flow from READY until SIGUSR1,
 * or until the other side ends its own. closed: the caller says goodbye before READY, and the answerer sends its TOTAL at SIGUSR1. goodbye:
 * as full, and both say goodbye behind what is in their queues before READY.
 */
#include "harness.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { TOTAL = 24 << 20, PIECE = 1 << 16 };

static uint64_t sent, received;
static bool caller, closed_out, closed_in;

/* The byte at a place of the stream of one side. */
static void stream(unsigned char *to, uint64_t at, size_t length, bool of_caller)
{
	for (size_t i = 0; i < length; i++) {
		uint64_t word = h_mix(((at + i) / 8 + 1) * (of_caller ? 3 : 5));
		to[i] = (unsigned char)(word >> (at + i) % 8 * 8);
	}
}

static bool send_some(int s, uint64_t until)
{
	static unsigned char piece[PIECE];
	if (sent >= until)
		return false;
	size_t length = until - sent < PIECE ? until - sent : PIECE;
	stream(piece, sent, length, caller);
	ssize_t done = send(s, piece, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done < 0) {
		CHECK(errno == EAGAIN, "send: %s after %llu bytes", strerror(errno), (unsigned long long)sent);
		return false;
	}
	sent += done;
	return true;
}

static bool receive_some(int s)
{
	static unsigned char piece[PIECE], expected[PIECE];
	ssize_t got = recv(s, piece, sizeof piece, MSG_DONTWAIT);
	if (got < 0) {
		CHECK(errno == EAGAIN, "recv: %s after %llu bytes", strerror(errno), (unsigned long long)received);
		return false;
	}
	stream(expected, received, got, !caller);
	CHECK(memcmp(piece, expected, got) == 0, "wrong bytes behind byte %llu", (unsigned long long)received);
	received += got;
	closed_in |= got == 0;
	return got > 0;
}

static void say_goodbye(int s)
{
	if (!closed_out)
		CHECK(shutdown(s, SHUT_WR) == 0, "shutdown: %s", strerror(errno));
	closed_out = true;
}

/* Until both sides have said goodbye. */
static void finish(int s, uint64_t until)
{
	while (h_why_length == 0 && !(closed_out && closed_in)) {
		while (!closed_out && send_some(s, until))
			;
		if (sent >= until)
			say_goodbye(s);
		while (!closed_in && receive_some(s))
			;
		struct pollfd wait = { s, (closed_in ? 0 : POLLIN) | (closed_out ? 0 : POLLOUT), 0 };
		if (wait.events && poll(&wait, 1, 60000) == 0)
			h_fail("nothing moves: %llu sent, %llu received", (unsigned long long)sent, (unsigned long long)received);
	}
}

static void flow(int s)
{
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	struct timespec now = { 0 };
	while (h_why_length == 0 && !closed_in && sigtimedwait(&usr1, NULL, &now) < 0) {
		send_some(s, UINT64_MAX);
		receive_some(s);
		struct pollfd wait = { s, POLLIN | POLLOUT, 0 };
		poll(&wait, 1, 1000);
	}
	bool told = !closed_in;
	finish(s, sent);
	CHECK(received > 0, "nothing was received");
	/* The verdict waits to be asked for. */
	while (!told && sigwaitinfo(&usr1, NULL) < 0)
		;
}

union name {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static union name parse(const char *address, const char *port)
{
	union name name = { .four = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) } };
	if (inet_pton(AF_INET, address, &name.four.sin_addr) != 1) {
		name.six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(atoi(port)) };
		MUST(inet_pton(AF_INET6, address, &name.six.sin6_addr) == 1);
	}
	return name;
}

static int dial(union name name)
{
	for (;;) {
		int s = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(s, &name.any, sizeof name) == 0)
			return s;
		MUST(errno == ECONNREFUSED);
		close(s);
		usleep(5000);
	}
}

static int answer(union name name)
{
	int listening = socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	MUST(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	MUST(bind(listening, &name.any, sizeof name) == 0 && listen(listening, 1) == 0);
	int s = accept(listening, NULL, NULL);
	MUST(s >= 0);
	return s;
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	MUST(argc == 6);
	union name name = parse(argv[3], argv[4]);
	caller = strcmp(argv[2], "call") == 0;
	int s = caller ? dial(name) : answer(name), one = 1, idle = 77, value = 0;
	socklen_t size = sizeof value;
	MUST(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 && setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
	MUST(setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0);
	if (strcmp(argv[5], "busy") == 0) {
		h_ready();
		flow(s);
		h_end();
	}
	bool goodbye = strcmp(argv[5], "goodbye") == 0, full = goodbye || strcmp(argv[5], "full") == 0;
	for (struct pollfd wait = { s, POLLOUT, 0 }; full && poll(&wait, 1, 100) == 1;)
		send_some(s, TOTAL);
	MUST(!full || sent < TOTAL);
	if (goodbye || (!full && caller))
		say_goodbye(s);
	h_ready();
	h_wait();
	finish(s, full || !caller ? TOTAL : 0);
	CHECK(goodbye ? received > 0 : received == (full || caller ? TOTAL : 0), "%llu of %d bytes received", (unsigned long long)received, TOTAL);
	CHECK(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value != 0, "TCP_NODELAY is off");
	CHECK(getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &value, &size) == 0 && value == idle, "TCP_KEEPIDLE is %d", value);
	h_end();
}

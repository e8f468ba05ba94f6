/* TCP, UDP, raw and netlink sockets: options, names, queues, and connections with both ends here. */
#include "harness.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

union name {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static union name loopback(int family, int port)
{
	union name name = { 0 };
	if (family == AF_INET)
		name.four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	else
		name.six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	return name;
}

static union name name_of(int socket, bool peer)
{
	union name name = { 0 };
	socklen_t size = sizeof name;
	MUST((peer ? getpeername(socket, &name.any, &size) : getsockname(socket, &name.any, &size)) == 0);
	return name;
}

static void same_name(const char *what, int socket, bool peer, union name expected)
{
	union name name = { 0 };
	socklen_t size = sizeof name;
	int rc = peer ? getpeername(socket, &name.any, &size) : getsockname(socket, &name.any, &size);
	CHECK(rc == 0 && memcmp(&name, &expected, sizeof name) == 0, "%s: %s changed: %s", what, peer ? "peer" : "name", rc ? strerror(errno) : "");
}

static int option(int socket, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(socket, level, name, &value, &size) == 0 ? value : -1;
}

static void set(int socket, int level, int name, int value) { MUST(setsockopt(socket, level, name, &value, sizeof value) == 0); }

static void expect(const char *what, int socket, const char *text)
{
	char buffer[4096];
	struct pollfd poll_in = { socket, POLLIN, 0 };
	poll(&poll_in, 1, 10000);
	ssize_t length = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
	CHECK(length == (ssize_t)strlen(text) && memcmp(buffer, text, length) == 0, "%s: %zd %s", what, length, length < 0 ? strerror(errno) : "");
}

static void talk(const char *what, int a, int b)
{
	CHECK(send(a, "to and", 6, MSG_NOSIGNAL) == 6, "%s: send: %s", what, strerror(errno));
	expect(what, b, "to and");
	CHECK(send(b, "fro", 3, MSG_NOSIGNAL) == 3, "%s: send back: %s", what, strerror(errno));
	expect(what, a, "fro");
}

static int listener(int family, int port, int backlog)
{
	union name name = loopback(family, port);
	int socket_ = socket(family, SOCK_STREAM, 0);
	set(socket_, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(socket_ >= 0 && bind(socket_, &name.any, sizeof name) == 0 && listen(socket_, backlog) == 0);
	return socket_;
}

static int dial(int listening)
{
	union name name = name_of(listening, false);
	int client = socket(name.any.sa_family, SOCK_STREAM, 0);
	MUST(client >= 0 && connect(client, &name.any, sizeof name) == 0);
	return client;
}

static void listening(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int sockets[2], twins[2], bound, plain = socket(AF_INET, SOCK_STREAM, 0);
	for (int i = 0; i < 2; i++) {
		sockets[i] = socket(families[i], SOCK_STREAM | SOCK_NONBLOCK, 0);
		union name name = loopback(families[i], 0);
		set(sockets[i], SOL_SOCKET, SO_REUSEADDR, 1);
		if (i == 1)
			set(sockets[i], IPPROTO_IPV6, IPV6_V6ONLY, 1);
		MUST(bind(sockets[i], &name.any, sizeof name) == 0 && listen(sockets[i], 11 + i) == 0);
		set(sockets[i], IPPROTO_TCP, TCP_NODELAY, 1);
		set(sockets[i], SOL_SOCKET, SO_KEEPALIVE, 1);
		set(sockets[i], IPPROTO_TCP, TCP_KEEPIDLE, 77);
		set(sockets[i], IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
		set(sockets[i], SOL_SOCKET, SO_RCVBUF, 50000);
	}
	MUST(setsockopt(sockets[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0);
	union name name = loopback(AF_INET, 0);
	for (int i = 0; i < 2; i++) {
		twins[i] = socket(AF_INET, SOCK_STREAM, 0);
		set(twins[i], SOL_SOCKET, SO_REUSEPORT, 1);
		MUST(bind(twins[i], &name.any, sizeof name) == 0 && listen(twins[i], 5) == 0);
		name = name_of(twins[0], false);
	}
	/* Both have the port now, and one of them could not get it again by itself. */
	set(twins[0], SOL_SOCKET, SO_REUSEPORT, 0);
	bound = socket(AF_INET, SOCK_STREAM, 0);
	union name other = loopback(AF_INET, 0);
	MUST(bind(bound, &other.any, sizeof other) == 0);
	union name names[2] = { name_of(sockets[0], false), name_of(sockets[1], false) };
	other = name_of(bound, false);
	int buffer = option(sockets[0], SOL_SOCKET, SO_RCVBUF), defer = option(sockets[0], IPPROTO_TCP, TCP_DEFER_ACCEPT);

	h_ready();
	h_wait();

	for (int i = 0; i < 2; i++) {
		same_name("listener", sockets[i], false, names[i]);
		struct tcp_info info;
		socklen_t size = sizeof info;
		CHECK(getsockopt(sockets[i], IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_LISTEN && info.tcpi_sacked == 11u + i,
			"listener: state %d, backlog %u", info.tcpi_state, info.tcpi_sacked);
		CHECK(option(sockets[i], IPPROTO_TCP, TCP_NODELAY) == 1 && option(sockets[i], IPPROTO_TCP, TCP_KEEPIDLE) == 77, "TCP options");
		CHECK(option(sockets[i], SOL_SOCKET, SO_RCVBUF) == buffer && option(sockets[i], SOL_SOCKET, SO_REUSEADDR) == 1, "buffer or SO_REUSEADDR");
		CHECK(option(sockets[i], IPPROTO_TCP, TCP_DEFER_ACCEPT) == defer, "TCP_DEFER_ACCEPT %d", option(sockets[i], IPPROTO_TCP, TCP_DEFER_ACCEPT));
		CHECK(fcntl(sockets[i], F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
	}
	CHECK(option(twins[0], SOL_SOCKET, SO_REUSEPORT) == 0 && option(twins[1], SOL_SOCKET, SO_REUSEPORT) == 1, "SO_REUSEPORT of the twins");
	char congestion[16] = "";
	socklen_t size = sizeof congestion;
	CHECK(getsockopt(sockets[0], IPPROTO_TCP, TCP_CONGESTION, congestion, &size) == 0 && strcmp(congestion, "reno") == 0, "congestion %s", congestion);
	CHECK(option(sockets[1], IPPROTO_IPV6, IPV6_V6ONLY) == 1, "IPV6_V6ONLY");
	for (int i = 0; i < 2; i++)
		same_name("twin", twins[i], false, name);
	same_name("bound", bound, false, other);
	CHECK(option(bound, SOL_SOCKET, SO_REUSEADDR) == 0, "SO_REUSEADDR stayed on");
	int client = dial(sockets[1]);
	CHECK(send(client, "x", 1, 0) == 1, "send");
	struct pollfd waiting = { sockets[1], POLLIN, 0 };
	CHECK(poll(&waiting, 1, 10000) == 1, "nobody comes");
	int served = accept(sockets[1], NULL, NULL);
	expect("new connection", served, "x");
	CHECK(listen(bound, 1) == 0 && connect(plain, &other.any, sizeof other) == 0, "unconnected sockets: %s", strerror(errno));
}

/* Less is sent than the receiver has room for, where kernels before 6.7 have to read it: they do not tell what is under way. */
static void connections(size_t length)
{
	static char big[100000], got[100000];
	int l = listener(AF_INET, 0, 5), l6 = listener(AF_INET6, 0, 5), gone_l = listener(AF_INET, 0, 5);
	int a = dial(l), b = accept(l, NULL, NULL), c = dial(l), d = accept(l, NULL, NULL), e = dial(l6), f = accept(l6, NULL, NULL);
	int g = dial(gone_l), h = accept(gone_l, NULL, NULL), left = dial(l), right = accept(l, NULL, NULL), over = dial(l), past = accept(l, NULL, NULL);
	int waiting = dial(l);
	close(gone_l);
	MUST(b >= 0 && d >= 0 && f >= 0 && h >= 0 && right >= 0 && past >= 0);
	h_fill(big, length, 8);
	MUST(send(a, big, length, 0) == (ssize_t)length && send(b, "answer", 6, 0) == 6);
	set(a, IPPROTO_TCP, TCP_NODELAY, 1);
	MUST(fcntl(b, F_SETFL, O_NONBLOCK) == 0);
	MUST(send(c, "last words", 10, 0) == 10 && shutdown(c, SHUT_WR) == 0);
	MUST(send(left, "left behind", 11, 0) == 11 && close(left) == 0);
	MUST(send(over, "and over", 8, 0) == 8 && shutdown(over, SHUT_WR) == 0 && shutdown(past, SHUT_WR) == 0);
	union name names[] = { name_of(a, false), name_of(b, false), name_of(e, false), name_of(f, true), name_of(g, false), name_of(h, false) };
	usleep(100000);

	h_ready();
	h_wait();

	same_name("a", a, false, names[0]);
	same_name("a", a, true, names[1]);
	same_name("b", b, true, names[0]);
	same_name("six", e, false, names[2]);
	same_name("six", f, true, names[3]);
	same_name("listener gone", g, true, names[5]);
	same_name("listener gone", h, true, names[4]);
	for (size_t done = 0; done < length;) {
		ssize_t n = recv(b, got + done, length - done, MSG_DONTWAIT);
		CHECK(n > 0, "queue ends at %zu: %s", done, strerror(errno));
		if (n <= 0)
			break;
		done += n;
	}
	CHECK(h_wrong_at(got, length, 8) < 0, "queue: wrong at %ld", h_wrong_at(got, length, 8));
	expect("answer", a, "answer");
	talk("connection", a, b);
	talk("over IPv6", e, f);
	talk("listener gone", g, h);
	CHECK(option(a, IPPROTO_TCP, TCP_NODELAY) == 1 && (fcntl(b, F_GETFL) & O_NONBLOCK), "options of a connection");
	expect("half closed", d, "last words");
	CHECK(recv(d, got, 1, MSG_DONTWAIT) == 0, "half closed: no end");
	CHECK(send(d, "answer", 6, MSG_NOSIGNAL) == 6, "half closed: %s", strerror(errno));
	expect("half closed", c, "answer");
	CHECK(send(c, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "half closed: it could send");
	expect("left behind", right, "left behind");
	CHECK(recv(right, got, 1, MSG_DONTWAIT) == 0, "left behind: no end");
	expect("over", past, "and over");
	CHECK(recv(past, got, 1, MSG_DONTWAIT) == 0 && recv(over, got, 1, MSG_DONTWAIT) == 0, "over: no end");
	struct pollfd incoming = { l, POLLIN, 0 };
	CHECK(poll(&incoming, 1, 10000) == 1, "nobody waits to be accepted");
	int late = accept(l, NULL, NULL);
	talk("backlog", waiting, late);
	int fresh = dial(l), served = accept(l, NULL, NULL);
	talk("fresh", fresh, served);
}

/* More is under way than the receiver has room for: a part of it is not even sent. */
static void flood(void)
{
	static unsigned char piece[1 << 16];
	int l = listener(AF_INET, 0, 4), near = dial(l), far = accept(l, NULL, NULL);
	uint64_t sent = 0, got = 0;
	MUST(far >= 0 && fcntl(near, F_SETFL, O_NONBLOCK) == 0 && fcntl(far, F_SETFL, O_NONBLOCK) == 0);
	for (struct pollfd room = { near, POLLOUT, 0 }; poll(&room, 1, 100) == 1;) {
		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = (unsigned char)h_mix(sent + i);
		ssize_t length = send(near, piece, sizeof piece, MSG_NOSIGNAL);
		MUST(length > 0 || errno == EAGAIN);
		sent += length > 0 ? length : 0;
	}

	h_ready();
	h_wait();

	CHECK(shutdown(near, SHUT_WR) == 0, "shutdown: %s", strerror(errno));
	for (;;) {
		struct pollfd more = { far, POLLIN, 0 };
		CHECK(poll(&more, 1, 20000) == 1, "nothing comes behind %llu of %llu bytes", (unsigned long long)got, (unsigned long long)sent);
		ssize_t length = recv(far, piece, sizeof piece, 0);
		if (length <= 0)
			break;
		for (ssize_t i = 0; i < length; i++) {
			if (piece[i] != (unsigned char)h_mix(got + i)) {
				h_fail("byte %llu is wrong", (unsigned long long)(got + i));
				return;
			}
		}
		got += length;
	}
	CHECK(got == sent, "%llu of %llu bytes came", (unsigned long long)got, (unsigned long long)sent);
}

/* A packet socket with a ring that is not mapped: options that a ring forbids show whether it is there. */
static int ring_socket(void)
{
	int s = socket(AF_PACKET, SOCK_RAW, 0);
	struct tpacket_req ring = { .tp_block_size = 4096, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 4 };
	if (s >= 0) {
		set(s, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
		MUST(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) == 0);
	}
	return s;
}

static void packets(void)
{
	int ring = ring_socket(), elsewhere = socket(AF_INET, SOCK_DGRAM, 0);
	union name nowhere = { .four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000263) } };
	set(elsewhere, IPPROTO_IP, IP_FREEBIND, 1);
	MUST(bind(elsewhere, &nowhere.any, sizeof nowhere.four) == 0);
	nowhere = name_of(elsewhere, false);
	set(elsewhere, IPPROTO_IP, IP_FREEBIND, 0);
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
	int lite = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	int group = socket(AF_INET, SOCK_DGRAM, 0);
	union name name = loopback(AF_INET, 0), name6 = loopback(AF_INET6, 0), any = loopback(AF_INET, 0);
	MUST(bind(server, &name.any, sizeof name) == 0 && bind(six, &name6.any, sizeof name6) == 0);
	name = name_of(server, false);
	name6 = name_of(six, false);
	MUST(connect(client, &name.any, sizeof name.four) == 0);
	union name client_name = name_of(client, false);
	set(server, SOL_SOCKET, SO_BROADCAST, 1);
	set(server, IPPROTO_IP, IP_TTL, 9);
	set(server, IPPROTO_IP, IP_PKTINFO, 1);
	set(six, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	struct sock_filter all[] = { { BPF_RET | BPF_K, 0, 0, 0xffff } };
	struct sock_fprog program = { 1, all };
	MUST(setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
	struct icmp_filter filter = { ~(1u << ICMP_ECHOREPLY) };
	MUST(raw < 0 || setsockopt(raw, SOL_RAW, ICMP_FILTER, &filter, sizeof filter) == 0);
	struct sockaddr_nl port = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	MUST(route >= 0 && bind(route, (void *)&port, sizeof port) == 0);
	struct sockaddr_nl port_name = { 0 };
	socklen_t size = sizeof port_name;
	MUST(getsockname(route, (void *)&port_name, &size) == 0);
	struct ip_mreqn join = { .imr_multiaddr.s_addr = inet_addr("239.7.7.7"), .imr_ifindex = 1 };
	bool joined = setsockopt(group, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0;
	MUST(lite < 0 || bind(lite, &any.any, sizeof any.four) == 0);
	any = lite < 0 ? any : name_of(lite, false);

	h_ready();
	h_wait();

	same_name("server", server, false, name);
	same_name("elsewhere", elsewhere, false, nowhere);
	CHECK(option(elsewhere, IPPROTO_IP, IP_FREEBIND) == 0, "IP_FREEBIND is on");
	int version = TPACKET_V1;
	CHECK(ring < 0 || (option(ring, SOL_PACKET, PACKET_VERSION) == TPACKET_V2
		&& setsockopt(ring, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 && errno == EBUSY), "the ring is gone");
	same_name("client", client, false, client_name);
	same_name("client", client, true, name);
	same_name("six", six, false, name6);
	if (lite >= 0)
		same_name("UDP-Lite", lite, false, any);
	CHECK(send(client, "packet", 6, 0) == 6, "send: %s", strerror(errno));
	expect("packet", server, "packet");
	CHECK(option(server, SOL_SOCKET, SO_BROADCAST) == 1 && option(server, IPPROTO_IP, IP_TTL) == 9 && option(server, IPPROTO_IP, IP_PKTINFO) == 1, "options");
	CHECK(option(six, IPPROTO_IPV6, IPV6_RECVPKTINFO) == 1, "IPV6_RECVPKTINFO");
	struct sock_filter found[4];
	socklen_t count = 4;
	CHECK(getsockopt(server, SOL_SOCKET, SO_GET_FILTER, found, &count) == 0 && count == 1 && memcmp(found, all, sizeof all) == 0, "filter of %u", count);
	CHECK(raw < 0 || (uint32_t)option(raw, SOL_RAW, ICMP_FILTER) == filter.data, "ICMP_FILTER");
	struct sockaddr_nl route_name = { 0 };
	size = sizeof route_name;
	CHECK(getsockname(route, (void *)&route_name, &size) == 0 && memcmp(&route_name, &port_name, sizeof port_name) == 0, "netlink port %u groups %x", route_name.nl_pid, route_name.nl_groups);
	CHECK(!joined || (setsockopt(group, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) < 0 && errno == EADDRINUSE), "the multicast group is left");
}

/* To a server elsewhere, whose port is the argument: saved with --tcp close. */
static void outside(int port)
{
	union name name = loopback(AF_INET, port);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	char byte;
	MUST(client >= 0 && connect(client, &name.any, sizeof name.four) == 0);
	h_ready();
	h_wait();
	CHECK(recv(client, &byte, 1, 0) < 0 && errno == ECONNRESET, "not reset: %s", strerror(errno));
	CHECK(recv(client, &byte, 1, 0) == 0, "no end after the reset");
	CHECK(send(client, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "it could send");
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	const char *part = argc > 2 ? argv[2] : "";
	if (strcmp(part, "listening") == 0)
		listening();
	else if (strcmp(part, "connections") == 0)
		connections(argc > 3 ? 20000 : 100000);
	else if (strcmp(part, "flood") == 0)
		flood();
	else if (strcmp(part, "packets") == 0)
		packets();
	else if (strcmp(part, "outside") == 0 && argc > 3)
		outside(atoi(argv[3]));
	else
		h_skip("parts: listening, connections [elsewhere], flood, packets, outside PORT");
	h_end();
}

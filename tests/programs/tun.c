/* Network interfaces of /dev/net/tun: a tap with settings, a persistent tun, the device opened and not used. */
#include "harness.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int ask(unsigned long request, struct ifreq *request_data)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = ioctl(fd, request, request_data);
	close(fd);
	return result;
}

static int make(const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		h_skip("no /dev/net/tun here");
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	MUST(ioctl(fd, TUNSETIFF, &r) == 0);
	return fd;
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	char tap_name[IFNAMSIZ], tun_name[IFNAMSIZ];
	snprintf(tap_name, sizeof tap_name, "pmtap%d", getpid() % 100000);
	snprintf(tun_name, sizeof tun_name, "pmtun%d", getpid() % 100000);
	int tap = make(tap_name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), tun = make(tun_name, IFF_TUN);
	int idle = open("/dev/net/tun", O_RDWR | O_CLOEXEC), size = 12, buffer = 70000;
	MUST(ioctl(tap, TUNSETVNETHDRSZ, &size) == 0 && ioctl(tap, TUNSETSNDBUF, &buffer) == 0 && ioctl(tap, TUNSETOWNER, 1234) == 0);
	MUST(ioctl(tun, TUNSETPERSIST, 1) == 0);
	struct ifreq r = { 0 };
	struct sockaddr_in *address = (struct sockaddr_in *)&r.ifr_addr;
	strcpy(r.ifr_name, tap_name);
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a7f2101) };
	MUST(ask(SIOCSIFADDR, &r) == 0);
	r.ifr_mtu = 1400;
	MUST(ask(SIOCSIFMTU, &r) == 0);
	r.ifr_flags = IFF_UP;
	MUST(ask(SIOCSIFFLAGS, &r) == 0 && ask(SIOCGIFHWADDR, &r) == 0);
	unsigned char hardware[6];
	memcpy(hardware, r.ifr_hwaddr.sa_data, 6);
	h_ready();
	h_wait();
	CHECK(ioctl(tap, TUNGETIFF, &r) == 0 && strcmp(r.ifr_name, tap_name) == 0 && (r.ifr_flags & IFF_TAP) && (r.ifr_flags & IFF_VNET_HDR)
		&& (r.ifr_flags & IFF_NO_PI) && !(r.ifr_flags & IFF_PERSIST), "tap %s %x", r.ifr_name, r.ifr_flags);
	CHECK(ioctl(tap, TUNGETVNETHDRSZ, &size) == 0 && size == 12, "header %d", size);
	CHECK(ioctl(tap, TUNGETSNDBUF, &buffer) == 0 && buffer == 70000, "buffer %d", buffer);
	CHECK(ask(SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 1400, "MTU");
	CHECK(ask(SIOCGIFADDR, &r) == 0 && address->sin_addr.s_addr == htonl(0x0a7f2101), "address");
	CHECK(ask(SIOCGIFHWADDR, &r) == 0 && memcmp(hardware, r.ifr_hwaddr.sa_data, 6) == 0, "hardware address");
	CHECK(ask(SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP), "not up");
	CHECK(ioctl(tun, TUNGETIFF, &r) == 0 && strcmp(r.ifr_name, tun_name) == 0 && (r.ifr_flags & IFF_TUN) && (r.ifr_flags & IFF_PERSIST),
		"tun %s %x", r.ifr_name, r.ifr_flags);
	CHECK(ioctl(tun, TUNSETPERSIST, 0) == 0, "persistent for good");
	CHECK(ioctl(idle, TUNGETIFF, &r) == -1 && errno == EBADFD, "the idle one has an interface");
	CHECK(fcntl(tap, F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
	h_end();
}

/* Names that are not UTF-8, and names that look like escapes of such: OUT FOLDER [moved]. With "moved" it does not ask for absolute names. */
#include "harness.h"
#include <mqueue.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WORK "w\xe9rk"
#define ARGUMENT "arg\xff\xfe"
#define VARIABLE "V\xe4R=v\xe9"
#define TASK "t\xe9\\n\n"
#define QUEUE "/bytenames\xe9"

static const char *const names[] = {
	"caf\xe9.txt", "\xed\xa0\x80\xff", "\xef\xbf\xbd", "a\\u0000e9", "b\\012c\xe9", "new\nline\xe9", "tab\t and \\134 \xc3", "caf\xc3\xa9",
};
enum { NAMES = sizeof names / sizeof *names, LENGTH = 5000 };

static char folder[PATH_MAX / 2];
static bool moved;
static int files[NAMES], deleted, fifo, listener, datagram, watch, memory, link_file, opened;
static unsigned char *maps[NAMES];
static mqd_t queue;

static const char *in(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" WORK "%s%s", folder, name[0] ? "/" : "", name);
	return path;
}

static socklen_t address(struct sockaddr_un *to, const char *name)
{
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	MUST(strlen(name) < sizeof to->sun_path);
	strcpy(to->sun_path, name);
	return offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1;
}

static int bound(int type, const char *name)
{
	struct sockaddr_un at;
	socklen_t length = address(&at, name);
	int socket_file = socket(AF_UNIX, type, 0);
	MUST(socket_file >= 0 && bind(socket_file, (struct sockaddr *)&at, length) == 0);
	return socket_file;
}

static void build(void)
{
	MUST(mkdir(folder, 0700) == 0 || errno == EEXIST);
	MUST(mkdir(in(""), 0700) == 0 && chdir(in("")) == 0);
	for (int i = 0; i < NAMES; i++) {
		MUST((files[i] = open(in(names[i]), O_RDWR | O_CREAT | O_EXCL, 0640)) >= 0);
		unsigned char bytes[LENGTH];
		for (int at = 0; at < LENGTH; at++)
			bytes[at] = h_mix(i * LENGTH + at);
		MUST(write(files[i], bytes, LENGTH) == LENGTH && lseek(files[i], 100 + i, SEEK_SET) == 100 + i);
		MUST((maps[i] = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, files[i], 0)) != MAP_FAILED);
	}
	MUST((deleted = open("gone\xe9", O_RDWR | O_CREAT, 0600)) >= 0);
	MUST(write(deleted, "gone", 4) == 4 && unlink("gone\xe9") == 0);
	MUST(mkfifo("fifo\xe9", 0600) == 0 && (fifo = open("fifo\xe9", O_RDWR)) >= 0 && write(fifo, "inside", 6) == 6);
	MUST(symlink("to\xe9", "link\xe9") == 0 && (link_file = open("link\xe9", O_PATH | O_NOFOLLOW)) >= 0);
	MUST((watch = inotify_init1(IN_NONBLOCK)) >= 0 && inotify_add_watch(watch, ".", IN_DELETE) > 0);
	MUST((opened = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	MUST((memory = memfd_create("mem\xfd", 0)) >= 0);
	MUST(prctl(PR_SET_NAME, TASK) == 0);
	if (moved)
		return;
	listener = bound(SOCK_STREAM, in("sock\xe9"));
	MUST(listen(listener, 3) == 0);
	datagram = bound(SOCK_DGRAM, "rel\xe9");
	struct mq_attr attributes = { .mq_maxmsg = 3, .mq_msgsize = 16 };
	MUST((queue = mq_open(QUEUE, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes)) >= 0);
}

static void check_link(int file, const char *name)
{
	char path[64], link[PATH_MAX] = "";
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	MUST(readlink(path, link, sizeof link - 1) > 0);
	const char *wanted = in(name);
	if (moved) {
		wanted = strrchr(wanted, '/');
		size_t length = strlen(wanted), has = strlen(link);
		CHECK(has > length && strcmp(link + has - length, wanted) == 0, "link of %s is %s", name, link);
		return;
	}
	CHECK(strcmp(link, wanted) == 0, "link of %s is %s", name, link);
}

static void check_files(void)
{
	for (int i = 0; i < NAMES; i++) {
		struct stat here, named;
		bool same = true;
		check_link(files[i], names[i]);
		CHECK(lseek(files[i], 0, SEEK_CUR) == 100 + i, "position of %s", names[i]);
		for (int at = 0; at < LENGTH; at++)
			same &= maps[i][at] == (unsigned char)h_mix(i * LENGTH + at);
		CHECK(same, "content of %s", names[i]);
		maps[i][7] ^= 0xff;
		unsigned char byte = 0;
		CHECK(pread(files[i], &byte, 1, 7) == 1 && byte == maps[i][7], "%s is mapped from elsewhere", names[i]);
		maps[i][7] ^= 0xff;
		MUST(fstat(files[i], &here) == 0);
		CHECK(stat(names[i], &named) == 0 && named.st_ino == here.st_ino, "%s is not in the working folder", names[i]);
	}
}

static void check_others(void)
{
	char text[32] = "", task[16] = "";
	struct inotify_event *event;
	char events[sizeof *event + NAME_MAX + 1];
	CHECK(pread(deleted, text, sizeof text, 0) == 4 && memcmp(text, "gone", 4) == 0, "the deleted file");
	check_link(deleted, "gone\xe9 (deleted)");
	CHECK(read(fifo, text, sizeof text) == 6 && memcmp(text, "inside", 6) == 0, "the FIFO");
	check_link(fifo, "fifo\xe9");
	check_link(link_file, "link\xe9");
	check_link(opened, "");
	int file = open("watched\xe9", O_WRONLY | O_CREAT, 0600);
	MUST(file >= 0 && unlink("watched\xe9") == 0);
	event = (struct inotify_event *)events;
	CHECK(read(watch, events, sizeof events) > 0 && strcmp(event->name, "watched\xe9") == 0, "the watch");
	MUST(prctl(PR_GET_NAME, task) == 0);
	CHECK(strcmp(task, TASK) == 0, "the name of the process is %s", task);
	char link[64] = "", path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	CHECK(readlink(path, link, sizeof link - 1) > 0 && strcmp(link, "/memfd:mem\xfd (deleted)") == 0, "the memfd is %s", link);
}

static void check_socket(int file, const char *name, int type)
{
	struct sockaddr_un at, wanted;
	socklen_t length = sizeof at, full = address(&wanted, name);
	CHECK(getsockname(file, (struct sockaddr *)&at, &length) == 0 && length == full && memcmp(&at, &wanted, full) == 0, "the name of socket %s", name);
	int client = socket(AF_UNIX, type, 0);
	CHECK(connect(client, (struct sockaddr *)&wanted, full) == 0, "nobody answers at %s: %s", name, strerror(errno));
	close(client);
}

static void check_queue(void)
{
	char text[16];
	mqd_t other = mq_open(QUEUE, O_WRONLY);
	CHECK(other >= 0 && mq_send(other, "sent", 5, 0) == 0, "the queue's name");
	CHECK(mq_receive(queue, text, sizeof text, NULL) == 5 && strcmp(text, "sent") == 0, "the queue");
	mq_unlink(QUEUE);
}

int main(int argc, char **argv)
{
	const char *last = argc > 1 ? argv[argc - 1] : "";
	if (strcmp(last, ARGUMENT) != 0) {
		char *arguments[8] = { 0 }, *environment[] = { VARIABLE, NULL };
		for (int i = 0; i < argc && i < 6; i++)
			arguments[i] = argv[i];
		arguments[argc < 6 ? argc : 6] = ARGUMENT;
		execve("/proc/self/exe", arguments, environment);
		return 71;
	}
	h_init(argc, argv);
	MUST(argc > 3);
	snprintf(folder, sizeof folder, "%s", argv[2]);
	moved = strcmp(argv[3], "moved") == 0;
	build();
	h_ready();
	h_wait();

	check_files();
	check_others();
	if (!moved) {
		check_socket(listener, in("sock\xe9"), SOCK_STREAM);
		check_socket(datagram, "rel\xe9", SOCK_DGRAM);
		check_queue();
	}
	CHECK(strcmp(argv[argc - 1], ARGUMENT) == 0, "the argument");
	CHECK(getenv("V\xe4R") && strcmp(getenv("V\xe4R"), "v\xe9") == 0, "the environment");
	h_end();
}

/*
 * A FUSE file system with one file in it, and a program that uses it: OUT FOLDER serve|use|both. With "both" the user is the parent of the
 * server, so that one tree serves itself.
 */
#include "harness.h"
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

static const char content[] = "served by FUSE";
static int device;

static void answer(uint64_t unique, int error, const void *data, size_t length)
{
	struct fuse_out_header head = { .len = sizeof head + length, .error = error, .unique = unique };
	struct iovec parts[] = { { &head, sizeof head }, { (void *)data, length } };
	(void)!writev(device, parts, length > 0 ? 2 : 1);
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755, .size = node == 1 ? 0 : sizeof content };
	return attr;
}

static void serve_one(struct fuse_in_header *in)
{
	switch (in->opcode) {
	case FUSE_INIT: {
		struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096 };
		answer(in->unique, 0, &out, sizeof out);
		break;
	}
	case FUSE_GETATTR: {
		struct fuse_attr_out out = { .attr = attributes(in->nodeid) };
		answer(in->unique, 0, &out, sizeof out);
		break;
	}
	case FUSE_LOOKUP: {
		struct fuse_entry_out out = { .nodeid = 2, .generation = 1, .attr = attributes(2) };
		if (strcmp((char *)(in + 1), "file") == 0)
			answer(in->unique, 0, &out, sizeof out);
		else
			answer(in->unique, -ENOENT, NULL, 0);
		break;
	}
	case FUSE_OPEN:
	case FUSE_OPENDIR: {
		struct fuse_open_out out = { .fh = 1, .open_flags = FOPEN_DIRECT_IO };
		answer(in->unique, 0, &out, sizeof out);
		break;
	}
	case FUSE_READ:
		answer(in->unique, 0, content, sizeof content);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		answer(in->unique, 0, NULL, 0);
		break;
	default:
		answer(in->unique, -ENOSYS, NULL, 0);
	}
}

static void mount_folder(const char *folder)
{
	char options[100];
	MUST((device = open("/dev/fuse", O_RDWR | O_CLOEXEC)) >= 0);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	MUST(mount("fused", folder, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
}

static void serve(void)
{
	static char request[1 << 17];
	while (!h_go) {
		ssize_t length = read(device, request, sizeof request);
		if (length > 0)
			serve_one((struct fuse_in_header *)request);
		else if (errno == ENODEV)
			_exit(0);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], text[sizeof content];
	h_init(argc, argv);
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		h_skip("there is no /dev/fuse");
	if (strcmp(argv[3], "use") != 0) {
		mount_folder(argv[2]);
		if (strcmp(argv[3], "serve") == 0) {
			h_ready();
			serve();
		}
		pid_t child = fork();
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve();
		}
		close(device);
	}
	snprintf(path, sizeof path, "%s/file", argv[2]);
	int file = open(path, O_RDONLY);
	MUST(file >= 0 && chdir(argv[2]) == 0);
	h_ready();
	h_wait();
	CHECK(pread(file, text, sizeof text, 0) == sizeof content && strcmp(text, content) == 0, "the file cannot be read");
	CHECK(access("file", R_OK) == 0, "the working folder");
	h_end();
}

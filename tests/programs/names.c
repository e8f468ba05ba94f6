/* Open files whose name went to another file, while they have another name themselves; or got one late (O_TMPFILE). */
#include "harness.h"

static int files[6];
static const char *const now[] = { ".conf~", ".again", ".late", ".fifo-2", ".lib", ".replaced" };

static int make(const char *suffix)
{
	int fd = open(h_beside(suffix), O_RDWR | O_CREAT | O_EXCL, 0600);
	MUST(fd >= 0 && write(fd, suffix, strlen(suffix)) == (ssize_t)strlen(suffix));
	return fd;
}

static void name(int (*call)(const char *, const char *), const char *old, const char *new)
{
	char from[PATH_MAX + 64];
	strcpy(from, h_beside(old));
	MUST(call(from, h_beside(new)) == 0);
}

static void check_same(int fd, const char *suffix)
{
	struct stat open_file, named;
	MUST(fstat(fd, &open_file) == 0);
	CHECK(stat(h_beside(suffix), &named) == 0 && named.st_ino == open_file.st_ino, "%s is another file", suffix);
}

static void check_text(int fd, const char *wanted)
{
	char text[64] = "";
	CHECK(pread(fd, text, sizeof text - 1, 0) > 0 && strcmp(text, wanted) == 0, "%s holds %s", wanted, text);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	char folder[PATH_MAX];
	strcpy(folder, h_out);
	*strrchr(folder, '/') = 0;

	/* An editor keeps the old file as its backup. */
	files[0] = make(".conf");
	name(link, ".conf", ".conf~");
	close(make(".new"));
	name(rename, ".new", ".conf");

	/* Deleted, and linked back later (by the test, as the remedy says): the kernel goes on calling it deleted. */
	files[1] = make(".again");
	MUST(mkdir(h_beside(".elsewhere"), 0700) == 0);
	name(link, ".again", ".elsewhere/kept");
	MUST(unlink(h_beside(".again")) == 0);

	/* Made without a name, and given one when it was complete. */
	files[2] = open(folder, O_TMPFILE | O_RDWR, 0600);
	MUST(files[2] >= 0 && write(files[2], ".late", 5) == 5);
	char link_of[64];
	snprintf(link_of, sizeof link_of, "/proc/self/fd/%d", files[2]);
	MUST(linkat(AT_FDCWD, link_of, AT_FDCWD, h_beside(".late"), AT_SYMLINK_FOLLOW) == 0);

	MUST(mkfifo(h_beside(".fifo"), 0600) == 0);
	files[3] = open(h_beside(".fifo"), O_RDWR | O_NONBLOCK);
	name(link, ".fifo", ".fifo-2");
	MUST(unlink(h_beside(".fifo")) == 0 && mkdir(h_beside(".fifo"), 0700) == 0);
	MUST(write(files[3], "piped", 5) == 5);

	/* In the middle of an upgrade: dpkg has a backup that it is about to remove. */
	files[4] = make(".lib");
	name(link, ".lib", ".lib.dpkg-tmp");
	close(make(".lib.dpkg-new"));
	name(rename, ".lib.dpkg-new", ".lib");

	/* Mapped as well as open, and never with a name. */
	files[5] = open(folder, O_TMPFILE | O_RDWR, 0600);
	MUST(files[5] >= 0 && ftruncate(files[5], 8192) == 0);
	char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, files[5], 0);
	MUST(mapped != MAP_FAILED);
	h_fill(mapped, 8192, 5);
	h_ready();
	h_wait();

	for (int i = 0; i < 4; i++)
		check_same(files[i], now[i]);
	check_text(files[0], ".conf");
	check_text(files[1], ".again");
	check_text(files[2], ".late");
	check_text(files[4], ".lib");
	char text[16] = "";
	CHECK(read(files[3], text, sizeof text) == 5 && strcmp(text, "piped") == 0, "the FIFO holds %s", text);
	struct stat stat_of;
	CHECK(fstat(files[4], &stat_of) == 0 && access(h_beside(".lib.dpkg-tmp"), F_OK) != 0, "the backup is back");
	CHECK(pwrite(files[0], "CONF!", 5, 0) == 5 && (fcntl(files[2], F_GETFL) & O_ACCMODE) == O_RDWR, "write");
	int backup = open(h_beside(".conf~"), O_RDONLY), young = open(h_beside(".conf"), O_RDONLY);
	check_text(backup, "CONF!");
	check_text(young, ".new");
	CHECK(h_wrong_at(mapped, 8192, 5) == -1, "the mapped file without a name");
	mapped[4096] ^= 1;
	CHECK(pread(files[5], text, 1, 4096) == 1 && text[0] == mapped[4096], "mapping and file are one");
	snprintf(link_of, sizeof link_of, "/proc/self/fd/%d", files[5]);
	CHECK(linkat(AT_FDCWD, link_of, AT_FDCWD, h_beside(".named"), AT_SYMLINK_FOLLOW) == 0, "it cannot be given a name");
	h_end();
}

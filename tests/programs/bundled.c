/* Files in a folder of its own, for bundles: OUT FOLDER [names]. With "names", it must find them under their old names too. */
#include "harness.h"
#include <sys/xattr.h>

enum { DATA = 300 * 1000, TABLE = 64 << 10, SPARSE = 1 << 30 };
static const struct timespec when = { 1234567890, 123456789 };
static char folder[PATH_MAX / 2];
static bool names, attributes;

static const char *in(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void fill(unsigned char *bytes, size_t length, uint64_t seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = h_mix(seed + i);
}

static int make(const char *name, size_t length, uint64_t seed)
{
	static unsigned char bytes[DATA];
	int fd = open(in(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	fill(bytes, length, seed);
	MUST(write(fd, bytes, length) == (ssize_t)length);
	return fd;
}

static int reopen(int fd, const char *name, int flags)
{
	MUST(close(fd) == 0);
	MUST((fd = open(in(name), flags)) >= 0);
	return fd;
}

static void check_content(const char *what, const unsigned char *bytes, size_t length, uint64_t seed)
{
	static unsigned char wanted[DATA];
	fill(wanted, length, seed);
	CHECK(memcmp(bytes, wanted, length) == 0, "content of %s", what);
}

static void check_name(int fd, const char *name)
{
	char link[64], path[PATH_MAX] = "";
	struct stat open_file, named;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	CHECK(readlink(link, path, sizeof path - 1) > 0, "no link of %s", name);
	const char *wanted = names ? in(name) : name;
	size_t end = strlen(path), length = strlen(wanted);
	CHECK(end >= length && strcmp(path + end - length, wanted) == 0, "%s is called %.80s", name, path);
	MUST(fstat(fd, &open_file) == 0);
	CHECK(stat(name, &named) == 0 && named.st_ino == open_file.st_ino && named.st_dev == open_file.st_dev, "%s is not in the working folder", name);
	if (!names)
		return;
	CHECK(strcmp(path, wanted) == 0, "%s is called %.80s", name, path);
	CHECK(stat(wanted, &named) == 0 && named.st_ino == open_file.st_ino, "%s is not there under its old name", name);
}

static void check_data(int data, int link)
{
	static unsigned char bytes[DATA + 1];
	struct stat stat, other;
	char color[16] = "";
	MUST(fstat(data, &stat) == 0 && fstat(link, &other) == 0);
	CHECK(lseek(data, 0, SEEK_CUR) == 777, "position of data is %ld", (long)lseek(data, 0, SEEK_CUR));
	CHECK(pread(data, bytes, sizeof bytes, 0) == DATA, "size of data");
	check_content("data", bytes, DATA, 1);
	CHECK((stat.st_mode & 07777) == 0640, "mode of data is %o", stat.st_mode & 07777);
	CHECK(stat.st_mtim.tv_sec == when.tv_sec && stat.st_mtim.tv_nsec == when.tv_nsec, "time of data");
	CHECK(stat.st_nlink == 2 && stat.st_ino == other.st_ino && stat.st_dev == other.st_dev, "hard link of data");
	CHECK(!attributes || (fgetxattr(data, "user.color", color, sizeof color) == 4 && memcmp(color, "blue", 4) == 0), "extended attribute of data");
}

static void check_log(int log)
{
	char text[64] = "";
	CHECK(write(log, " and more", 9) == 9, "the log cannot be written");
	int fd = open("log", O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) == 16, "the log cannot be read");
	CHECK(strcmp(text, "begins  and more") == 0 || strcmp(text, "begins. and more") == 0, "the log holds \"%s\"", text);
}

int main(int argc, char **argv)
{
	h_init(argc, argv);
	MUST(argc > 2);
	snprintf(folder, sizeof folder, "%s", argv[2]);
	names = argc > 3 && strcmp(argv[3], "names") == 0;
	MUST(mkdir(folder, 0750) == 0 && chdir(folder) == 0);
	int data = make("data", DATA, 1);
	attributes = fsetxattr(data, "user.color", "blue", 4, 0) == 0;
	MUST(fchmod(data, 0640) == 0 && link("data", "link") == 0);
	data = reopen(data, "data", O_RDONLY);
	struct timespec times[2] = { when, when };
	MUST(futimens(data, times) == 0 && lseek(data, 777, SEEK_SET) == 777);
	int link = open(in("link"), O_RDONLY);
	MUST(link >= 0);
	int log = open(in("log"), O_WRONLY | O_APPEND | O_CREAT, 0600);
	MUST(write(log, "begins.", 7) == 7);
	int sparse = open(in("sparse"), O_RDWR | O_CREAT, 0600);
	MUST(ftruncate(sparse, SPARSE) == 0);
	char *shared = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE, MAP_SHARED, sparse, 0);
	MUST(shared != MAP_FAILED);
	strcpy(shared + 5000, "near the beginning");
	strcpy(shared + SPARSE - 100, "near the end");
	int table = make("table", TABLE, 2);
	unsigned char *mine = mmap(NULL, TABLE, PROT_READ | PROT_WRITE, MAP_PRIVATE, table, 0);
	MUST(mine != MAP_FAILED && close(table) == 0);
	memset(mine + 8192, 7, 4096);
	h_ready();
	h_wait();

	check_data(data, link);
	check_name(data, "data");
	check_name(log, "log");
	check_log(log);
	struct stat stat;
	MUST(fstat(sparse, &stat) == 0);
	CHECK(stat.st_size == SPARSE && stat.st_blocks * 512 < 1 << 20, "sparse takes %ld bytes", (long)stat.st_blocks * 512);
	CHECK(strcmp(shared + 5000, "near the beginning") == 0 && strcmp(shared + SPARSE - 100, "near the end") == 0, "content of sparse");
	char word[20] = "";
	strcpy(shared + 70000, "written late");
	CHECK(pread(sparse, word, 12, 70000) == 12 && strcmp(word, "written late") == 0, "mapping and descriptor of sparse are two files");
	check_content("table", mine, 8192, 2);
	CHECK(mine[8192] == 7 && mine[8192 + 4095] == 7, "what was written over table");
	check_content("the end of table", mine + 12288, TABLE - 12288, 2 + 12288);
	h_end();
}

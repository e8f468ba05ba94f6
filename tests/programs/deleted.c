/* Files that have lost their names: deleted, renamed over, made with O_TMPFILE, still known under another name; a deleted folder. */
#include "harness.h"
#include <linux/kcmp.h>

#define PAGE 4096ul
static char path_of[PATH_MAX];

static const char *beside(const char *suffix)
{
	snprintf(path_of, sizeof path_of, "%.4000s%s", h_out, suffix);
	return path_of;
}

static const char *link_of(int fd)
{
	static char target[PATH_MAX];
	char name[40];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(name, target, sizeof target - 1);
	target[length > 0 ? length : 0] = 0;
	return target;
}

static int deleted_file(const char *suffix, int flags)
{
	int fd = open(beside(suffix), flags | O_CREAT | O_EXCL, 0640);
	MUST(fd >= 0 && unlink(path_of) == 0);
	return fd;
}

static bool ends(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

int main(int argc, char **argv)
{
	struct stat stat;
	char text[64] = "", here[PATH_MAX], file[PATH_MAX + 10];
	h_init(argc, argv);

	int plain = deleted_file(".plain", O_RDWR);
	MUST(write(plain, "0123456789", 10) == 10 && lseek(plain, 3, SEEK_SET) == 3 && fchmod(plain, 04751) == 0);
	char again[40];
	snprintf(again, sizeof again, "/proc/self/fd/%d", plain);
	int reader = open(again, O_RDONLY | O_CLOEXEC), twin = dup(plain);
	MUST(reader >= 0 && twin >= 0 && lseek(reader, 6, SEEK_SET) == 6);

	int holes = deleted_file(".holes", O_RDWR | O_APPEND);		/* 3 GiB, of which 12 bytes are there */
	MUST(pwrite(holes, "begin!", 6, 0) == 6 && ftruncate(holes, 3l << 30) == 0 && fcntl(holes, F_SETFL, 0) == 0);
	MUST(pwrite(holes, "middle", 6, 1l << 30) == 6 && fcntl(holes, F_SETFL, O_APPEND) == 0);

	int mapped = deleted_file(".mapped", O_RDWR);
	MUST(ftruncate(mapped, 8 * PAGE) == 0);
	char *shared = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
	char *private = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, mapped, 0);
	MUST(shared != MAP_FAILED && private != MAP_FAILED);
	h_fill(shared, 8 * PAGE, 1);
	h_fill(private + 2 * PAGE, PAGE, 2);
	int only = deleted_file(".only-mapped", O_RDWR);
	MUST(ftruncate(only, 2 * PAGE) == 0);
	char *alone = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, only, 0);
	MUST(alone != MAP_FAILED && close(only) == 0);
	h_fill(alone, 2 * PAGE, 3);

	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%.4000s", h_out);
	*strrchr(folder, '/') = 0;
	int temporary = open(folder, O_TMPFILE | O_RDWR, 0600);
	MUST(temporary >= 0 && write(temporary, "temporary", 9) == 9);
	int temporary_flags = fcntl(temporary, F_GETFL);

	int over = open(beside(".over"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	MUST(over >= 0 && write(over, "old", 3) == 3);
	int young = open(beside(".young"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	MUST(young >= 0 && write(young, "young", 5) == 5);
	char from[PATH_MAX];
	snprintf(from, sizeof from, "%s", beside(".young"));
	MUST(rename(from, beside(".over")) == 0);

	int linked = open(beside(".link-1"), O_RDWR | O_CREAT | O_TRUNC, 0644);
	MUST(linked >= 0 && write(linked, "linked", 6) == 6);
	snprintf(from, sizeof from, "%s", beside(".link-1"));
	(void)!unlink(beside(".link-2"));
	MUST(link(from, beside(".link-2")) == 0 && unlink(from) == 0 && fstat(linked, &stat) == 0);
	ino_t linked_inode = stat.st_ino;

	MUST(mkdir(beside(".gone"), 0711) == 0);
	int gone = open(path_of, O_RDONLY | O_DIRECTORY);
	snprintf(file, sizeof file, "%s/inside", path_of);
	int inside = open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
	MUST(gone >= 0 && inside >= 0 && write(inside, "inside", 6) == 6 && unlink(file) == 0);
	MUST(fchdir(gone) == 0 && rmdir(beside(".gone")) == 0);

	(void)!unlink(beside(".symlink"));
	MUST(symlink("to nowhere", beside(".symlink")) == 0);
	int symbolic = open(beside(".symlink"), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	MUST(symbolic >= 0 && unlink(beside(".symlink")) == 0);

	h_ready();
	h_wait();

	CHECK(fstat(plain, &stat) == 0 && stat.st_nlink == 0 && stat.st_size == 10 && (stat.st_mode & 07777) == 04751, "deleted file: %o", stat.st_mode);
	CHECK(ends(link_of(plain), ".plain (deleted)"), "name of the deleted file: %s", link_of(plain));
	CHECK(read(twin, text, 3) == 3 && memcmp(text, "345", 3) == 0 && lseek(plain, 0, SEEK_CUR) == 6, "shared offset");
	CHECK(read(reader, text, 9) == 4 && memcmp(text, "6789", 4) == 0, "offset of its own");
	CHECK(pwrite(plain, "X", 1, 9) == 1 && pread(reader, text, 1, 9) == 1 && text[0] == 'X', "one file behind both");
	CHECK((fcntl(reader, F_GETFL) & O_ACCMODE) == O_RDONLY && (fcntl(plain, F_GETFL) & O_ACCMODE) == O_RDWR, "access modes");
	CHECK(access(beside(".plain"), F_OK) == -1, "the deleted file has a name");

	CHECK(fstat(holes, &stat) == 0 && stat.st_size == 3l << 30 && stat.st_blocks < 1000, "holes: %ld blocks", (long)stat.st_blocks);
	CHECK(pread(holes, text, 6, 0) == 6 && memcmp(text, "begin!", 6) == 0, "begin of the file with holes");
	CHECK(pread(holes, text, 6, 1l << 30) == 6 && memcmp(text, "middle", 6) == 0, "middle of the file with holes");
	CHECK(lseek(holes, 1 << 20, SEEK_DATA) >= (1l << 30) - (1l << 21), "hole");
	CHECK(write(holes, "end", 3) == 3 && lseek(holes, 0, SEEK_CUR) == (3l << 30) + 3, "append");

	CHECK(h_wrong_at(shared, 8 * PAGE, 1) == -1, "shared mapping at %ld", h_wrong_at(shared, 8 * PAGE, 1));
	CHECK(h_wrong_at(private + 2 * PAGE, PAGE, 2) == -1 && memcmp(private, shared, 2 * PAGE) == 0, "private mapping");
	shared[5 * PAGE] ^= 1;
	CHECK(pread(mapped, text, 1, 5 * PAGE) == 1 && text[0] == shared[5 * PAGE] && private[5 * PAGE] == text[0], "mapping and file are one");
	CHECK(h_wrong_at(alone, 2 * PAGE, 3) == -1, "file that is only mapped");

	CHECK(pread(temporary, text, 9, 0) == 9 && memcmp(text, "temporary", 9) == 0, "O_TMPFILE");
	CHECK(fcntl(temporary, F_GETFL) == temporary_flags, "O_TMPFILE: flags %#o, were %#o", fcntl(temporary, F_GETFL), temporary_flags);
	char name[40];
	snprintf(name, sizeof name, "/proc/self/fd/%d", temporary);
	CHECK(linkat(AT_FDCWD, name, AT_FDCWD, beside(".kept"), AT_SYMLINK_FOLLOW) == 0 && unlink(beside(".kept")) == 0, "a temporary file can be given a name");

	CHECK(pread(over, text, 9, 0) == 3 && memcmp(text, "old", 3) == 0, "the file renamed over");
	CHECK(pread(young, text, 9, 0) == 5 && memcmp(text, "young", 5) == 0 && ends(link_of(young), ".over"), "the file that took its name");
	CHECK(fstat(linked, &stat) == 0 && stat.st_ino == linked_inode && stat.st_nlink == 1 && access(beside(".link-1"), F_OK) == -1, "hard link");
	CHECK(ends(link_of(linked), ".link-1 (deleted)"), "name of the hard link: %s", link_of(linked));
	CHECK(fstat(gone, &stat) == 0 && S_ISDIR(stat.st_mode) && (stat.st_mode & 0777) == 0711, "deleted folder");
	CHECK(getcwd(here, sizeof here) == NULL || strstr(here, "(unreachable)"), "working folder: %s", here);
	CHECK(stat.st_ino == ({ struct stat dot; lstat(".", &dot); dot.st_ino; }), "the working folder is the deleted folder");
	CHECK(pread(inside, text, 9, 0) == 6 && memcmp(text, "inside", 6) == 0 && access(beside(".gone"), F_OK) == -1, "file of a deleted folder");
	char target[64] = "";
	CHECK(fstat(symbolic, &stat) == 0 && S_ISLNK(stat.st_mode) && stat.st_nlink == 0, "deleted symbolic link: %o", stat.st_mode);
	CHECK(readlinkat(symbolic, "", target, sizeof target - 1) == 10 && strcmp(target, "to nowhere") == 0, "it leads %s", target);
	CHECK((fcntl(symbolic, F_GETFL) & (O_PATH | O_NOFOLLOW)) == (O_PATH | O_NOFOLLOW), "flags of the deleted symbolic link");
	h_end();
}

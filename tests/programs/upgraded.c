/*
 * A server whose files are replaced while it runs, as every upgrade of a package does: OUT LIBRARY [EXIT]. Program and library hold pages
 * that nobody has looked at before the save; they, and what is executed again, must be of the version that was started. With EXIT, the
 * program's mode is changed meanwhile, and to execute it again ends with this code.
 * With -DVERSION=2 it is the new one, with -DLIBRARY the library.
 */
#ifndef VERSION
#define VERSION 1
#endif
#define PAGES 16
#define PAGE 4096
#define FILLED(n) [(n) * PAGE ... (n) * PAGE + PAGE - 1] = 16 * VERSION + (n)
#define TABLE { FILLED(0), FILLED(1), FILLED(2), FILLED(3), FILLED(4), FILLED(5), FILLED(6), FILLED(7), FILLED(8), \
	FILLED(9), FILLED(10), FILLED(11), FILLED(12), FILLED(13), FILLED(14), FILLED(15) }
#ifdef LIBRARY
extern const unsigned char library_table[PAGES * PAGE];
const unsigned char library_table[PAGES * PAGE] = TABLE;
int library_version(void);
__attribute__((aligned(PAGE))) int library_version(void) { return VERSION; }
#else
#include "harness.h"
#include <dlfcn.h>
#include <sys/wait.h>

static const unsigned char table[PAGES * PAGE] = TABLE;
static atomic_int go;
static bool changed;
static struct stat at_start;

static void check_table(const char *what, const volatile unsigned char *bytes)
{
	for (int i = 0; i < PAGES * PAGE; i++)
		if (bytes[i] != 16 * VERSION + i / PAGE) {
			h_fail("%s at %d: %d", what, i, bytes[i]);
			return;
		}
}

/* Each thread has a folder of its own in /proc with the program in it. */
static void check_program(void)
{
	struct stat now;
	char path[PATH_MAX] = "", mine[64];
	snprintf(mine, sizeof mine, "/proc/self/task/%d/exe", (int)syscall(SYS_gettid));
	CHECK(readlink(mine, path, sizeof path - 1) > 0 && strstr(path, " (deleted)"), "the program is %s", path);
	CHECK(stat(mine, &now) == 0 && now.st_size == at_start.st_size && (changed || (now.st_mode & 07777) == (at_start.st_mode & 07777)), "size or mode of %s", path);
	CHECK(now.st_uid == at_start.st_uid && now.st_mtime == at_start.st_mtime, "owner or time of %s", path);
}

static void *run(void *argument)
{
	while (!go)
		usleep(1000);
	check_program();
	return argument;
}

static int version_of_program(void)
{
	pid_t child = fork();
	if (child == 0) {
		execl("/proc/self/exe", "upgraded", "version", NULL);
		_exit(99);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	if (argc == 2 && strcmp(argv[1], "version") == 0)
		return VERSION;
	h_init(argc, argv);
	MUST(stat("/proc/self/exe", &at_start) == 0);
	changed = argc > 3;
	int wanted = changed ? atoi(argv[3]) : VERSION;
	void *library = dlopen(argv[2], RTLD_LAZY | RTLD_LOCAL);
	MUST(library);
	int (*version)(void) = (int (*)(void))dlsym(library, "library_version");
	const unsigned char *library_table = dlsym(library, "library_table");
	MUST(version && library_table);
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&threads[i], NULL, run, NULL) == 0);
	h_ready();
	h_wait();
	check_table("program", table);
	check_table("library", library_table);
	CHECK(version() == VERSION, "the library is version %d", version());
	check_program();
	go = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	int again = version_of_program();
	CHECK(again == wanted, "executed again, the program ends with %d", again);
	h_end();
}
#endif

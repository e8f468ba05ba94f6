/* fanotify: marks on files, folders, a mount and a file system, with masks of what is ignored, in two groups; none missing and none too many. */
#include "harness.h"
#include <sys/fanotify.h>

static char before[2][4000];

/* What the kernel tells of a group's marks; inode numbers and handles are the same, the files are. */
static void marks(int group, char *text, size_t size)
{
	char path[64], line[500];
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", group);
	FILE *info = fopen(path, "re");
	MUST(info != NULL);
	*text = 0;
	while (fgets(line, sizeof line, info))
		if (strncmp(line, "fanotify", 8) == 0)
			strncat(text, line, size - strlen(text) - 1);
	fclose(info);
}

static int events(int group, uint64_t *mask, bool *has_file)
{
	char buffer[4096];
	int count = 0;
	ssize_t length = read(group, buffer, sizeof buffer);
	struct fanotify_event_metadata *event = (struct fanotify_event_metadata *)buffer;
	for (*mask = 0; length > 0 && FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length), count++) {
		*mask |= event->mask;
		*has_file = event->fd >= 0;
		if (event->fd >= 0)
			close(event->fd);
	}
	return count;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}

int main(int argc, char **argv)
{
	uint64_t mask;
	bool has_file = false;
	char now[4000];
	h_init(argc, argv);
	int files = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
	int names = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME, 0);
	if (files < 0 || names < 0)
		h_skip("no fanotify here");
	MUST(mkdir(h_beside(".folder"), 0755) == 0);
	touch(h_beside(".one"));
	touch(h_beside(".two"));
	MUST(fanotify_mark(files, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, h_beside(".one")) == 0);
	MUST(fanotify_mark(files, FAN_MARK_ADD, FAN_CLOSE_WRITE | FAN_MODIFY, AT_FDCWD, h_beside(".two")) == 0);
	MUST(fanotify_mark(files, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_MODIFY, AT_FDCWD, h_beside(".two")) == 0);
	MUST(fanotify_mark(files, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_MODIFY, AT_FDCWD, "/sys") == 0);
	MUST(fanotify_mark(files, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY, AT_FDCWD, "/sys") == 0);
	MUST(fanotify_mark(names, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_CREATE | FAN_DELETE | FAN_ONDIR, AT_FDCWD, h_beside(".folder")) == 0);
	marks(files, before[0], sizeof before[0]);
	marks(names, before[1], sizeof before[1]);
	h_ready();
	h_wait();
	marks(files, now, sizeof now);
	CHECK(strcmp(now, before[0]) == 0, "marks on files: %s", now);
	marks(names, now, sizeof now);
	CHECK(strcmp(now, before[1]) == 0, "marks on folders: %s", now);
	CHECK(fcntl(files, F_GETFL) & O_NONBLOCK, "it blocks");
	CHECK(events(files, &mask, &has_file) == 0, "events out of nothing: %llx", (unsigned long long)mask);
	touch(h_beside(".one"));
	CHECK(events(files, &mask, &has_file) == 1 && mask == FAN_CLOSE_WRITE && has_file, "of file one: %llx", (unsigned long long)mask);
	touch(h_beside(".two"));
	CHECK(events(files, &mask, &has_file) == 1 && mask == FAN_CLOSE_WRITE && has_file, "of file two: %llx", (unsigned long long)mask);
	touch(h_beside(".folder/new"));
	MUST(unlink(h_beside(".folder/new")) == 0);
	CHECK(events(names, &mask, &has_file) >= 1 && mask == (FAN_CREATE | FAN_DELETE) && !has_file, "of the folder: %llx", (unsigned long long)mask);
	h_end();
}

// hostile-static OUT PLACE VARIANT: an ordinary user's namespaces with traps in them, and a process in these that waits idle. Whoever
// enters the mounts and executes a dynamic program there, or believes the /proc there, runs what lies in PLACE.
// OUT gets the pids of process 1 of the pid namespace and of the idle process, as they are called outside, then READY.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fuse.h>

static const char *out, *place;

static void die(const char *what)
{
    FILE *f = fopen(out, "a");
    fprintf(f, "SKIP %s: %s\n", what, strerror(errno));
    fclose(f);
    exit(1);
}

static char *text(const char *format, ...)
{
    va_list list;
    char *result;
    va_start(list, format);
    if (vasprintf(&result, format, list) < 0)
        exit(1);
    va_end(list);
    return result;
}

static void write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0666);
    if (fd < 0 || write(fd, content, strlen(content)) < 0 || close(fd))
        die(path);
}

static void enter_user_namespace(int flags)
{
    char *uid = text("0 %d 1", getuid()), *gid = text("0 %d 1", getgid());
    if (unshare(CLONE_NEWUSER | flags))
        die("unshare");
    write_file("/proc/self/uid_map", uid);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/gid_map", gid);
}

static void bind_over(const char *name, const char *target)
{
    if (mount(text("%s/%s", place, name), target, "none", MS_BIND | MS_REC, 0))
        die(target);
}

// A file system that answers the greeting and nothing after it.
static void hang(const char *target)
{
    int fd = open(text("%s/fuse", place), O_RDWR);
    if (fd < 0 && (fd = open("/dev/fuse", O_RDWR)) < 0)
        die("/dev/fuse");
    if (mount("hang", target, "fuse", 0, text("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)))
        die("mount of fuse");
    if (fork())
        return;
    char buffer[1 << 16];
    for (;;)
    {
        if (read(fd, buffer, sizeof buffer) < 0)
            pause();
        struct fuse_in_header *in = (struct fuse_in_header *)buffer;
        if (in->opcode != FUSE_INIT)
            continue;
        struct { struct fuse_out_header header; struct fuse_init_out init; } answer = { .header = { sizeof answer, 0, in->unique } };
        answer.init.major = 7;
        answer.init.minor = 31;
        answer.init.max_write = 4096;
        if (write(fd, &answer, sizeof answer) < 0)
            die("fuse greeting");
    }
}

static void false_proc(void)
{
    // A /proc whose descriptors are all the planted program, over the true one.
    char *proc = text("%s/proc", place);
    mkdir(proc, 0777);
    mkdir(text("%s/self", proc), 0777);
    mkdir(text("%s/self/fd", proc), 0777);
    for (int fd = 0; fd < 256; fd++)
    {
        if (symlink(text("%s/planted", place), text("%s/self/fd/%d", proc, fd)) && errno != EEXIST)
            die("false descriptors");
    }
    if (symlink(text("%s/planted", place), text("%s/self/exe", proc)) && errno != EEXIST)
        die("false program");
    bind_over("proc", "/proc");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    out = argv[1];
    place = argv[2];
    const char *variant = argv[3];
    if (!strcmp(variant, "nested"))
        enter_user_namespace(CLONE_NEWNS);
    enter_user_namespace(CLONE_NEWNS | CLONE_NEWPID);
    if (fork())
    {
        wait(NULL);
        return 0;
    }
    prctl(PR_SET_PDEATHSIG, 9);
    // Who we are outside, before our own /proc hides it.
    char init[20] = "", idle[20] = "";
    if (readlink("/proc/self", init, sizeof init - 1) < 0)
        die("/proc/self");
    int from_idle[2];
    if (pipe(from_idle))
        die("pipe");
    if (!fork())
    {
        int n = readlink("/proc/self", idle, sizeof idle);
        if (write(from_idle[1], idle, n) != n)
            _exit(1);
        for (int fd = 0; fd < 64; fd++)
            close(fd);
        for (;;)
            pause();
    }
    if (read(from_idle[0], idle, sizeof idle - 1) <= 0)
        die("read");
    if (mount("procmigrate", "/proc", "proc", 0, NULL))
        die("mount of /proc");
    if (!strcmp(variant, "library"))
        bind_over("libraries", "/lib/x86_64-linux-gnu");
    else if (!strcmp(variant, "preload"))
        bind_over("etc", "/etc");
    else if (!strcmp(variant, "proc"))
        false_proc();
    else if (!strcmp(variant, "fuse"))
        hang("/lib64");
    else
        bind_over("planted", "/lib64/ld-linux-x86-64.so.2");
    write_file(out, text("%s\n%s\nREADY\n", init, idle));
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    for (;;)
        pause();
}

/* waits.c: two threads. One waits in the call that the first argument names; the other for a line, and then makes happen what
   the first waits for. It says "right" when the call ends by that and not before. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *name, *folder;
static int a, b, queue, word, locked;
static pid_t child;
static pthread_t waiter;
static char path[4096];
static struct { long type; char text[2000]; } message = { 1 };
static aio_context_t aio;

static int is(const char *what) { return !strcmp(name, what); }
static int begins(const char *what) { return !strncmp(name, what, strlen(what)); }

static void fill(int fd)
{
    static char bytes[4096];
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, bytes, sizeof bytes) > 0 || write(fd, bytes, 1) > 0)
        ;
    fcntl(fd, F_SETFL, flags);
}

static void drain(int fd)
{
    static char bytes[4096];
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

static void limit(int fd, int option)
{
    struct timeval hour = { 3600 };
    setsockopt(fd, SOL_SOCKET, option, &hour, sizeof hour);
}

/* A socket of the folder's name: to listen at, or to connect to. */
static struct sockaddr *name_of_socket(void)
{
    static struct sockaddr_un at = { AF_UNIX };
    snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", folder);
    return (struct sockaddr *)&at;
}

static void prepare(void)
{
    int pair[2];
    snprintf(path, sizeof path, "%s/thing", folder);
    if (begins("pipe") || begins("poll") || begins("ppoll") || begins("select") || begins("epoll") || begins("aio")) {
        pipe(pair);
        a = pair[0], b = pair[1];
    } else if (begins("socket")) {
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
        a = pair[0], b = pair[1];
    } else if (begins("accept") || begins("connect")) {
        a = socket(AF_UNIX, SOCK_STREAM, 0);
        bind(a, name_of_socket(), sizeof(struct sockaddr_un));
        listen(a, 0);
    } else if (begins("sem")) {
        a = semget(IPC_PRIVATE, 1, 0600);
    } else if (begins("msg")) {
        a = msgget(IPC_PRIVATE, 0600);
    }
    if (strstr(name, "recv") || is("socket-read-timeout") || begins("accept-"))
        if (strstr(name, "timeout"))
            limit(a, SO_RCVTIMEO);
    if (is("pipe-write"))
        fill(b);
    if (is("socket-send-timeout") || is("socket-write-timeout"))
        limit(b, SO_SNDTIMEO), fill(b);
    if (begins("connect")) {
        while (connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), name_of_socket(), sizeof(struct sockaddr_un)) == 0)
            ;
        b = socket(AF_UNIX, SOCK_STREAM, 0);
        limit(b, SO_SNDTIMEO);
    }
    if (is("eventfd-read"))
        a = eventfd(0, 0);
    if (is("inotify-read"))
        a = inotify_init(), inotify_add_watch(a, folder, IN_CREATE);
    if (is("timerfd-read"))
        a = timerfd_create(CLOCK_MONOTONIC, 0);
    if (is("msgsnd"))
        while (msgsnd(a, &message, sizeof message.text, IPC_NOWAIT) == 0)
            ;
    if (is("flock")) {
        a = open(path, O_CREAT | O_RDWR, 0600), b = open(path, O_RDWR);
        flock(b, LOCK_EX);
    }
    if (is("record-lock")) {
        a = open(path, O_CREAT | O_RDWR, 0600), b = open(path, O_RDWR);
        struct flock whole = { F_WRLCK };
        fcntl(b, F_OFD_SETLK, &whole);
    }
    if (is("waitpid") && !(child = fork()))
        for (prctl(PR_SET_PDEATHSIG, SIGKILL);;)
            pause();
    if (is("mq-receive")) {
        struct mq_attr attr = { 0, 4, 100 };
        a = mq_open("/procmigrate-test", O_CREAT | O_RDWR, 0600, &attr);
        if (a < 0)
            printf("skip: no message queues: %s\n", strerror(errno)), exit(0);
        mq_unlink("/procmigrate-test");
    }
    if (is("aio") && syscall(SYS_io_setup, 4, &aio) < 0)
        printf("skip: no AIO: %s\n", strerror(errno)), exit(0);
    if (begins("sig")) {
        sigset_t set;
        sigemptyset(&set), sigaddset(&set, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &set, 0);
    }
}

static long call(void)
{
    static char bytes[4096];
    struct timespec hour = { 3600 };
    struct sembuf take = { 0, -1, 0 };
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    if (is("pipe-read") || is("eventfd-read") || is("inotify-read") || is("timerfd-read") || is("socket-read-timeout"))
        return read(a, bytes, sizeof bytes);
    if (is("pipe-write") || is("socket-write-timeout"))
        return write(b, bytes, 1);
    if (is("socket-recv") || is("socket-recv-timeout"))
        return recv(a, bytes, sizeof bytes, 0);
    if (is("socket-recvmsg-timeout")) {
        struct iovec iov = { bytes, sizeof bytes };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
        return recvmsg(a, &header, 0);
    }
    if (is("socket-send-timeout"))
        return send(b, bytes, 1, 0);
    if (begins("accept"))
        return accept(a, 0, 0);
    if (begins("connect"))
        return connect(b, name_of_socket(), sizeof(struct sockaddr_un)) + 1;
    struct pollfd wait = { a, POLLIN };
    if (is("poll"))
        return poll(&wait, 1, 3600 * 1000);
    if (is("ppoll"))
        return ppoll(&wait, 1, &hour, 0);
    if (is("select")) {
        fd_set read;
        FD_ZERO(&read);
        FD_SET(a, &read);
        struct timeval limit = { 3600 };
        return select(a + 1, &read, 0, 0, &limit);
    }
    if (is("epoll")) {
        struct epoll_event event = { EPOLLIN };
        int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, a, &event);
        return epoll_wait(epoll, &event, 1, 3600 * 1000);
    }
    if (begins("futex"))
        return syscall(SYS_futex, &word, FUTEX_WAIT, 0, strstr(name, "timeout") ? &hour : 0, 0, 0) + 1;
    if (is("semop"))
        return semop(a, &take, 1) + 1;
    if (is("semtimedop"))
        return semtimedop(a, &take, 1, &hour) + 1;
    if (is("msgrcv"))
        return msgrcv(a, &message, sizeof message.text, 0, 0);
    if (is("msgsnd"))
        return msgsnd(a, &message, sizeof message.text, 0) + 1;
    if (is("sigwait"))
        return sigwaitinfo(&set, 0);
    if (is("sigtimedwait"))
        return sigtimedwait(&set, 0, &hour);
    if (is("flock"))
        return flock(a, LOCK_EX) + 1;
    if (is("record-lock")) {
        struct flock whole = { F_WRLCK };
        return fcntl(a, F_OFD_SETLKW, &whole) + 1;
    }
    if (is("waitpid"))
        return waitpid(child, 0, 0);
    if (is("mq-receive"))
        return mq_receive(a, bytes, sizeof bytes, 0);
    if (is("aio")) {
        struct iocb poll = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = a, .aio_buf = POLLIN }, *list = &poll;
        struct io_event event;
        if (syscall(SYS_io_submit, aio, 1, &list) != 1)
            return -1;
        return syscall(SYS_io_getevents, aio, 1, 1, &event, &hour);
    }
    return -2;
}

static void happen(void)
{
    struct sembuf give = { 0, 1, 0 };
    unsigned long one = 1;
    if (is("pipe-write") || is("socket-send-timeout") || is("socket-write-timeout"))
        drain(a);
    else if (begins("connect"))
        accept(a, 0, 0);
    else if (is("eventfd-read"))
        write(a, &one, sizeof one);
    else if (is("inotify-read"))
        close(open(path, O_CREAT | O_RDWR, 0600));
    else if (is("timerfd-read"))
        timerfd_settime(a, 0, &(struct itimerspec){ { 0 }, { 0, 1 } }, 0);
    else if (begins("accept")) {
        connect(socket(AF_UNIX, SOCK_STREAM, 0), name_of_socket(), sizeof(struct sockaddr_un));
    } else if (begins("futex"))
        word = 1, syscall(SYS_futex, &word, FUTEX_WAKE, 1, 0, 0, 0);
    else if (begins("sem"))
        semop(a, &give, 1);
    else if (is("msgrcv"))
        msgsnd(a, &message, 1, 0);
    else if (is("msgsnd"))
        msgrcv(a, &message, sizeof message.text, 0, 0);
    else if (begins("sig"))
        pthread_kill(waiter, SIGUSR1);
    else if (is("flock"))
        flock(b, LOCK_UN);
    else if (is("record-lock"))
        close(b);
    else if (is("waitpid"))
        kill(child, SIGKILL);
    else if (is("mq-receive"))
        mq_send(a, "x", 1, 0);
    else
        write(b, "x", 1);
}

static void *wake(void *line)
{
    if (fgets(line, 100, stdin))
        happen();
    return 0;
}

int main(int argc, char **argv)
{
    static char line[100];
    pthread_t waker;
    name = argv[1], folder = argv[2];
    setbuf(stdout, 0);
    waiter = pthread_self();
    prepare();
    pthread_create(&waker, 0, wake, line);
    puts("ready");
    errno = 0;
    long result = call();
    int error = errno;
    if (begins("sem"))
        semctl(a, 0, IPC_RMID);
    if (begins("msg"))
        msgctl(a, IPC_RMID, 0);
    if (!strchr(line, '\n'))
        printf("it ended too early, with %ld (%s)\n", result, strerror(error));
    else if (result <= 0)
        printf("it failed with %ld (%s)\n", result, strerror(error));
    else
        puts("right");
    return 0;
}

"""manyopen.py OUT FOLDER COUNT: four processes with COUNT files, pipes and eventfds each, most of them shared with the parent; see README.md."""
import os
import signal
import sys
import time

OUT, FOLDER, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
CHILDREN = 3
go = False


def say(line):
    with open(OUT, "a") as out:
        print(line, file=out, flush=True)


def on_signal(*_):
    global go
    go = True


def open_own(who):
    """COUNT files, each at its own offset."""
    files = []
    for i in range(COUNT):
        path = f"{FOLDER}/{who}-{i % 50}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, f"{i % 50:08d}".encode() * 100, 0)
        os.lseek(fd, i % 50 * 8 + i // 50, os.SEEK_SET)
        files.append(fd)
    return files


def check_own(files):
    for i, fd in enumerate(files):
        at = os.lseek(fd, 0, os.SEEK_CUR)
        if at != i % 50 * 8 + i // 50:
            return f"file {i} is at {at}"
        if os.pread(fd, 8, 0) != f"{i % 50:08d}".encode():
            return f"file {i} has another content"
    return None


def check_shared(pipes, events, read):
    for i, (reader, writer) in enumerate(pipes):
        if read and os.read(reader, 64) != f"pipe {i}".encode():
            return f"pipe {i} holds something else"
        os.fstat(writer)
    for i, event in enumerate(events):
        if read and os.eventfd_read(event) != i + 1:
            return f"eventfd {i} has another count"
    return None


signal.signal(signal.SIGUSR1, on_signal)
pipes = [os.pipe() for _ in range(COUNT // 8)]
for i, (_, writer) in enumerate(pipes):
    os.write(writer, f"pipe {i}".encode())
events = [os.eventfd(i + 1) for i in range(COUNT // 8)]
children = []
for who in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        mine = open_own(who)
        say(f"CHILD {who}")
        while not go:
            signal.pause()
        wrong = check_own(mine) or check_shared(pipes, events, False)
        if wrong:
            say(f"child {who}: {wrong}")
        os._exit(1 if wrong else 0)
    children.append(pid)
mine = open_own("parent")
while not os.path.exists(OUT) or open(OUT).read().count("CHILD") < CHILDREN:
    time.sleep(0.02)
say("READY")
while not go:
    signal.pause()
for pid in children:
    os.kill(pid, signal.SIGUSR1)
states = [os.waitpid(pid, 0)[1] for pid in children]
wrong = check_own(mine) or check_shared(pipes, events, True) or ("a child failed" if any(states) else None)
say(f"FAIL: {wrong}" if wrong else "PASS")

"""What the benchmarks share: programs started as orphans of ours, commands measured, verdicts awaited."""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "artifacts/programs"
BINARY = ROOT / "artifacts/publish/ProcMigrate.Cli/release/procmigrate"


def adopt_orphans():
    """The programs are orphans, and what restore makes too. An init may take seconds to reap one, and save waits for it."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def tree_of(pid):
    """The pid and those of all its descendants."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [one for child in children for one in tree_of(int(child))]


def reap(pids):
    """Reaps whoever has one of these pids, again and again."""
    def run():
        while True:
            for pid in pids:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            time.sleep(0.001)
    threading.Thread(target=run, daemon=True).start()


def measured(folder, *command):
    """Runs a command; seconds, peak KiB and its output."""
    report = folder / "measured"
    run = subprocess.run([PROGRAMS / "measure", report, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
    seconds, peak = report.read_text().split()
    return float(seconds), int(peak), run.stdout


def wait_for(condition, what):
    for _ in range(60000):
        if condition():
            return
        time.sleep(0.001)
    sys.exit(f"waited too long: {what}")


def wait_for_free(pids):
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the pids are free")


def start(folder, program, *arguments):
    """Starts a program under test; its pid and its output, once it is ready."""
    out = folder / "out"
    out.unlink(missing_ok=True)
    pid = int(subprocess.check_output([PROGRAMS / "launch", folder / "log", folder, PROGRAMS / program, out, *map(str, arguments)]))
    wait_for(lambda: out.exists() and out.read_text().endswith("READY\n"), "the program gets ready")
    reap(tree_of(pid))
    return pid, out


def finish(pid, out):
    os.kill(pid, signal.SIGUSR1)
    wait_for(lambda: not out.read_text().endswith("READY\n"), "the verdict")
    if not out.read_text().endswith("PASS\n"):
        sys.exit(f"restored, and wrong: {out.read_text()}")


def procmigrate(binary, folder, *program):
    """Saves (which ends it) and restores a program; seconds, bytes and peak KiB of both commands."""
    pid, out = start(folder, *program)
    pids = tree_of(pid)
    image = folder / "image.pmi"
    save, save_peak, text = measured(folder, binary, "save", str(pid), "-o", image, "--method", "stop", "--json")
    freeze = json.loads(text.strip().splitlines()[-1])["timings"]["freezeMs"] / 1000
    wait_for_free(pids)
    restore, restore_peak, _ = measured(folder, binary, "restore", image, "--json")
    finish(pid, out)
    size = image.stat().st_size
    image.unlink()
    return {"save": save, "freeze": freeze, "restore": restore, "peak": max(save_peak, restore_peak), "size": size}


def criu(binary, folder, *program):
    """The same with CRIU, whose dump keeps the program frozen from first to last."""
    pid, out = start(folder, *program)
    pids = tree_of(pid)
    images = folder / "criu"
    images.mkdir()
    save, save_peak, _ = measured(folder, binary, "dump", "-t", str(pid), "-D", images)
    wait_for_free(pids)
    restore, restore_peak, _ = measured(folder, binary, "restore", "-d", "-D", images)
    finish(pid, out)
    size = sum(file.stat().st_size for file in images.iterdir())
    shutil.rmtree(images)
    return {"save": save, "freeze": save, "restore": restore, "peak": max(save_peak, restore_peak), "size": size}


def add_options(parser):
    """What every benchmark takes: runs and binaries."""
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--binary", default=BINARY, type=pathlib.Path)
    parser.add_argument("--criu", type=pathlib.Path)


def tools(options):
    """Name, measurement and binary of each tool that was asked for."""
    return [("procmigrate", procmigrate, options.binary)] + ([("criu", criu, options.criu)] if options.criu else [])


def best(runs, measure, *arguments):
    """The smallest of each figure over some runs."""
    results = [measure(*arguments) for _ in range(runs)]
    return {key: min(result[key] for result in results) for key in results[0]}

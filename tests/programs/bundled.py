"""A Python program for bundles: OUT FOLDER [late]. Twenty modules, open data files; with "late", one more module after SIGUSR1."""
import array, bisect, collections, csv, ctypes, datetime, decimal, hashlib, heapq, io, json, lzma, math, os, random, re, signal, sqlite3
import struct, sys, unicodedata, zlib

out, folder = sys.argv[1], sys.argv[2]
sys.dont_write_bytecode = True


def say(line):
    with open(out, "a") as file:
        file.write(line + "\n")


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
rows = csv.reader(open(f"{folder}/table.csv", newline=""))
header, first = next(rows), next(rows)
binary = open(f"{folder}/numbers.bin", "rb")
numbers = array.array("d", binary.read(800))
database = sqlite3.connect(f"{folder}/facts.db")
facts = database.execute("select name, value from facts order by value")
fact = next(facts)
log = open(f"{folder}/log.txt", "a", buffering=1)
log.write("begins\n")
digest = hashlib.sha256(b"before")
random.seed(5)
before = random.random()
queue = [3, 1, 2]
heapq.heapify(queue)
squeeze = lzma.LZMACompressor()
squeezed = squeeze.compress(b"one " * 1000)
say("READY")
signal.sigwait({signal.SIGUSR1})

try:
    assert [header, first] == [["name", "value"], ["a", "0"]], (header, first)
    assert len(list(rows)) == 999, "the rest of the table"
    more = array.array("d", binary.read())
    assert sum(numbers) + sum(more) == sum(range(1000)), "numbers"
    assert fact == ("f0", 0) and len(list(facts)) == 99, "facts"
    # Not written to: before it writes, SQLite compares inode numbers, and the file is a new one.
    assert database.execute("select count(*) from facts").fetchone() == (100,)
    log.write("goes on\n")
    digest.update(b" after")
    assert digest.hexdigest() == hashlib.sha256(b"before after").hexdigest()
    again = random.random()
    random.seed(5)
    assert (before, again) == (random.random(), random.random()), "random numbers"
    assert [heapq.heappop(queue) for _ in range(3)] == [1, 2, 3]
    squeezed += squeeze.compress(b"two " * 1000) + squeeze.flush()
    assert lzma.decompress(squeezed) == b"one " * 1000 + b"two " * 1000
    assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
    assert json.loads(json.dumps({"a": [1, None]})) == {"a": [1, None]} and re.match(r"(\w+)!", "yes!")[1] == "yes"
    assert zlib.decompress(zlib.compress(b"z")) == b"z" and unicodedata.name("ä").startswith("LATIN")
    assert ctypes.CDLL(None).getpid() == os.getpid() and struct.calcsize("<q") == 8
    assert collections.Counter("aab")["a"] == 2 and bisect.bisect([1, 2], 1) == 1 and math.isqrt(17) == 4
    assert datetime.date(2024, 2, 29).isoformat() == "2024-02-29" and io.BytesIO(b"x").read() == b"x"
    if "late" in sys.argv:
        sys.path.insert(0, folder)
        import latecomer
        assert latecomer.answer() == 42
except BaseException as error:
    say(f"FAIL: {type(error).__name__}: {error}")
    sys.exit(1)
say("PASS")

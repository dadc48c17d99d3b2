# Threads, a process pool, forked workers with shared input, and a heap of small objects.
# run: tools=python3 window=16M idle=100ms limit=120
exec python3 - <<'PYTHON'
import gc, hashlib, multiprocessing, os, subprocess, sys, threading, time

scale = int(os.environ.get("TARGET_SCALE", "1"))
table = {i: hashlib.sha256(str(i).encode()).hexdigest() for i in range(60000 * scale)}
text = [str(i) * 50 for i in range(20000)]

def digest(part):
    h = hashlib.sha256()
    for i in range(part, len(table), 8):
        h.update(table[i].encode())
    h.update("".join(text[part::8]).encode())
    return h.hexdigest()

wanted = [digest(p) for p in range(8)]
time.sleep(0.4)
results = [None] * 8
def work(p):
    results[p] = digest(p)
threads = [threading.Thread(target=work, args=(p,)) for p in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert results == wanted, "threads"
for method in ("fork", "spawn"):
    if method == "spawn":
        break
    with multiprocessing.get_context(method).Pool(4) as pool:
        assert pool.map(digest, range(8)) == wanted, method
        time.sleep(0.3)
        assert pool.map(digest, range(8)) == wanted, method
queue = multiprocessing.get_context("fork").Queue()
child = multiprocessing.get_context("fork").Process(target=lambda: queue.put(digest(3)))
child.start()
assert queue.get() == wanted[3]
child.join()
del text[::2]
gc.collect()
time.sleep(0.3)
assert subprocess.run(["sh", "-c", "exit 7"]).returncode == 7
assert hashlib.sha256("".join(table[i] for i in range(len(table))).encode()).hexdigest()
print(len(table), *wanted)
PYTHON

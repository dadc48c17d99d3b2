// Does what it is told to its own memory, over a socket, one order at a time or several at once by threads. The truth
// about every byte is kept by the other side. A fork connects anew and takes orders of its own.
// run: cflags=-pthread
#include "common.h"
#include <sys/socket.h>
#include <sys/un.h>

// Everything is native-endian; the two sides are on one machine.
struct order { uint32_t kind, flags; uint64_t address, length, other, seed; };
struct answer { int64_t result; uint64_t length; };
enum kind { Map = 1, Unmap, Fill, FillByCall, Read, Touch, Discard, Free, Move, Protect, Lock, Unlock, Huge, Fork, Rest,
    Together, End, Guard };
enum { MostTogether = 16 };

static const char *socket_name;
static int line;

static void transfer(bool in, void *data, size_t length)
{
    for (char *at = data; length > 0;) {
        ssize_t n = in ? read(line, at, length) : write(line, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(in && n == 0 ? 0 : 3);
        at += n, length -= n;
    }
}

static void call_home(uint64_t name)
{
    line = SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(socket_name);
    memcpy(address.sun_path + 1, socket_name, length);      // An abstract name: no file is left behind.
    SYS(connect(line, (void *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + length));
    transfer(false, &name, sizeof name);
}

static int64_t result_of(long value)
{
    return value == -1 ? -errno : value;
}

static int64_t fill_by_call(const struct order *o)
{
    // The bytes come out of a pipe, so that the kernel writes them.
    int ends[2];
    if (pipe(ends) < 0)
        return -errno;
    uint64_t piece[512];
    for (uint64_t done = 0; done < o->length; done += sizeof piece) {
        fill_from(piece, sizeof piece, o->seed, done / 8);
        uint64_t n = o->length - done < sizeof piece ? o->length - done : sizeof piece;
        if (write(ends[1], piece, n) != (ssize_t)n || read(ends[0], (char *)o->address + done, n) != (ssize_t)n)
            fail("a pipe moved fewer than %lu bytes to %lx: %s", n, o->address + done, strerror(errno));
    }
    close(ends[0]), close(ends[1]);
    return 0;
}

static int64_t obey(const struct order *o)
{
    void *p = (void *)o->address;
    uint64_t sum = 0;
    switch (o->kind) {
    case Map: {
        void *got = mmap(p, o->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | o->flags, -1, 0);
        return got == MAP_FAILED ? -errno : (int64_t)got;
    }
    case Unmap: return result_of(munmap(p, o->length));
    case Fill: fill(p, o->length, o->seed); return 0;
    case FillByCall: return fill_by_call(o);
    case Touch:
        for (uint64_t at = 0; at < o->length; at += PAGE)
            sum += *((volatile unsigned char *)p + at);
        return sum;
    case Discard: return result_of(madvise(p, o->length, MADV_DONTNEED));
    case Guard: // and no guard any more
        if (madvise(p, o->length, MADV_GUARD_INSTALL) == -1)
            return -errno;
        if (o->other > 0)
            sleep_milliseconds(o->other);
        return result_of(madvise(p, o->length, MADV_GUARD_REMOVE));
    case Free: return result_of(madvise(p, o->length, MADV_FREE));
    case Move: {
        void *got = mremap(p, o->length, o->seed, o->flags, (void *)o->other);
        return got == MAP_FAILED ? -errno : (int64_t)got;
    }
    case Protect: return result_of(mprotect(p, o->length, o->flags));
    case Lock: return result_of(mlock(p, o->length));
    case Unlock: return result_of(munlock(p, o->length));
    case Huge: return result_of(madvise(p, o->length, o->flags ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
    case Rest: sleep_milliseconds(o->length); return 0;
    default: fail("order %u is unknown", o->kind);
    }
}

static void on_fault(int signal, siginfo_t *information, void *context)
{
    (void)context;
    fail("process %d: signal %d, code %d, at %p", getpid(), signal, information->si_code, information->si_addr);
}

struct task { struct order order; int64_t result; };

static void *obey_in_thread(void *argument)
{
    struct task *task = argument;
    task->result = obey(&task->order);
    return NULL;
}

static void together(uint32_t count)
{
    static struct task tasks[MostTogether];
    pthread_t threads[MostTogether];
    CHECK(count <= MostTogether, "%u orders at once", count);
    for (uint32_t i = 0; i < count; i++)
        transfer(true, &tasks[i].order, sizeof tasks[i].order);
    for (uint32_t i = 0; i < count; i++)
        threads[i] = spawn(obey_in_thread, &tasks[i]);
    for (uint32_t i = 0; i < count; i++) {
        join(threads[i]);
        struct answer a = { tasks[i].result, 0 };
        transfer(false, &a, sizeof a);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2, "usage: stress SOCKET");
    socket_name = argv[1];
    signal(SIGCHLD, SIG_IGN);
    SYS(sigaction(SIGSEGV, &(struct sigaction){ .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, NULL));
    SYS(sigaction(SIGBUS, &(struct sigaction){ .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, NULL));
    call_home(0);
    for (;;) {
        struct order o;
        transfer(true, &o, sizeof o);
        struct answer a = { 0, 0 };
        if (o.kind == Together) {
            together(o.flags);
            continue;
        }
        if (o.kind == End)
            _exit(0);
        if (o.kind == Fork) {
            pid_t child = fork();
            if (child == 0) {
                close(line);
                call_home(o.seed);
                continue;
            }
            a.result = result_of(child);
        } else if (o.kind == Read) {
            a.length = o.length;
        } else {
            a.result = obey(&o);
        }
        transfer(false, &a, sizeof a);
        if (a.length > 0)
            transfer(false, (void *)o.address, a.length);   // Straight out of the memory in question.
    }
}

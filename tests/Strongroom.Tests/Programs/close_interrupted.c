// A close that a stop interrupts has closed all the same: made again, it would close what another thread opened meanwhile. Here the file
// system, one of FUSE's in a child, holds up the flush of a close, and answers EINTR if it hears that the call was interrupted.
// run: cflags=-pthread root device=/dev/fuse
#include "common.h"
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>

enum { FileNode = 2, HeldMilliseconds = 150 };

struct request {
    struct fuse_in_header header;
    char body[FUSE_MIN_READ_BUFFER + PAGE];
};

static void answer(int device, uint64_t unique, int error, const void *body, size_t length)
{
    struct { struct fuse_out_header header; char body[256]; } reply = { { sizeof reply.header + length, error, unique }, { 0 } };
    memcpy(reply.body, body, length);
    SYS(write(device, &reply, reply.header.len));
}

static struct fuse_attr attributes(uint64_t node)
{
    return (struct fuse_attr){ .ino = node, .mode = node == FileNode ? S_IFREG | 0600 : S_IFDIR | 0700, .nlink = 1 };
}

/** Holds up a flush, while signals that they ignore come to those who may wait for it. */
static void flush(int device, uint64_t unique, pid_t client)
{
    static struct request interruption;
    int error = 0;
    for (int i = 0; i < HeldMilliseconds / 10 && error == 0; i++) {
        syscall(SYS_tgkill, client, client, SIGURG);
        if (poll(&(struct pollfd){ .fd = device, .events = POLLIN }, 1, 10) == 1) {
            SYS(read(device, &interruption, sizeof interruption));
            error = interruption.header.opcode == FUSE_INTERRUPT ? -EINTR : 0;
        }
    }
    answer(device, unique, error, NULL, 0);
}

static void serve(int device, pid_t client)
{
    static struct request request;
    while (read(device, &request, sizeof request) > 0) {
        uint64_t unique = request.header.unique;
        switch (request.header.opcode) {
        case FUSE_INIT: {
            struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = PAGE };
            answer(device, unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_LOOKUP: {
            struct fuse_entry_out out = { .nodeid = FileNode, .attr = attributes(FileNode) };
            answer(device, unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_GETATTR: {
            struct fuse_attr_out out = { .attr = attributes(request.header.nodeid) };
            answer(device, unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPEN: {
            struct fuse_open_out out = { .fh = 1 };
            answer(device, unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_FLUSH: flush(device, unique, client); break;
        case FUSE_RELEASE: answer(device, unique, 0, NULL, 0); break;
        case FUSE_INTERRUPT: case FUSE_FORGET: case FUSE_BATCH_FORGET: break;
        default: answer(device, unique, -ENOSYS, NULL, 0); break;
        }
    }
    _exit(0);
}

/** Opens files until one has the number that is just being closed. */
static void *take_number(void *number)
{
    int wanted = *(int *)number, taken[64];
    for (int i = 0; i < 64; i++) {
        taken[i] = SYS(open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (taken[i] == wanted)
            return NULL;
        SYS(close(taken[i]));
        sleep_milliseconds(1);
    }
    fail("the number %d never became free", wanted);
}

int main(void)
{
    begin();
    char directory[] = "/tmp/strongroom-close-XXXXXX", path[64], options[128];
    CHECK(mkdtemp(directory) != NULL, "mkdtemp: %s", strerror(errno));
    SYS(unshare(CLONE_NEWNS));
    SYS(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    int device = SYS(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    SYS(mount("strongroom-test", directory, "fuse", MS_NOSUID | MS_NODEV, options));
    pid_t client = getpid(), server = SYS(fork());
    if (server == 0) {
        SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
        serve(device, client);
    }
    close(device);
    unsigned char *area = map(256 * PAGE);
    fill(area, 256 * PAGE, 1);
    settle();
    snprintf(path, sizeof path, "%s/file", directory);
    for (int round = 0; round < 5; round++) {
        int fd = SYS(open(path, O_RDONLY | O_CLOEXEC));
        pthread_t taker = spawn(take_number, &fd);
        int error = close(fd) == 0 ? 0 : errno;
        join(taker);
        CHECK(error == 0 || error == EINTR, "close: %s", strerror(error));
        CHECK(fcntl(fd, F_GETFD) >= 0, "close closed what another thread had opened meanwhile");
        SYS(close(fd));
    }
    verify(area, 256 * PAGE, 1, "memory");
    SYS(umount2(directory, MNT_DETACH));
    end_child(server);
    rmdir(directory);
    return finish("what was closed was closed once");
}

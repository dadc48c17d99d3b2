// A privately mapped file: written pages are the program's own, the others are the file's; neither goes astray.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    char path[] = "strongroom-private-XXXXXX";
    int file = SYS(mkstemp(path));
    SYS(unlink(path));
    unsigned char *source = map(Pages * PAGE);
    fill(source, Pages * PAGE, 1);
    CHECK(SYS(write(file, source, Pages * PAGE)) == (long)(Pages * PAGE), "a short write");
    unsigned char *area = mmap(NULL, Pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    for (size_t page = 0; page < Pages; page += 3)
        fill_from(area + page * PAGE, PAGE, 2, page * (PAGE / 8));
    for (int round = 0; round < 3; round++) {
        settle();
        pid_t child = SYS(fork());
        for (size_t page = 0; page < Pages; page++)
            verify_from(area + page * PAGE, PAGE, page % 3 ? 1 : 2, page * (PAGE / 8), "a private file page");
        if (child == 0) {
            fill(area, Pages * PAGE, 3);
            settle();
            verify(area, Pages * PAGE, 3, "file pages that a child wrote");
            _exit(0);
        }
        reap_good(child, "a child");
    }
    SYS(madvise(area, Pages * PAGE, MADV_DONTNEED));
    verify(area, Pages * PAGE, 1, "file pages after their own copies were given back");
    SYS(pread(file, source, Pages * PAGE, 0));
    verify(source, Pages * PAGE, 1, "the file");
    static unsigned char data[64 * 4096] = { 1, 2, 3 };     // .data of the program itself
    CHECK(data[0] == 1 && data[2] == 3, "initialised data");
    fill(data, sizeof data, 5);
    settle();
    verify(data, sizeof data, 5, "written data of the program");
    return finish("files and copies were told apart");
}

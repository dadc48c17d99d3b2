// Pages of hugetlbfs, where there are any, are left alone and work; where there are none, the refusal is the kernel's.
#include "common.h"

int main(void)
{
    begin();
    unsigned char *area = mmap(NULL, 4 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (area == MAP_FAILED) {
        CHECK(errno == ENOMEM || errno == EINVAL || errno == ENOSYS, "the refusal is: %s", strerror(errno));
    } else {
        fill(area, 4 * MiB, 1);
        settle();
        verify(area, 4 * MiB, 1, "huge pages");
        pid_t child = SYS(fork());
        if (child == 0)
            _exit(0);
        reap_good(child, "a child");
        verify(area, 4 * MiB, 1, "huge pages after a fork");
    }
    return finish("huge pages of the other kind");
}

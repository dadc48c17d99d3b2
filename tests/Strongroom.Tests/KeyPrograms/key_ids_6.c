// As many keys as the first hardware had.
// run: options=--keyid-bits,6 unsealed
#include "keys.h"

int main(void)
{
    begin();
    char name[16];
    CASE("63 keys with 6 bits");
    for (int i = 0; i < 63; i++) {
        sprintf(name, "key %d", i);
        SYS(add(name, i % 2 ? CPU_KEY : "type=no-encrypt"));
    }
    REFUSED(add("the 64th", CPU_KEY), ENOKEY);
    return finish("63 keys");
}

# gcc -O2 compiles a long program, which then runs.
# run: tools=gcc,awk window=64M idle=50ms limit=180
awk -v n=$((300 * ${TARGET_SCALE:-1})) 'BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>";
    for (i = 0; i < n; i++) {
        printf "static unsigned f%d(unsigned a, unsigned *t) {\n  unsigned s = %du;\n", i, i * 2654435761 % 4294967296;
        printf "  for (unsigned i = 0; i < 16; i++) { s = s * 31u + (t[i] ^ a); switch (s %% 5) {\n";
        printf "    case 0: s ^= a << %d; break; case 1: s += t[(s >> 3) & 15]; break;\n", i % 13;
        printf "    case 2: t[i] = s; break; case 3: s -= a * %du; break; default: a = a * 5 + 1; } }\n", i + 3;
        printf "  return s ^ a; }\n";
    }
    print "int main(void) { unsigned t[16] = { 1, 2, 3 }, s = 0; for (int r = 0; r < 50; r++) {";
    for (i = 0; i < n; i++) printf "s = f%d(s, t);\n", i;
    print "} printf(\"%u\\n\", s); return 0; }";
}' > long.c
gcc -O2 -o long long.c && ./long && gcc -O2 -S -o - long.c | sha256sum && gcc -O0 -o long0 long.c && ./long0

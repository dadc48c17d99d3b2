# sort on lines that fill more than the window, in two threads.
# run: tools=sort,awk window=32M idle=100ms limit=300
awk -v n=$((400000 * ${TARGET_SCALE:-1})) 'BEGIN { srand(7); for (i = 0; i < n; i++)
    printf "%08x %08x line %d of the file to be sorted\n", rand() * 4294967296, rand() * 4294967296, i }' > lines
sort --parallel=2 -S 64M lines | sha256sum
sort -k2 -r --parallel=2 -S 8M lines | sha256sum

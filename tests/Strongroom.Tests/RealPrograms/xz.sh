# xz -T2 there and back.
# run: tools=xz,awk window=64M idle=100ms limit=300
awk -v n=$((500000 * ${TARGET_SCALE:-1})) 'BEGIN { srand(7); for (i = 0; i < n; i++)
    printf "%d %d %x\n", i, rand() * 100, rand() * 4294967296 }' > data
sha256sum < data
xz -T2 -3 --block-size=4MiB -k data
sha256sum < data.xz
xz -T2 -dc data.xz | sha256sum

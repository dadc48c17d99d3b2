# configure and make -j2 of a real C project: libiberty of binutils (all of binutils at a larger scale).
# run: tools=gcc,make,xz,tar,flex,bison needs=/usr/src/binutils window=64M idle=100ms limit=300
set -e
tree=$TARGET_CACHE/binutils-2.40
if [ ! -e "$tree.complete" ]; then
    tar xf /usr/src/binutils/binutils-2.40.tar.xz -C "$TARGET_CACHE"
    touch "$tree.complete"
fi
if [ "${TARGET_SCALE:-1}" = 1 ]; then
    mkdir binutils
    cp -r "$tree"/libiberty "$tree"/include "$tree"/config.guess "$tree"/config.sub "$tree"/install-sh \
        "$tree"/config-ml.in "$tree"/config binutils
    cd binutils/libiberty
    ./configure CFLAGS=-O2 >configure.log 2>&1
else
    cp -r "$tree" binutils
    cd binutils
    ./configure CFLAGS=-O2 --disable-gdb --disable-gprofng --disable-nls --disable-werror >configure.log 2>&1
fi
make -j2 >make.log 2>&1 || { tail -20 make.log >&2; exit 1; }
find . -name '*.o' | sort | xargs sha256sum | sha256sum
find . -name '*.o' | wc -l

# stress-ng works over the calls that shape an address space, with verification.
# run: tools=stress-ng window=8M idle=50ms limit=240 output=ignored
set -e
time=$((2 * ${TARGET_SCALE:-1}))
for group in 'mremap 1 brk 1 stack 1 mprotect 1' 'vm-rw 1 mlock 1 vfork 1 madvise 1' 'fork 1 clone 1 sigsegv 1 msync 1'; do
    # 7: all was right, but a worker ended between the two stores by which it counts (those of mprotect share a count).
    # shellcheck disable=SC2046  # The words of a group are meant to be split.
    stress-ng --quiet --verify --timeout ${time}s $(printf -- '--%s %s ' $group) || [ $? -eq 7 ]
done

# stress-ng writes and verifies memory with all of its methods.
# run: tools=stress-ng window=32M idle=50ms limit=240 output=ignored
exec stress-ng --quiet --vm 2 --vm-bytes 48M --vm-method all --verify --vm-ops $((200000 * ${TARGET_SCALE:-1}))

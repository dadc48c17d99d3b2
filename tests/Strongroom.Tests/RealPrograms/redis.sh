# redis-server under redis-benchmark, with BGSAVE (a fork that reads everything) while it is written to; the dump,
# loaded by a second server, holds the same data.
# run: tools=redis-server,redis-benchmark,redis-cli window=16M idle=100ms limit=240
set -e
directory=$(mktemp -d /tmp/redis-test-XXXXXX)
trap 'rm -rf "$directory"' EXIT
serve() {
    redis-server --port 0 --unixsocket "$directory/s" --dir "$PWD" --save '' --daemonize no \
        --enable-debug-command yes --logfile "$PWD/redis.log" >/dev/null 2>&1 &
    server=$!
    for i in $(seq 200); do redis-cli -s "$directory/s" ping >/dev/null 2>&1 && return; sleep 0.05; done
    echo "redis-server does not answer" >&2; tail redis.log >&2; exit 1
}
ask() { redis-cli -s "$directory/s" "$@"; }
n=$((20000 * ${TARGET_SCALE:-1}))
serve
ask eval "for i = 1, $n do redis.call('set', 'key:' .. i, string.rep(tostring(i), 40)) end return 'filled'" 0
sleep 0.5
redis-benchmark -s "$directory/s" -q -n $n -c 20 -t set,get,lpush,lpop,sadd,zadd -d 100 -r 5000 >/dev/null
ask bgsave >/dev/null
redis-benchmark -s "$directory/s" -q -n $n -c 20 -t set,incr,lpush -d 200 -r 5000 >/dev/null
while [ "$(ask info persistence | tr -d '\r' | grep rdb_bgsave_in_progress)" != rdb_bgsave_in_progress:0 ]; do
    sleep 0.05
done
ask info persistence | tr -d '\r' | grep rdb_last_bgsave_status
sleep 0.3
ask eval "local bad = 0 for i = 1, $n do if redis.call('get', 'key:' .. i) ~= string.rep(tostring(i), 40) then bad = bad + 1 end end return bad" 0
before=$(ask debug digest)
ask bgsave >/dev/null
sleep 0.2
while [ "$(ask info persistence | tr -d '\r' | grep rdb_bgsave_in_progress)" != rdb_bgsave_in_progress:0 ]; do
    sleep 0.05
done
ask shutdown nosave
wait $server
serve
[ "$(ask debug digest)" = "$before" ] && echo "the dump holds the same data"
ask shutdown nosave
wait $server
echo "status $?"

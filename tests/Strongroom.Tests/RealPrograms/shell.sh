# A shell that forks hundreds of short processes through pipes, with traps, jobs and here-documents.
# run: tools=bash window=1M idle=50ms limit=180
exec bash <<'BASH'
n=$((150 * ${TARGET_SCALE:-1}))
declare -A table
for ((i = 0; i < 5000; i++)); do table[$i]="value $((i * 7919))"; done
sleep 0.3
sum=0
for ((i = 0; i < n; i++)); do sum=$((sum + $(echo $i | tr -d '\n' | wc -c))); done
echo $sum
for ((i = 0; i < 40; i++)); do (exit $((i % 3))) & pids="$pids $!"; done
ok=0
for job in $pids; do wait $job; ok=$((ok + $?)); done
echo "statuses $ok"
trap 'echo caught' USR1
kill -USR1 $$
(trap 'echo inner; exit 3' TERM; kill -TERM $BASHPID; sleep 5)
echo "inner ended with $?"
for ((i = 0; i < 5000; i += 250)); do echo -n "${table[$i]} "; done | sha256sum
(ulimit -v 4000000; echo limited)
seq 100000 | sort -rn | head -1
yes | head -200000 | sha256sum
BASH

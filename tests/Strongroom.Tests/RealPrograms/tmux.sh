# tmux: a server in the background, a pseudo terminal, a shell in it that is typed at.
# run: tools=tmux window=2M idle=50ms limit=120
set -e
export TERM=xterm LC_ALL=C.UTF-8
socket=$PWD/tmux-socket
t() { tmux -S "$socket" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null || true' EXIT # a script that fails must not leave the server behind
t new-session -d -x 80 -y 24 'PS1="% " sh'
see() { # PATTERN [PANE]
    for i in $(seq 600); do t capture-pane -p -t "0.${2:-0}" | grep -q "^$1" && return; sleep 0.05; done
    echo "'$1' never appeared:" >&2; t capture-pane -p -t "0.${2:-0}" >&2; exit 1
}
see '%' # typed at before its prompt, the terminal would show what is typed twice
t send-keys 'echo first-$((40 + 2))' Enter
see first-42
sleep 0.3
t send-keys 'stty size; i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo line-$i; done; echo "done"' Enter
see 'done'
t split-window 'sleep 0.3; echo "second pane"; sleep 30'
sleep 0.6
t send-keys -t 0.0 'sh -c '"'trap \"echo caught\" INT; echo ready; sleep 60; echo status-\$?'" Enter
see ready
for i in $(seq 100); do # the first may come before sleep has begun
    t send-keys -t 0.0 C-c
    sleep 0.3
    ! t capture-pane -p -t 0.0 | grep -q '^status-130' || break
done
see status-130
see 'second pane' 1
echo 'status-130, second pane'
t kill-server

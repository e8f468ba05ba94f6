# A host's init: starts sshd and reaps, as bash does with every child it is given.
set -euo pipefail
number=$1 ready=$2

/usr/sbin/sshd -f /run/sshd_config -E /var/log/sshd.log {ready}>&-
# Written once it listens.
until [[ -s /run/sshd.pid ]]; do
    sleep 0.01
done

# Each host its own range, as if it had been up for a while: a pid of one is free on the other.
[[ ! -w /proc/sys/kernel/ns_last_pid ]] || echo $(((number % 15 + 1) * 2000)) >/proc/sys/kernel/ns_last_pid

echo ready >&"$ready"
exec {ready}>&- >/dev/null 2>&1
while :; do
    sleep infinity &
    wait $! || true
done

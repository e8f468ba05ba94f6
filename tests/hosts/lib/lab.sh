# First process of the lab's pid namespace: the bridge, and a process per host. Ends when a host ends.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
dir=$1
source "$dir/settings"

# /proc is still the outer one, so it tells the outer pid, by which others enter our namespaces.
read -r pid _ </proc/self/stat
echo "$pid" >"$dir/lab.pid"

ip -batch - <<'EOF'
link set lo up
link add br0 type bridge
addr add 10.77.0.254/24 dev br0
addr add fd77::254/64 dev br0 nodad
link set br0 up
EOF

# Upper layers in memory, seen by the lab alone: nothing to clean on disk.
mkdir "$dir/root"
mount -t tmpfs -o mode=700 hosts "$dir/root"

for i in "${!names[@]}"; do
    if [[ -n $(folder_of "${names[i]}" "${machines[@]}") ]]; then
        "$BASH" "$(dirname -- "${BASH_SOURCE[0]}")/machine.sh" "$dir" "${names[i]}" $((i + 1)) &
        continue
    fi
    unshare --net --mount --pid --uts --ipc --fork --kill-child=KILL \
        "$BASH" "$(dirname -- "${BASH_SOURCE[0]}")/host.sh" "$dir" "${names[i]}" $((i + 1)) "$pid" &
done
wait -n
echo "hosts: a host ended" >&2
exit 1

# Stays outside: starts the lab, a pid namespace that holds all hosts, and ends it when asked, or when the owner is gone.
# Killing the lab's first process ends everything in it, and with the last process go its mounts and networks. Should this
# script be killed, the parent-death signal does the same.
set -uo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
dir=$1 lock=$2
source "$dir/settings"

owner_alive() {
    [[ $owner == none ]] || [[ $(identity "$owner") == "$owner_identity" ]]
}

# Until `up` is through, its death is the owner's.
starter_alive() {
    [[ -e $dir/up ]] || [[ $(identity "$starter") == "$starter_identity" ]]
}

end_lab() {
    local network process
    if [[ -s $dir/lab.pid ]]; then
        network=$(readlink "/proc/$(<"$dir/lab.pid")/ns/net")
        kill -KILL "$(<"$dir/lab.pid")" 2>/dev/null
    else
        kill -KILL "$lab"
    fi
    wait "$lab"
    # bin/ssh entered only the network: such clients are not in the pid namespace, and would hold the network for a while.
    [[ -n ${network:-} ]] || return 0
    for process in /proc/[0-9]*; do
        [[ $(readlink "$process/ns/net" 2>/dev/null) != "$network" ]] || kill -KILL "${process#/proc/}" 2>/dev/null
    done
}

exec {control}<>"$dir/control"
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child=KILL \
    "$BASH" "$(dirname -- "${BASH_SOURCE[0]}")/lab.sh" "$dir" {control}>&- {lock}>&- &
lab=$!

request=
while kill -0 "$lab" 2>/dev/null && owner_alive && starter_alive; do
    # The pipe is the clock too: no process per tick.
    read -r -t 0.2 -u "$control" request && break
done
end_lab
# A start that failed leaves its log to `up`.
if [[ -e $dir/up ]] || ! starter_alive; then
    clean_folder "$dir"
fi

# What the scripts of the test hosts share. Sourced.

# Marks a folder as ours: only such a folder is ever emptied.
marker=.procmigrate-test-hosts

die() {
    echo "hosts: $*" >&2
    exit 1
}

# The supervisor holds the lock for its life: nothing else tells a live pid from a recycled one.
is_up() {
    [[ -e $1/lock ]] && ! flock --nonblock "$1/lock" true
}

# Start time beside the pid: a pid may be taken again.
identity() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${stat##*) }
    echo "${20}"
}

# Every run has a network namespace of its own, so all runs use the same addresses.
address_of() {
    local i
    for i in "${!names[@]}"; do
        [[ ${names[i]} != "$1" ]] || echo "10.77.0.$((i + 1))"
    done
}

# The folder that NAME=FOLDER words give host $1; nothing where none does.
folder_of() {
    local name=$1 word
    shift
    for word in "$@"; do
        [[ ${word%%=*} != "$name" ]] || echo "${word#*=}"
    done
}

# ssh_config for a side whose key and known_hosts lie in folder $1.
client_config() {
    local folder=$1 name
    shift
    for name in "$@"; do
        printf 'Host %s\n    HostName %s\n    HostKeyAlias %s\n' "$name" "$(address_of "$name")" "$name"
    done
    cat <<EOF
Host $*
    User root
    IdentityFile "$folder/id_ed25519"
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile "$folder/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
EOF
}

# The keys of the run and the way to the other hosts, for the home folder $1, which will be $2.
add_keys() {
    rm -rf "$1/.ssh"
    mkdir -m 700 "$1/.ssh"
    cp "$dir/id_ed25519" "$dir/known_hosts" "$1/.ssh/"
    cp "$dir/id_ed25519.pub" "$1/.ssh/authorized_keys"
    client_config "$2/.ssh" "${names[@]}" >"$1/.ssh/config"
    chmod 600 "$1/.ssh"/*
    chmod go-w "$1"
}

# Into root folder $1: sshd with host key $2.
configure_sshd() {
    mkdir -p "$1/run/sshd"
    install -m 600 "$2" "$1/run/sshd_key"
    cat >"$1/run/sshd_config" <<'EOF'
HostKey /run/sshd_key
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 100
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
EOF
}

# Removes what the scripts made in folder $1, and the folder if nothing else is in it.
clean_folder() {
    [[ -e $1/$marker ]] || return 0
    rm -rf -- "$1"/{hosts,bin,root,control,up,log,settings,ssh_config,known_hosts,id_ed25519,id_ed25519.pub,lab.pid,lock}
    rm -f -- "$1/$marker"
    rmdir --ignore-fail-on-non-empty -- "$1"
}

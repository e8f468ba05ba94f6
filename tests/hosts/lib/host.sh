# First process of a host: builds its root folder and network, steps into them and becomes its init.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
dir=$1 name=$2 number=$3 lab=$4
source "$dir/settings"
here=$dir/hosts/$name
base=$dir/root/$name
root=$base/root

mount_root() {
    mkdir -p "$base"/{upper,work,root}
    local lower
    lower=$(folder_of "$name" "${roots[@]}")
    mount -t overlay "$name" -o "lowerdir=${lower:-/},upperdir=$base/upper,workdir=$base/work" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs -o mode=755 run "$root/run"
    mount -t tmpfs -o mode=1777 tmp "$root/tmp"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    make_devices
    local share
    for share in "${shares[@]}"; do
        mkdir -p "$root$share"
        mount --bind "$share" "$root$share"
    done
}

make_devices() {
    local device
    mkdir "$root/dev"/{pts,shm,net}
    for device in null zero full random urandom tty fuse net/tun userfaultfd; do
        [[ ! -c /dev/$device ]] || cp -a "/dev/$device" "$root/dev/$device"
    done
    mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s /proc/self/fd/0 "$root/dev/stdin"
    ln -s /proc/self/fd/1 "$root/dev/stdout"
    ln -s /proc/self/fd/2 "$root/dev/stderr"
}

# One end of the cable on the lab's bridge, the other here. Pid 1 is this process, in its own pid namespace.
connect() {
    nsenter --net="/proc/$lab/ns/net" ip link add name "$name" master br0 up type veth peer name eth0 netns 1
    ip -batch - <<EOF
link set lo up
addr add 10.77.0.$number/24 dev eth0
addr add fd77::$number/64 dev eth0 nodad
link set eth0 up
EOF
}

name_host() {
    local other
    hostname "$name"
    echo "$name" >"$root/etc/hostname"
    # Links would lead to the outer machine's files.
    rm -f "$root/etc/hosts" "$root/etc/resolv.conf"
    : >"$root/etc/resolv.conf"
    echo "127.0.0.1 localhost" >"$root/etc/hosts"
    for other in "${names[@]}"; do
        echo "$(address_of "$other") $other"
    done >>"$root/etc/hosts"
}

# root and an ordinary user `guest` log in with the key of the run, and from here on to the other hosts.
add_logins() {
    # A locked password ("!") would lock out the key too.
    sed -i 's/^root:!/root:*/' "$root/etc/shadow"
    echo "guest:x:4242:4242:guest of test hosts:/home/guest:/bin/sh" >>"$root/etc/passwd"
    echo "guest:*:19000:0:99999:7:::" >>"$root/etc/shadow"
    echo "guest:x:4242:" >>"$root/etc/group"
    mkdir -p "$root/home/guest"
    add_keys "$root/root" /root
    add_keys "$root/home/guest" /home/guest
    chown -R 4242:4242 "$root/home/guest"
}

read -r pid _ </proc/self/stat
echo "$pid" >"$here/pid"
exec {ready}>"$here/ready"
mount_root
connect
name_host
add_logins
configure_sshd "$root" "$here/ssh_host_ed25519_key"
cp "$(dirname -- "${BASH_SOURCE[0]}")/init.sh" "$root/run/init.sh"
cd "$root"
mkdir -p .outside
pivot_root . .outside
umount -l .outside
rmdir .outside
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    "$BASH" /run/init.sh "$number" "$ready" </dev/null

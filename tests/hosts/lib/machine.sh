# A host that is a virtual machine: emulated, so that its processor is another too. It answers at its address of the lab's network by a port
# forwarded from there, and reaches the others through the user network of qemu. Ends when the machine does.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
dir=$1 name=$2 number=$3
source "$dir/settings"
here=$dir/hosts/$name
machine=$(folder_of "$name" "${machines[@]}")
address=10.77.0.$number

# What the machine unpacks over its root folder when it starts.
write_settings_disk() {
    local root=$here/settings other
    mkdir -p -m 755 "$root"/{etc,run/sshd}
    mkdir -m 700 "$root/root"
    echo "$name" >"$root/etc/hostname"
    echo "127.0.0.1 localhost" >"$root/etc/hosts"
    for other in "${names[@]}"; do
        echo "$(address_of "$other") $other"
    done >>"$root/etc/hosts"
    add_keys "$root/root" /root
    configure_sshd "$root" "$here/ssh_host_ed25519_key"
    tar --owner=0 --group=0 -C "$root" -cf "$here/settings.tar" .
    # A disk is made of whole sectors.
    truncate -s %512 "$here/settings.tar"
}

answers() {
    local banner
    { exec {socket}<>"/dev/tcp/$address/22"; } 2>/dev/null || return 1
    read -r -t 5 -u "$socket" banner || banner=
    exec {socket}>&-
    [[ $banner == SSH-* ]]
}

ip addr add "$address/32" dev br0
write_settings_disk
# Writes go to a file without a name that is gone with the machine.
TMPDIR=$here qemu-system-x86_64 -machine q35,accel=tcg -cpu "${PROCMIGRATE_TEST_CPU:-max,3dnow=off,3dnowext=off}" -smp 2 -m 1024 -nodefaults -no-reboot -display none \
    -serial "file:$here/console" -kernel "$machine/kernel" -initrd "$machine/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 init=/sbin/test-init" \
    -drive "file=$machine/disk,format=raw,if=virtio,snapshot=on" -drive "file=$here/settings.tar,format=raw,if=virtio,readonly=on" \
    -netdev "user,id=lab,hostfwd=tcp:$address:22-:22" -device virtio-net-pci,netdev=lab -device virtio-rng-pci </dev/null &
qemu=$!
echo "$qemu" >"$here/pid"
until answers; do
    kill -0 "$qemu" 2>/dev/null || { cat "$here/console" >&2; die "the machine $name ended while starting"; }
    sleep 1
done
echo ready >"$here/ready"
wait "$qemu"

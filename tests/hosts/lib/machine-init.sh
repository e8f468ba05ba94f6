#!/bin/bash
# Init of a virtual machine of the tests. What belongs to the run (keys, sshd's configuration) is a tar archive on the second disk.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
ln -sfn /proc/self/fd /dev/fd
mkdir -p /run/sshd
tar -xf /dev/vdb -C /
hostname -F /etc/hostname
modprobe virtio_net
modprobe virtio_rng
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
sed -i 's/^root:[!*]*:/root:*:/' /etc/shadow
/usr/sbin/sshd -f /run/sshd_config -E /var/log/sshd.log
echo 20000 >/proc/sys/kernel/ns_last_pid
echo "test-init: up"
while :; do
    sleep infinity &
    wait $! || true
done

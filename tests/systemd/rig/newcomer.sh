#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a command as an ordinary user, or as root, on a machine that is a folder: newcomer.sh ROOT ARCHIVES USER COMMAND….
# Started in mount and process namespaces of its own, so that nothing it mounts is seen elsewhere, and all that it started
# is gone with it. The network is that of the machine below, for Debian's archive; ARCHIVES keeps what was fetched from it.
set -eu
root=$1 archives=$2 user=$3
shift 3
mount --bind "$root" "$root" # `ip netns exec` wants / to be a mount
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=755 none "$root/dev"
while read -r name minor; do mknod -m 666 "$root/dev/$name" c 1 "$minor"; done <<END
null 3
zero 5
full 7
random 8
urandom 9
END
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
mknod -m 666 "$root/dev/net/tun" c 10 200
mount -t devpts -o newinstance,ptmxmode=666 none "$root/dev/pts"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount --bind "$archives" "$root/var/cache/apt/archives"
exec chroot "$root" /usr/sbin/runuser -u "$user" -- "$@"

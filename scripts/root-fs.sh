# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A root file system of a Debian release, kept between runs, and commands run in it. Sourced, not run, behind common.sh.
#
# Everything runs in mount and process namespaces of its own: whatever is mounted and started is gone with them, also
# after Ctrl-C.

# Where it cannot be done at all: told apart from a failure by its exit status.
not_tested() {
  printf 'NOT TESTED: %s\n' "$*"
  exit 77
}

# The release of Debian that this host runs; nothing where it is no Debian.
codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true; }

# The script again, with its arguments, as root. sudo takes away the variables that scripts are told something by; and by
# now we are in another folder than that which the script's name may start from.
become_root() { # FOR-WHAT ARGUMENT…
  local name variables=(XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}")
  [[ $EUID -ne 0 ]] || return 0
  command -v sudo >/dev/null || die "$1 needs root, and there is no sudo here: run it as root"
  for name in "${!ADIT_@}"; do variables+=("$name=${!name}"); done
  exec sudo env "${variables[@]}" "$ADIT_ROOT/scripts/${0##*/}" "${@:2}"
}

# What all else here is about: the root file system `root` of the release `other`, and a folder `work`, which is /adit there.
use_root() { # RELEASE WORK [NAME]
  local why_not tool cache=${XDG_CACHE_HOME:-$HOME/.cache}/adit
  for tool in mmdebstrap:mmdebstrap unshare:util-linux flock:util-linux git:git; do
    command -v "${tool%:*}" >/dev/null || die "there is no ${tool%:*}: install the package ${tool#*:}"
  done
  why_not=$(run mount -t tmpfs none /mnt 2>&1) ||
    not_tested "a root file system takes namespaces and mounts, which cannot be had here, perhaps in a container: $why_not"
  other=$1 work=$2 root=$cache/${3:-$1}
  ready=$root.ready # there as long as nothing is being changed in `root`
  inside=(bash -c 'enter "$@"' bash "$root" "$work")
  mkdir -p "$cache" "$work"
}

job=
trap 'exit 130' INT TERM
trap '[[ -z $job ]] || kill -KILL "$job" 2>/dev/null || true' EXIT

# Runs a command in namespaces of its own, which end with us. In the background, since bash obeys signals while it waits
# for that and not before.
namespaces=(unshare --mount --propagation private --pid --fork --kill-child --mount-proc)
run() {
  "${namespaces[@]}" "$@" </dev/null &
  job=$!
  local status=0
  wait "$job" || status=$?
  job=
  return $status
}

# Makes the other release's file system ours, in namespaces that are our own already, and runs a command there.
# shellcheck disable=SC2317 # it is called, by the shell that `inside` starts
enter() { # ROOT WORK COMMAND…
  set -euo pipefail
  mount --bind "$1" "$1"
  cd "$1"
  mount -t proc proc proc
  mount --rbind /sys sys
  mount --rbind /dev dev
  mount -t tmpfs -o mode=755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  mkdir -p adit
  mount --bind "$2" adit
  cp -L /etc/resolv.conf etc/resolv.conf 2>/dev/null || true # none: there is no network to need it
  # Not chroot: in one no user namespaces can be made, and no container.
  pivot_root . mnt
  umount --lazy /mnt
  cd /adit/source 2>/dev/null || cd /
  # The first process stays, to collect those whose parents have ended.
  env -u TMPDIR -u XDG_CACHE_HOME -u ADIT_BIN_DIR HOME=/root LC_ALL=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:3}" || exit $?
}
export -f enter

# One step of several: its output in a log, which is shown when it failed, and its verdict.
failed=0
# shellcheck disable=SC2034 # `failed` is the exit status of whoever sources this
step() { # NAME COMMAND…
  local start=$SECONDS log=$work/${1// /-}.log
  if "${@:2}" >"$log" 2>&1; then
    echo "ok ${root##*/}: $1 ($((SECONDS - start)) s)"
  else
    tail -n 40 "$log"
    echo "not ok ${root##*/}: $1 ($((SECONDS - start)) s); all of its output is in ${log#"$ADIT_ROOT"/}"
    failed=1
    return 1
  fi
}
# One that is a command in the root file system.
prove() { step "$1" run "${inside[@]}" "${@:2}"; } # NAME COMMAND…

# The same server that this machine has its packages from: it is known to be reachable.
archive() {
  # shellcheck disable=SC2016 # apt's own variable
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed 's:/*$::' | grep -m 1 '/debian$' ||
    echo http://deb.debian.org/debian
}

# After something failed that takes packages: was it the network? Then nothing was tested; else we have a failure.
unless_unreachable() { # LOG
  local url
  url=$(archive)/dists/$other/InRelease
  /usr/lib/apt/apt-helper -o Acquire::Retries=2 -o Acquire::http::Timeout=20 download-file "$url" "$work/InRelease" \
    >"$work/reach.log" 2>&1 ||
    not_tested "Debian's archive cannot be reached, and $other is to be had from there ($url); try again with a network"
  tail -n 20 "$1"
  echo "not ok $other: packages; all of the output is in ${1#"$ADIT_ROOT"/}"
  exit 1
}

make_root() {
  local log=$work/mmdebstrap.log part proxy=
  local options=(--mode=root --variant=minbase --dpkgopt=force-unsafe-io --aptopt='Acquire::Retries "3"'
    --aptopt='Acquire::http::Timeout "30"')
  echo "making a root file system of $other in $root"
  for part in man doc locale; do options+=(--dpkgopt="path-exclude=/usr/share/$part/*"); done
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy ]] || options+=(--aptopt="Acquire::http::Proxy \"$proxy\"")
  rm -rf --one-file-system "$root" "$root.tmp"
  mkdir "$root.tmp"
  run env TMPDIR="$root.tmp" mmdebstrap "${options[@]}" "$other" "$root" "$(archive)" >"$log" 2>&1 ||
    unless_unreachable "$log"
  rm -rf "$root.tmp"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
}

# A root file system with the packages that are listed now.
provide_root() { # FRESH GROUP…
  local fresh=$1 groups=("${@:2}") file=$work/packages
  exec {lock}>"$root.lock"
  flock --nonblock "$lock" || { echo "waiting for another run that uses $root" && flock "$lock"; }
  [[ $fresh == no ]] || rm -f "$ready"
  scripts/install-packages --list "${groups[@]}" >"$file"
  if [[ -e $ready ]] && cmp -s "$file" "$ready"; then
    return
  elif [[ ! -e $ready ]]; then
    make_root
  fi
  rm -f "$ready"
  run "${inside[@]}" scripts/install-packages "${groups[@]}" >"$work/packages.log" 2>&1 || unless_unreachable "$work/packages.log"
  run "${inside[@]}" apt-get clean
  cp "$file" "$ready"
}

# What git knows or would know, with its times, so that a second build has little to do. git refuses other people's
# folders to root, and this one may be the caller's.
copy_source() {
  rm -rf "$work/source"
  mkdir "$work/source"
  git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=- --owner=0 --group=0 | tar --extract --directory="$work/source"
}

# What builds for another architecture: a compiler that runs on this one, and the other's libraries beside this one's.
provide_cross_compiler() { # ARCH PACKAGE…
  local packages="crossbuild-essential-$1 ${*:2}"
  prove "cross compiler" sh -c "dpkg-query -W $packages || { dpkg --add-architecture $1 && apt-get -q update &&
    apt-get -q -y install --no-install-recommends $packages; }"
}
provide_build_dependencies() { # ARCH
  prove "build dependencies" apt-get -q -y build-dep --no-install-recommends --host-architecture "$1" /adit/source
}

# SPDX-License-Identifier: MIT
"""What the hosts boot: a small Debian, fetched once and kept under build/, and Adit as `cmake --install` puts it there.
Both are only read by the hosts, which write to memory. And a Debian that has nothing yet, for who follows the README.
"""
import fcntl
import os
import pathlib
import platform
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).parents[3]
CACHE = ROOT / "build/systemd"
BUILD = pathlib.Path(os.environ.get("ADIT_BIN_DIR", ROOT / "build/dev/bin")).parent


def _own_release():
    """Debian's name of what this machine runs: Adit was built for its libraries. Of what is no Debian: bookworm."""
    facts = platform.freedesktop_os_release()
    return facts.get("VERSION_CODENAME", "bookworm") if facts["ID"] == "debian" else "bookworm"


SUITE = os.environ.get("ADIT_SYSTEMD_SUITE") or _own_release()
PACKAGES = ("systemd", "systemd-sysv", "iproute2", "iputils-ping", "procps", "dbus", "polkitd",
            "systemd-resolved")
# What the README takes for granted: git, a user who may sudo, and systemd.
BARE = ("git", "ca-certificates", "sudo", "systemd", "systemd-sysv")
# There for the tests that start it; the others have a resolv.conf of their own.
DISABLED = ("systemd-resolved",)


def _run(*command, env=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def debian():
    return _fetched(SUITE, PACKAGES, DISABLED)


def debian_with(name, packages, disabled=()):
    """With these besides. Each `name` is kept by itself: two tests that take turns fetch nothing twice."""
    return _fetched(f"{SUITE}-{name}", (*PACKAGES, *packages), (*DISABLED, *disabled))


def administered():
    """What an administrator may have besides: sshd, and the firewalls of Debian, none of which runs by itself."""
    return debian_with("administered", ("openssh-server", "openssh-client", "nftables", "ufw", "firewalld"), ("firewalld",))


def bare_debian():
    return _fetched(f"{SUITE}-bare", BARE)


def _fetched(name, packages, disabled=()):
    """The folder with the system; made at the first call, which takes a minute and a network."""
    image, wanted = CACHE / name, f"{' '.join(packages)}; without {' '.join(disabled)}\n"
    made_of = CACHE / f"{name}.packages"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made_of.exists() and made_of.read_text(encoding="utf-8") == wanted:
            return image
        made_of.unlink(missing_ok=True)
        shutil.rmtree(image, ignore_errors=True)
        leave_out = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
        _run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}", *leave_out,
             SUITE, image, env={"TMPDIR": str(CACHE)})
        for unit in disabled:
            _run("systemctl", f"--root={image}", "disable", unit)
        (image / "etc/resolv.conf").unlink(missing_ok=True)
        (image / "etc/resolv.conf").write_text("")  # or a link to one of resolved's is made at the boot
        (image / "etc/machine-id").write_text("")  # each host makes its own
        (image / "etc/hostname").unlink(missing_ok=True)
        made_of.write_text(wanted, encoding="utf-8")
    return image


def libraries(program):
    """The shared libraries it is linked with, as the machine has them."""
    return re.findall(r"=> (/\S+) \(", _run("ldd", program))


def installed(directory, image):
    """Installs what was built into a folder, with the libraries that the image lacks."""
    _run("cmake", "--install", BUILD, "--prefix", "/usr", "--strip", env={"DESTDIR": str(directory)})
    for program in ("usr/sbin/aditd", "usr/bin/adit"):
        for library in libraries(directory / program):
            place = library.lstrip("/") if library.startswith("/usr") else f"usr{library}"
            if not (image / place).exists():
                (directory / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, directory / place)
    return directory

# SPDX-License-Identifier: MIT
"""What a daemon may that somebody starts as root, without the unit: whom it becomes, what it gives up, what its hooks
inherit, and what they do not mind. docs/security.md says why.
"""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
import yaml

from lab.ends import ADITD
from lab.traffic import ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
CAP_NET_ADMIN = 1 << 12
CAP_NET_BIND_SERVICE = 1 << 10
CAP_SYS_ADMIN = 1 << 21
ADIT_ID = 987
# As udev has it, whatever this machine does: everybody may open it.
WITH_OPEN_TUN = ("sh", "-c", 'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"',
                 "sh")


def facts_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


class Hosted:
    """End a of a link, on a host with a user `adit`: its /etc, /run and /var/lib are its own, and the daemon's folders the
    usual ones. `there`: how the daemon sees it, `here`: how the test does."""

    def __init__(self, end, directory):
        self.end, self.here = end, directory
        for folder in ("etc/adit", "run", "lib"):
            (directory / folder).mkdir(parents=True)
            (directory / folder).chmod(0o755)
        for name in ("hosts", "resolv.conf", "nsswitch.conf"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", directory / "etc" / name)
        for name in ("passwd", "group"):
            text = pathlib.Path(f"/etc/{name}").read_text(encoding="utf-8")
            own = f"adit:x:{ADIT_ID}:{ADIT_ID}::/var/lib/adit:/usr/sbin/nologin" if name == "passwd" else f"adit:x:{ADIT_ID}:"
            (directory / "etc" / name).write_text(f"{text}{own}\n", encoding="utf-8")
        self.binds = {"/etc": directory / "etc", "/var/lib": directory / "lib", "/run": directory / "run"}
        end.file = directory / "etc/adit/a.yaml"
        end.run_dir = directory / "run/adit"
        end.env = {"ADIT_RUN_DIR": str(end.run_dir)}

    def launch(self, *options, file="/etc/adit/a.yaml", prefix=WITH_OPEN_TUN):
        self.end.process = self.end.host.popen(*prefix, ADITD, *options, file, name="aditd", binds=self.binds)
        return self.end.process

    def start(self, *options, **more):
        self.end.write_config()
        self.launch(*options, **more)
        wait_until(lambda: self.end.process.alive is False or self.end.socket_path.exists(), 10, "the control socket")
        assert self.end.process.alive, self.end.log()

    def pids(self):
        found = subprocess.run(["ip", "netns", "pids", self.end.host.name], capture_output=True, text=True, check=True)
        return found.stdout.split()

    def run(self, *command):
        return self.end.host.run(*command, binds=self.binds).stdout


@pytest.fixture
def hosted(make, tmp_path):
    link = make()
    return Hosted(link.a, tmp_path / "host"), link


def test_started_as_root_it_becomes_the_user_adit_who_may_change_the_network_alone(hosted):
    host, link = hosted
    before = link.a.host.network_state()
    host.start()
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert "goes on as the user adit" in link.a.log()
    facts = facts_of(link.a.process.pid)
    assert facts["Uid"].split() == facts["Gid"].split() == [str(ADIT_ID)] * 4
    assert facts["Groups"].split() in ([], [str(ADIT_ID)])
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        assert int(facts[kind], 16) == CAP_NET_ADMIN, kind
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    # Its file has become its own, as the unit does it, and so is what it makes.
    for path in (link.a.file, link.a.socket_path, host.here / "lib/adit/a"):
        assert path.stat().st_uid == ADIT_ID, path
    assert "tun0" in host.run("wg", "show", "interfaces")

    config = yaml.safe_load(link.a.file.read_text())
    config["interface"]["mtu"] = 1300
    config["routes"] = ["192.168.20.0/24"]
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.adit("reload", "a")
    assert "mtu 1300" in link.a.host.ip("link", "show", "dev", "tun0")
    assert link.a.stop() == 0
    link.a.host.expect_network_state(before)
    assert not link.a.socket_path.exists()


def test_a_link_of_the_same_user_is_told_no_key(hosted):
    """All links of a host are the user `adit`: one that was taken over may ask another what it does, and not for keys."""
    host, link = hosted
    host.start()
    as_adit = ("setpriv", "--reuid", ADIT_ID, "--regid", ADIT_ID, "--clear-groups")
    asked = link.a.host.run(*as_adit, "wg", "show", "tun0", "private-key", binds=host.binds, check=False)
    assert asked.returncode != 0 and link.a.side.private_key not in asked.stdout, asked
    told = link.a.host.run(*as_adit, "wg", "set", "tun0", "listen-port", "4444", binds=host.binds, check=False)
    assert told.returncode != 0
    assert link.a.status()["local"]["listen"] == "51820"
    assert len(host.run("wg", "show", "tun0", "private-key").strip()) == 44
    status = link.a.host.run(*as_adit, os.path.dirname(ADITD) + "/adit", "status", "a", "--json", binds=host.binds, check=False)
    assert '"state"' in status.stdout


def test_the_run_that_follows_has_the_same_rights_and_no_second_filter(hosted):
    host, link = hosted
    host.start()
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = facts_of(link.a.process.pid)
    for count in (1, 2):
        link.a.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: link.a.log().count("going on with the session") == count and link.a.socket_path.exists(), 10,
                   "the successor")
    assert link.a.process.alive, link.a.log()
    after = facts_of(link.a.process.pid)
    for name in ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Seccomp_filters"):
        assert after[name] == before[name], name
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_a_file_that_this_user_could_not_read_again_keeps_it_root_and_says_so(hosted, tmp_path):
    host, link = hosted
    link.a.file = tmp_path / "mine/a.yaml"
    link.a.file.parent.mkdir(mode=0o700)
    host.start(file=link.a.file)
    assert "runs as root, since adit could not read it again" in link.a.log()
    assert facts_of(link.a.process.pid)["Uid"].split()[0] == "0"
    assert link.a.file.stat().st_uid == 0
    assert link.a.stop() == 0
    status = host.launch("--user", "adit", file=link.a.file).wait(10)
    assert status == 1 and "--user: adit could not read it again" in link.a.process.log()


def test_who_wants_root_gets_it_and_who_names_a_stranger_hears_of_it(hosted):
    host, link = hosted
    host.start("--user", "root")
    assert facts_of(link.a.process.pid)["Uid"].split() == ["0"] * 4
    assert link.a.stop() == 0
    status = host.launch("--user", "stranger").wait(10)
    assert status == 1 and "there is no user stranger" in link.a.process.log()


def test_a_privileged_port_needs_one_right_more(hosted):
    host, link = hosted
    link.a.side.listen = 600
    host.start()
    assert int(facts_of(link.a.process.pid)["CapEff"], 16) == CAP_NET_ADMIN | CAP_NET_BIND_SERVICE
    assert link.a.status()["local"]["listen"] == "600"
    assert link.a.stop() == 0


def test_a_network_namespace_needs_one_right_more(hosted):
    host, link = hosted
    link.a.side.interface = {"netns": "inner"}
    host.start(prefix=(*WITH_OPEN_TUN, "sh", "-c", 'ip netns add inner && exec "$@"', "sh"))
    facts = facts_of(link.a.process.pid)
    assert facts["Uid"].split()[0] == str(ADIT_ID)
    assert int(facts["CapEff"], 16) == CAP_NET_ADMIN | CAP_SYS_ADMIN
    assert link.a.status()["netns"] == "inner"
    assert link.a.stop() == 0


def test_the_network_namespace_of_somebody_elses_process_keeps_it_root_and_says_so(hosted):
    """Nobody else may look into root's processes; a name is for everybody."""
    host, link = hosted
    theirs = link.b.host.popen("unshare", "--net", "sleep", "600", name="theirs")
    own = os.stat(f"/proc/{link.b.host.popen('sleep', '600', name='own').pid}/ns/net").st_ino
    place = f"/proc/{theirs.pid}/ns/net"
    wait_until(lambda: os.stat(place).st_ino not in (own, os.stat("/proc/self/ns/net").st_ino), 10, "the namespace")
    link.a.side.interface = {"netns": place}
    host.start()
    said = f"runs as root, since adit could not make the interface: the network namespace {place}"
    assert said in link.a.log() and "ip netns attach NAME PID" in link.a.log()
    assert facts_of(link.a.process.pid)["Uid"].split() == ["0"] * 4
    assert link.a.status()["netns"] == place
    assert link.a.stop() == 0


def test_wg_quick_gets_a_daemon_that_is_not_root(hosted, tmp_path):
    host, link = hosted
    file = tmp_path / "wg0.conf"
    file.touch(mode=0o600)
    file.write_text(f"[Interface]\nPrivateKey = {link.a.side.private_key}\nAddress = 10.9.0.1/30\n"
                    f"[Peer]\nPublicKey = {link.b.side.public_key}\nAllowedIPs = 10.9.0.0/30\n")
    host.run(*WITH_OPEN_TUN, "env", f"WG_QUICK_USERSPACE_IMPLEMENTATION={ADITD}", "wg-quick", "up", file)
    inside = {pid: facts_of(pid) for pid in host.pids()}
    (pid, facts), = ((pid, facts) for pid, facts in inside.items() if facts["Name"] == "aditd")
    assert facts["Uid"].split() == [str(ADIT_ID)] * 4 and int(facts["CapEff"], 16) == CAP_NET_ADMIN
    assert link.b.side.public_key in host.run("wg", "show", "wg0")
    host.run("wg-quick", "down", file)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, "its end")


def test_without_such_a_user_it_stays_root_fenced_all_the_same(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    facts = facts_of(link.a.process.pid)
    assert facts["Uid"].split() == ["0"] * 4
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    assert "there is no user adit" in link.a.log()


TRY = """
import ctypes, errno, fcntl, os, termios
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, *arguments):
    number = {"keyctl": 250, "bpf": 321, "userfaultfd": 323}[name] if os.uname().machine == "x86_64" else \\
             {"keyctl": 219, "bpf": 280, "userfaultfd": 282}[name]
    libc.syscall(number, *arguments)
    print(name, errno.errorcode[ctypes.get_errno()])
tried("keyctl", -1, 0, 0, 0, 0)
tried("bpf", -1, 0, 0)
tried("userfaultfd", -1)
"""


def test_a_hook_inherits_what_is_forbidden_and_writes_where_it_wants(make, tmp_path):
    """And uses what hooks use: the shell, `ip`, `ip netns exec`."""
    script, elsewhere = tmp_path / "try.py", tmp_path / "elsewhere"
    script.write_text(TRY)
    link = make(a={"more": {"hooks": {"up": [f"/usr/bin/python3 {script}", f"ip link > {elsewhere} && echo written",
                                             "ip netns exec $(ip netns identify $$) true && echo entered"]}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_until(lambda: "hooks.up: entered" in link.a.log() or "failed" in link.a.log(), 10, "the hooks")
    for line in ("keyctl EPERM", "bpf EPERM", "userfaultfd EPERM", "written", "entered"):
        assert f"hooks.up: {line}" in link.a.log(), link.a.log()
    assert "tun0" in elsewhere.read_text()


def test_without_hooks_nothing_is_written_but_in_its_folders_and_an_added_hook_is_told(make, tmp_path):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    elsewhere, inside = tmp_path / "elsewhere", link.a.run_dir / "inside"
    config = yaml.safe_load(link.a.file.read_text())
    config["hooks"] = {"state": [f"echo x > {inside} && echo inside; echo x > {elsewhere} || echo refused"]}
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.adit("reload", "a")
    assert "this process began without hooks" in link.a.log()
    link.b.stop()
    link.a.process.send_signal(signal.SIGUSR2)  # the successor inherits it, and its first state runs the hook
    wait_until(lambda: "hooks.state: refused" in link.a.log() or elsewhere.exists(), 10, "the hook")
    assert not elsewhere.exists()
    assert "hooks.state: inside" in link.a.log() and inside.exists()
    assert link.a.log().count("this process began without hooks") == 2
    assert link.a.stop() == 0

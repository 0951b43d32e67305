# SPDX-License-Identifier: MIT
"""`adit doctor`: each check of the file, the daemon and this host's settings, with exactly that broken."""
import os
import shutil
import signal
import socket

import pytest
import yaml

from lab.doctor import examine
from lab.ends import ADITD
from lab.traffic import traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

SUBNET = {"routes": ["192.168.20.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"]}
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+net_admin",
             "--ambient-caps=+net_admin")
WITHOUT_CAPABILITY = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
WITH_OPEN_TUN = ("sh", "-c", 'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"',
                 "sh")


@pytest.fixture
def link(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


@pytest.fixture
def systemctl(tmp_path):
    """systemctl(PROPERTIES): a command that runs another where systemd seems to run and says that of every unit."""
    def systemctl(**properties):
        program = tmp_path / "systemctl"
        lines = "\n".join(f"{name}={value}" for name, value in {"LoadState": "loaded", **properties}.items())
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
        program.chmod(0o755)
        # These mounts are for this command alone: `ip netns exec` has mounts of its own.
        return ("sh", "-c", "mount -t tmpfs none /run && mkdir -p /run/systemd/system && "
                f'mount --bind {program} /usr/bin/systemctl && exec "$@"', "sh")
    return systemctl


def nothing_else(report, *expected):
    """Only these are alarms: one broken thing must not make the doctor cry wolf elsewhere."""
    assert set(report.alarms()) == set(expected), report.alarms()


def test_config_warns_of_what_was_hardly_meant(stopped):
    report = examine(stopped(routes=["192.168.20.0/24"]))
    assert report["config"] == "warning" and "peer.allowed_ips does not cover" in report.evidence("config")


def test_own_key_in_place_of_the_peers(stopped, make):
    end = make().a
    end.side.peer_public_key = end.side.public_key
    end.write_config()
    report = examine(end)
    assert (report["own_key"], report.most_likely, report.status) == ("problem", "own_key", 78)
    assert "adit pubkey" in report.mend("own_key")


def test_permissions_of_a_file_that_others_can_change(link):
    config = yaml.safe_load(link.a.file.read_text())
    key = link.a.file.with_name("a.key")
    key.touch(mode=0o600)
    key.write_text(config["local"].pop("private_key"))
    config["local"]["private_key_file"] = "a.key"
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.file.chmod(0o664)
    report = examine(link.a)
    assert "0664" in report.evidence("permissions") and "chmod go-w" in report.mend("permissions")
    nothing_else(report, "permissions")


def test_permissions_of_a_file_that_the_daemons_user_cannot_read_again(make, tmp_path):
    link = make()
    end = link.a
    directory = tmp_path / "public"
    directory.mkdir()
    for folder in (directory, *directory.parents):
        if folder.stat().st_uid == os.getuid() and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    end.place(directory)
    end.write_config()
    for path in (end.file, end.run_dir, end.state_dir):
        os.chown(path, NOBODY, NOBODY)
    program = shutil.copy(ADITD, directory / "aditd")
    end.process = end.host.popen(*WITH_OPEN_TUN, *AS_NOBODY, program, end.file, name=end.program, env=end.env)
    link.b.start()
    traffic_within(end.host, link.b.side.addr4, 10)
    assert examine(end)["permissions"] == "ok"
    os.chown(end.file, 0, 0)  # as an editor does that writes a new file
    report = examine(end)
    assert "Permission denied" in report.evidence("permissions") and "chown nobody" in report.mend("permissions")
    nothing_else(report, "permissions")


def test_in_force_when_the_file_was_edited_and_not_reloaded(link):
    config = yaml.safe_load(link.a.file.read_text())
    config["interface"]["mtu"] = 1333
    config["local"]["listen"] = 51999
    link.a.file.write_text(yaml.safe_dump(config))
    report = examine(link.a)
    assert "1333" in report.evidence("in_force") and "51999" in report.evidence("in_force")
    assert report.mend("in_force") == "adit reload a"
    nothing_else(report, "in_force")
    link.a.adit("reload", "a")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    nothing_else(examine(link.a))


def test_in_force_when_wg_changed_something(link):
    os.makedirs("/run/wireguard", exist_ok=True)  # to be mounted over
    link.a.host.run("wg", "set", "tun0", "peer", link.b.side.public_key, "persistent-keepalive", 7,
                    binds={"/run/wireguard": link.a.env["ADIT_WG_DIR"]})
    report = examine(link.a)
    assert "peer.keepalive was changed by `wg`" in report.evidence("in_force")
    nothing_else(report, "in_force")


def test_unit_that_failed(stopped, systemctl):
    report = examine(stopped(), *systemctl(ActiveState="failed", SubState="failed", Result="exit-code", ExecMainStatus=78,
                                           NRestarts=3, AmbientCapabilities="cap_net_admin"))
    assert report["unit"] == "problem" and "the file was not valid" in report.title("unit")
    assert "journalctl -u adit@a" in report.mend("unit")
    nothing_else(report, "unit", "daemon")


def test_unit_that_is_not_started(stopped, systemctl):
    report = examine(stopped(), *systemctl(ActiveState="inactive", SubState="dead", AmbientCapabilities="cap_net_admin"))
    assert report["unit"] == "warning" and "systemctl enable --now adit@a" in report.mend("unit")


def test_unit_does_not_matter_where_the_daemon_runs_without_it(link, systemctl):
    nothing_else(examine(link.a, *systemctl(ActiveState="inactive", SubState="dead")))
    nothing_else(examine(link.a, *systemctl(LoadState="not-found", ActiveState="inactive")))


def test_capability_that_a_drop_in_takes_away(stopped, systemctl):
    report = examine(stopped(), *systemctl(ActiveState="failed", ExecMainStatus=1, AmbientCapabilities=""))
    assert report["capability"] == "problem" and report.most_likely == "capability"


def test_capability_that_root_does_not_have(stopped):
    report = examine(stopped(), *WITHOUT_CAPABILITY)
    assert report["capability"] == "problem" and report.most_likely == "capability"
    nothing_else(report, "capability", "daemon")


def test_tun_device_that_is_missing(stopped, tmp_path):
    end = stopped()
    (tmp_path / "empty").mkdir()
    end.binds["/dev/net"] = str(tmp_path / "empty")
    report = examine(end)
    assert "modprobe tun" in report.mend("tun_device") and report.most_likely == "tun_device"
    nothing_else(report, "tun_device", "daemon")


def test_state_directory_that_is_a_file(link):
    folder = link.a.state_dir / "a"
    shutil.rmtree(folder)
    folder.write_text("")
    report = examine(link.a)
    assert "not a folder" in report.evidence("state_directory")
    nothing_else(report, "state_directory")


def test_clock_that_went_back(stopped):
    end = stopped()
    folder = end.state_dir / "a"
    folder.mkdir()
    tomorrow = (1 << 62) + int(end.host.run("date", "+%s").stdout) + 86400 + 1800  # half an hour to look at it
    (folder / "timestamp").write_text(f"{tomorrow:016x}00000000\n")
    report = examine(end)
    assert report["clock"] == "warning" and "1 d 0 h later" in report.evidence("clock")
    nothing_else(report, "clock", "daemon")


def test_ipv6_that_is_switched_off(stopped):
    end = stopped()
    end.host.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    report = examine(end)
    assert report["ipv6"] == "problem" and "disable_ipv6" in report.evidence("ipv6")
    nothing_else(report, "ipv6", "daemon")


def test_ipv6_that_is_switched_off_and_not_needed(stopped):
    end = stopped(addresses=["10.9.0.1/30"], allowed_ips=["10.9.0.0/30"])
    end.host.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    nothing_else(examine(end), "daemon")


def test_rp_filter_of_the_uplink_with_a_default_route(stopped):
    end = stopped(routes=["default"], allowed_ips=["0.0.0.0/0", "::/0"])
    end.host.sysctl("net.ipv4.conf.all.rp_filter", 1)
    report = examine(end)
    assert report["rp_filter"] == "problem" and "eth0" in report.title("rp_filter")
    end.host.sysctl("net.ipv4.conf.all.rp_filter", 2)
    nothing_else(examine(end), "daemon")


def test_rp_filter_of_the_tunnel_with_subnets_that_are_not_routed(make):
    link = make(a={"allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.77.0/24"]})
    link.a.host.sysctl("net.ipv4.conf.all.rp_filter", 1)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    report = examine(link.a)
    assert "192.168.77.0/24" in report.title("rp_filter")
    nothing_else(report, "rp_filter")
    nothing_else(examine(link.b))


def test_forwarding_that_is_off_between_two_networks(make):
    link = make(a=SUBNET).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    host = link.a.host
    nothing_else(examine(link.a))
    host.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan0-end")
    host.ip("link", "set", "lan0-end", "up")
    host.ip("addr", "add", "192.168.10.1/24", "dev", "lan0")
    host.ip("link", "set", "lan0", "up")
    report = examine(link.a)
    assert "net.ipv4.ip_forward is 0" in report.evidence("forwarding") and "lan0" in report.evidence("forwarding")
    nothing_else(report, "forwarding")
    host.sysctl("net.ipv4.ip_forward", 1)
    nothing_else(examine(link.a))


def test_buffers_that_overflow(make):
    link = make(a={"more": {"tuning": {"receive_buffer": "64K"}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    nothing_else(examine(link.a))
    link.a.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: link.a.process.state() == "T", 10, "the daemon to stop")
    with link.b.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(1000):
            sock.sendto(bytes(1000), ("10.1.0.2", 51820))
    link.a.process.send_signal(signal.SIGCONT)
    wait_until(lambda: link.a.drops("receive_buffer_full") > 0, 10, "what did not fit to be counted")
    report = examine(link.a)
    assert report["buffers"] == "warning" and "did not fit" in report.evidence("buffers")
    nothing_else(report, "buffers")


def test_offload_that_the_kernel_refused(make, lab):
    link = make(a={"interface": {"mtu": 1420}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.a.ip("link", "set", "eth0", "mtu", "1300")
    lab.r.ip("link", "set", "toa", "mtu", "1300")
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 2 << 20)
    report = examine(link.a)
    assert report["offload"] == "warning" and "udp_send was refused" in report.evidence("offload")
    nothing_else(report, "offload", "mtu")

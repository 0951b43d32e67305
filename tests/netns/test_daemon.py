# SPDX-License-Identifier: MIT
"""How aditd starts, ends and refuses: exit statuses, sentences that name the mend, and nothing left behind."""
import os
import pathlib
import re
import shutil
import signal
import time

import pytest

from lab.ends import ADITD
from lab.traffic import ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# /dev/net/tun as a desktop's udev has it, whatever this machine does: everybody may open it.
WITH_OPEN_TUN = ("sh", "-c", 'mount -t tmpfs -o mode=755 none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"',
                 "sh")
EVERYTHING = {"routes": [{"to": "192.168.20.0/24", "metric": 50}, {"to": "10.20.0.0/16", "table": 100},
                         {"to": "fd20::/64", "metric": 7}, "default"],
              "allowed_ips": ["0.0.0.0/0", "::/0"],
              "interface": {"mtu": 1400, "queue_length": 700, "multicast": True, "peer_addresses": ["10.9.0.2"]}}


def refusal(end, *prefix):
    """Starts an end that must not come up; its exit status and what it said."""
    process = end.launch(*prefix)
    status = process.wait(10)
    end.process = None
    return status, process.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "sigint"])
def test_a_signal_ends_it_cleanly_and_the_host_is_as_before(make, number):
    link = make(a=EVERYTHING)
    before = link.a.host.network_state()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.host.network_state() != before
    assert link.a.stop(number) == 0
    link.a.host.expect_network_state(before)
    assert not link.a.socket_path.exists()


def test_what_was_there_before_is_there_afterwards(make):
    """Routes and addresses of other people, even in the tables and networks that the link uses."""
    link = make(a=EVERYTHING)
    host = link.a.host
    host.ip("route", "add", "10.20.0.0/16", "via", "10.1.0.1", "table", "101")
    host.ip("route", "add", "192.168.20.0/24", "via", "10.1.0.1", "metric", "500")
    host.ip("rule", "add", "pref", "1000", "from", "10.1.0.9", "lookup", "101")
    host.ip("-6", "route", "add", "fd20::/64", "via", "fd01::1", "metric", "500")
    before = host.network_state()
    link.start()
    traffic_within(host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    host.expect_network_state(before)


def test_a_killed_daemon_starts_again_at_once_and_its_leftovers_go(make):
    link = make(a=EVERYTHING)
    before = link.a.host.network_state()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for _ in range(3):
        link.a.kill()
        assert link.a.socket_path.exists(), "a killed daemon leaves its socket"
        link.a.start()
        traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    link.a.host.expect_network_state(before)
    assert not link.a.socket_path.exists()


def test_a_second_daemon_for_the_same_interface_is_told_so(make, lab):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    second = make(a={"listen": 51821, "label": "second"}).a
    status, said = refusal(second)
    assert status == 1
    assert link.a.device in said and "interface.name" in said, said
    assert ping(link.a.host, link.b.side.addr4) == 3, "the first one goes on"


def test_a_second_daemon_on_the_same_port_is_told_so(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    second = make(a={"label": "second", "addresses": ["10.77.0.1/30"], "allowed_ips": ["10.77.0.0/30"]}).a
    second.device = "tun1"
    before = link.a.host.network_state()
    status, said = refusal(second)
    assert status == 1
    assert "51820" in said and "local.listen" in said, said
    link.a.host.expect_network_state(before)
    assert ping(link.a.host, link.b.side.addr4) == 3, "the first one goes on"


def test_the_same_file_twice_is_refused_and_the_first_keeps_its_socket(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    again = link.a.host.run(ADITD, link.a.file, env=link.a.env, check=False)
    assert again.returncode == 1
    assert link.a.state() == "up"
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_without_the_capability_it_says_how_to_give_it(make):
    status, said = refusal(make().a, "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    assert status == 1
    assert "CAP_NET_ADMIN" in said and "systemctl start adit@" in said, said


def test_without_the_tun_device_it_says_how_to_get_it(make, tmp_path):
    end = make().a
    end.binds["/dev/net"] = str(tmp_path / "empty")
    os.mkdir(end.binds["/dev/net"])
    status, said = refusal(end)
    assert status == 1
    assert "/dev/net/tun" in said and "modprobe tun" in said, said


def test_an_ordinary_user_may_run_it_with_file_capabilities(make, public_directory):
    """setcap on a copy of the program, its folders its own: everything works, up to the exact end."""
    program = shutil.copy(ADITD, f"{public_directory}/aditd")
    link = make(a=EVERYTHING)
    end = link.a
    end.host.run("setcap", "cap_net_admin+ep", program)
    end.place(public_directory)
    end.write_config()
    for path in (end.file, end.run_dir, end.state_dir):
        os.chown(path, NOBODY, NOBODY)
    before = end.host.network_state()
    end.process = end.host.popen(*WITH_OPEN_TUN, *AS_NOBODY, program, end.file, name=end.program, env=end.env)
    link.b.start()
    traffic_within(end.host, link.b.side.addr4, 10)
    assert f"Uid:\t{NOBODY}" in open(f"/proc/{end.process.pid}/status", encoding="utf-8").read()
    assert end.state() == "up"
    assert end.stop() == 0
    end.host.expect_network_state(before)


@pytest.mark.parametrize("there", [False, True], ids=["missing", "half-written"])
def test_a_preshared_key_that_is_not_there_yet_is_worth_another_try(make, tmp_path, there):
    end = make().a
    psk = tmp_path / "a.psk"
    psk.touch(mode=0o600)
    psk.write_text("half a k")
    if not there:
        psk.unlink()
    usual = end.config
    end.config = lambda: (lambda config: {**config, "peer": {**config["peer"], "preshared_key_file": str(psk)}})(usual())
    status, said = refusal(end)
    assert status == 1, "systemd goes on trying"
    assert "peer.preshared_key_file" in said
    psk.touch()
    psk.chmod(0o644)
    psk.write_text("a key that everybody may read, which nobody will mend but its owner\n")
    assert refusal(end)[0] == 78
    psk.unlink()
    assert refusal(end)[0] == 1
    end.side.more = {"peeer": {}}
    assert refusal(end)[0] == 78, "with any other mistake it does not"


def test_a_wrong_file_is_refused_with_every_problem_and_status_78(make):
    end = make().a
    end.side.more = {"peeer": {}, "interface": {"addresses": ["10.9.0.1/33"], "mtuu": 3}}
    status, said = refusal(end)
    assert status == 78
    for problem in ("peeer", "interface.addresses", "interface.mtuu"):
        assert problem in said, said
    assert all(line.startswith(f"{end.file}:") for line in said.splitlines()), said


def test_no_secret_is_logged_even_at_the_highest_level(make):
    link = make(psk=True, a={"more": {"log": {"level": "trace"}}}, b={"more": {"log": {"level": "trace"}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.stop()
    for end in (link.a, link.b):
        assert end.log(), "it logs something"
        for secret in (end.side.private_key, end.side.preshared_key):
            assert secret not in end.log()


def test_the_clock_may_go_back_between_two_runs(make):
    """b has taken an initiation of tomorrow and drops all that seem older (§5.1); a must know, after a restart too."""
    link = make(calls="a", keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.stop()
    link.a.move_timestamp(86400)
    for _ in range(2):
        link.a.start()
        traffic_within(link.a.host, link.b.side.addr4, 10)
        link.a.stop()
    link.a.forget_timestamps()
    link.a.start()
    before = link.b.drops("old_timestamp")
    wait_until(lambda: link.b.drops("old_timestamp") > before, 20, "b to refuse what seems old: the check is real")


def test_it_goes_on_when_its_interface_is_removed_by_somebody_else_or_says_why_it_ends(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("link", "del", link.a.device)
    wait_until(lambda: not link.a.process.alive, 10, "the daemon to end")
    assert link.a.process.wait(1) == 1
    assert link.a.device in link.a.log()
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)


def restlessness(end):
    """How often the process has woken up, and its time on the processor in hundredths of a second: one that spins never
    goes to sleep, and so never wakes up."""
    process = pathlib.Path(f"/proc/{end.process.pid}")
    woken = sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE)[1])
                for task in (process / "task").iterdir())
    spent = sum(map(int, (process / "stat").read_text().rsplit(")", 1)[1].split()[11:13]))
    return woken, spent


def test_an_idle_link_sleeps(make):
    """What wakes it are its own timers: a look at itself every five seconds, and what is left of the last traffic. Judged
    by the second, so that it does not matter how late this test looks."""
    link = make(keepalive=0).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for end in (link.a, link.b):
        begin, (woken, spent) = time.monotonic(), restlessness(end)
        time.sleep(6)
        wait_until(lambda: restlessness(end)[0] > woken, 10, "it to wake up: one that spins never does")
        now, seconds = restlessness(end), time.monotonic() - begin
        assert now[0] - woken < 5 * seconds
        assert now[1] - spent < 8 * seconds
        assert end.state() == "up"

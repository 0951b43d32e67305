# SPDX-License-Identifier: MIT
"""`adit doctor`: a healthy link is left alone, and whatever is no link gets an answer too. The checks themselves are
broken one by one in test_doctor_host.py, test_doctor_path.py and test_doctor_peer.py."""
import json
import os
import signal

import pytest

from lab.doctor import examine
from lab.ends import ADIT, ADITD
from lab.traffic import traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only


def doctor(end, *arguments):
    return end.host.run(ADIT, "doctor", *arguments, check=False, env=end.env)


@pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
def test_a_healthy_link_gives_neither_problem_nor_warning(make, outer):
    link = make(outer=outer, psk=True, a={"routes": ["192.168.20.0/24"],
                                          "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for end in (link.a, link.b):
        report = examine(end)
        assert report.alarms() == {}
        assert (report.status, report.verdict, report.most_likely) == (0, "ok", None)
        assert report["path_mtu"] == report["firewall"] == report["offload"] == "ok"


def test_a_healthy_link_that_carries_everything_gives_neither_problem_nor_warning(make, lab):
    lab.nat()
    link = make(calls="a", a={"routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for end in (link.a, link.b):
        assert examine(end).alarms() == {}


def test_a_healthy_link_that_blocks_a_family_gives_neither_problem_nor_warning(make, lab):
    """The usual file of a provider: IPv4 addresses, and everything led through the link."""
    lab.nat()
    link = make(calls="a", a={"addresses": ["10.9.0.1/30"], "routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.status()["blocked"] == ["IPv6"]
    assert examine(link.a).alarms() == {}


def test_people_get_a_checklist_and_a_conclusion_and_no_colours_in_a_file(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    said = doctor(link.a, link.a.file)
    assert said.returncode == 0
    assert "Nothing wrong was found: the link is up." in said.stdout
    assert "\x1b" not in said.stdout
    link.a.stop()
    said = doctor(link.a, link.a.file)
    assert said.returncode == 1
    assert "FAIL daemon" in said.stdout and "mend: systemctl start adit@a" in said.stdout
    assert "Most likely: the daemon does not run" in said.stdout


def test_colours_are_for_terminals_without_no_color(make):
    end = make().a
    end.write_config()
    command = f"{ADIT} doctor {end.file}"
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        env = {"TERM": "xterm", **end.env, **environment}
        said = end.host.run("script", "-qec", command, "/dev/null", check=False, env=env).stdout
        assert "Most likely" in said
        assert ("\x1b[" in said) == coloured, environment


def test_no_secret_is_told(make):
    link = make(psk=True).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for arguments in ((), ("--json",)):
        said = doctor(link.a, link.a.file, *arguments)
        for secret in (link.a.side.private_key, link.a.side.preshared_key):
            assert secret not in said.stdout + said.stderr


@pytest.mark.parametrize("name", ["nosuch", "/nowhere/at/all.yaml", "", "..", "a" * 300, "we ird\n\x1b[31m", "x/../y"])
def test_what_is_no_link_has_its_own_exit_status(make, name):
    said = doctor(make().a, name)
    assert said.returncode == 4
    assert "there is no link" in said.stderr and said.stdout == ""
    assert "\x1b" not in said.stderr


def test_wrong_usage_has_its_own_exit_status(make):
    assert doctor(make().a).returncode == 2
    assert "Example: sudo adit doctor office" in doctor(make().a, "--help").stdout


def test_a_file_with_mistakes_gives_the_lines_of_adit_check(make):
    end = make().a
    end.write_config()
    end.file.write_text(end.file.read_text().replace("addresses:", "adresses:").replace("25s", "25"))
    checked = end.host.run(ADIT, "check", end.file, check=False).stdout.splitlines()
    said = doctor(end, end.file)
    assert said.returncode == 78 and len(checked) >= 2
    for line in checked:
        assert line in said.stdout
    report = examine(end)
    assert report.status == 78
    assert report.checks["config"]["evidence"] == checked
    assert report.most_likely == "config"
    assert end.side.private_key not in said.stdout


@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe", b"[" * 100000, b"a: &a [*a]\n"], ids=["empty", "binary", "deep", "loop"])
def test_a_file_of_garbage_is_not_valid(make, content):
    end = make().a
    end.write_config()
    end.file.write_bytes(content)
    report = examine(end)
    assert report.status == 78 and report["config"] == "problem"


def test_a_key_file_that_others_can_read_is_named_with_its_mend(make):
    end = make().a
    end.write_config()
    key = end.file.with_name("a.key")
    key.write_text(end.side.private_key + "\n")
    key.chmod(0o644)
    end.file.write_text(end.file.read_text().replace(f"private_key: {end.side.private_key}", "private_key_file: a.key"))
    report = examine(end)
    assert report.status == 78
    assert "chmod 600" in report.evidence("config")


def test_the_file_of_a_running_link_that_is_gone(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.file.unlink()
    report = examine(link.a)
    assert report["config"] == "problem" and "missing" in report.title("config")
    assert report["state"] == "ok" and report["daemon"] == "ok"
    assert report.status == 1


def test_a_daemon_that_hangs_is_named_and_does_not_hang_the_doctor(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.process.send_signal(signal.SIGSTOP)
    try:
        report = examine(link.a)
    finally:
        link.a.process.send_signal(signal.SIGCONT)
    assert report["daemon"] == "problem" and "does not answer" in report.title("daemon")
    assert report["port"] == "skipped"
    assert report.most_likely == "daemon"


def test_a_socket_that_a_killed_daemon_left_behind(make):
    link = make().start()
    link.a.kill()
    assert link.a.socket_path.exists()
    report = examine(link.a)
    assert report["daemon"] == "problem" and "does not run" in report.title("daemon")
    assert report["port"] == "ok", "the kernel has taken it back"


def test_an_answer_that_nobody_understands(make):
    end = make().a
    end.write_config()
    fake = end.host.popen("socat", f"UNIX-LISTEN:{end.socket_path},fork", "SYSTEM:read x; echo '{\"status\":7}'", name="socat")
    wait_until(lambda: end.socket_path.exists() or not fake.alive, 5, "the socket")
    report = examine(end)
    assert report["daemon"] == "problem" and "cannot be asked" in report.title("daemon")


def test_an_ordinary_user_is_told_what_was_left_out(make):
    """The tests' own folder is root's, and so is the daemon."""
    link = make().start()
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    report = examine(link.a, *as_nobody)
    assert report.status == 1, "nothing wrong was seen, but then nothing was seen"
    assert report.alarms() == {}
    for check in ("config", "daemon", "firewall", "offload", "state_directory"):
        assert report[check] == "skipped"
        assert "root" in report.title(check) or "owner" in report.title(check)
    said = link.a.host.run(*as_nobody, ADIT, "doctor", link.a.file, check=False, env=link.a.env).stdout
    assert "Too little could be seen: run it as root." in said


def test_a_link_without_a_file_is_judged_by_what_it_does(make):
    """As wg-quick starts it, and before `wg` has told it anything."""
    end = make().a
    daemon = end.host.popen(ADITD, "--interface", "wg7", env=end.env, name="aditd")
    wait_until(lambda: (end.run_dir / "wg7.sock").exists() or not daemon.alive, 10, "the control socket")
    done = doctor(end, "wg7", "--json")
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["config"]["verdict"] == "skipped" and "has no file" in checks["config"]["title"]
    assert checks["daemon"]["verdict"] == "ok"
    assert checks["handshake"]["title"] == "no key was set, or no peer"


def test_the_link_is_found_by_its_name_too(make):
    end = make().a
    end.write_config()
    name = f"doctor-test-{os.getpid()}"
    end.file = end.file.rename(end.file.with_name(f"{name}.yaml"))
    # An /etc of its own, which this command alone sees.
    inside = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /etc && mkdir /etc/adit && mount --bind "$0" /etc/adit && exec "$@"')
    done = end.host.run(*inside, end.file.parent, ADIT, "doctor", name, "--json", check=False, env=end.env)
    said = json.loads(done.stdout)
    assert (said["link"], said["file"]) == (name, f"/etc/adit/{name}.yaml")
    assert done.returncode == 1

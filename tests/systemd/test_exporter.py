# SPDX-License-Identifier: MIT
"""adit-exporter.service: metrics of the links over HTTP, out of a sandbox that lets it see nothing else of theirs."""
import re

import pytest

from lab.wait import wait_until

UNIT = "adit-exporter.service"
# The hosts have no curl: a request by bash itself.
GET = "exec 3<>/dev/tcp/{}/9586 && printf 'GET /metrics HTTP/1.1\\r\\n\\r\\n' >&3 && cat <&3"


def page(host, address="127.0.0.1"):
    return host.run("timeout", "5", "bash", "-c", GET.format(address), check=False).stdout


def value(host, series):
    found = re.findall(rf"^{re.escape(series)}\S* (\S+)$", page(host), re.M)
    return float(found[0]) if found else None


@pytest.fixture
def exporter(pair):
    """A pair with the exporter running on host a; links are the test's."""
    pair.a.systemctl("enable", "--now", UNIT)
    return pair


def test_metrics_of_a_link_come_over_http_and_outlive_its_daemon(exporter):
    host = exporter.a
    assert value(host, "adit_links") == 0, "it starts without any, and without their folder"
    office, home = exporter.start(*exporter.links())
    # Links are asked once a second at most, so what was seen before they were there may be shown for so long.
    wait_until(lambda: value(host, 'adit_link_up{link="office"}') == 1, 10, "the link to be seen")
    assert value(host, "adit_receive_bytes_total") > 0
    pid = host.show(UNIT, "MainPID")
    host.systemctl("stop", office.unit)
    wait_until(lambda: value(host, "adit_links") == 0, 10, "the link to be gone")
    host.systemctl("start", office.unit)
    host.systemctl("restart", office.unit)
    wait_until(lambda: value(host, 'adit_link_up{link="office"}') == 1, 30, "the link to be up again")
    host.run("kill", "-9", office.pid())
    wait_until(lambda: value(host, 'adit_link_up{link="office"}') == 1, 30, "the link to be up once more")
    assert host.show(UNIT, "MainPID") == pid
    assert host.show(UNIT, "NRestarts") == "0"


def test_it_may_nothing_and_sees_neither_keys_nor_state(exporter):
    host = exporter.a
    office, _ = exporter.links()
    host.systemctl("start", office.unit)
    pid = host.show(UNIT, "MainPID")
    status = dict(line.split(":\t", 1) for line in host.run("cat", f"/proc/{pid}/status").stdout.splitlines())
    assert status["Uid"].split()[0] not in ("0", host.run("id", "-u", "adit").stdout.strip())
    assert host.run("id", "-g", "adit").stdout.strip() in status["Groups"].split()
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for place in ("/etc/adit", "/var/lib", "/run/wireguard", "/run/adit-wg", "/run/credentials"):
        seen = host.run("nsenter", "-t", pid, "-m", "ls", "-A", place, check=False)
        assert not seen.stdout, place
    assert host.exists("/var/lib/adit/office")
    assert host.run("nsenter", "-t", pid, "-m", "ls", "/run/adit").stdout.split() == ["office.sock"]
    assert host.run("nsenter", "-t", pid, "-m", "touch", "/run/adit/x", check=False).returncode != 0


def test_who_is_in_the_links_group_may_ask_and_change_nothing(exporter):
    host = exporter.a
    office, _ = exporter.links()
    host.systemctl("start", office.unit)
    as_member = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=adit")
    assert '"state"' in host.run(*as_member, "adit", "status", "office", "--json", check=False).stdout
    done = host.run(*as_member, "adit", "reload", "office", check=False)
    assert done.returncode == 1 and "only root and the link's own user" in done.stdout + done.stderr
    assert host.run(*as_member, "cat", "/etc/adit/office.yaml", check=False).returncode != 0


def test_only_this_host_can_reach_it_until_a_drop_in_says_otherwise(exporter):
    """The drop-in of docs/monitoring.md."""
    assert page(exporter.a)
    assert not page(exporter.b, "10.99.0.1")
    exporter.a.put(f"/etc/systemd/system/{UNIT}.d/listen.conf",
                   "[Service]\nExecStart=\nExecStart=/usr/bin/adit exporter --listen 10.99.0.1:9586\n"
                   "IPAddressAllow=10.99.0.2\n", 0o644)
    exporter.a.systemctl("daemon-reload")
    exporter.a.systemctl("restart", UNIT)
    assert "adit_links 0" in page(exporter.b, "10.99.0.1")


def test_a_port_that_is_taken_is_tried_again_until_it_is_free(pair):
    host = pair.a
    host.run("systemd-run", "--unit=taker", "/usr/bin/adit", "exporter")
    wait_until(lambda: page(host), 10, "the other one to listen")
    assert host.systemctl("start", UNIT, check=False).returncode != 0
    assert any("is taken" in message for message in host.messages(UNIT))
    host.systemctl("stop", "taker")
    wait_until(lambda: host.show(UNIT, "ActiveState") == "active" and page(host), 30, "it to have the port")

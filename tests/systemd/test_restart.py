# SPDX-License-Identifier: MIT
"""`systemctl reload` and `systemctl restart` on a link in use."""
import re

from lab.traffic import BackgroundPing, Stream
from lab.wait import wait_until

GOES_ON = "going on with the session of the run before"


def edit(link, change):
    """As an administrator's editor does it: the file is root's afterwards."""
    text = link.host.run("cat", link.file).stdout
    link.host.put(link.file, change(text))


def test_reload_returns_when_the_file_is_in_force(pair):
    office, home = pair.start(*pair.links())
    before = office.pid()
    edit(office, lambda text: text + "routes: [192.168.44.0/24]\n")
    pair.a.systemctl("reload", office.unit)
    assert "192.168.44.0/24" in pair.a.net.ip("route")
    assert office.pid() == before
    assert office.active() == "active"
    office.wait_until_up()


def test_reload_of_a_file_with_mistakes_fails_and_changes_nothing(pair):
    office, home = pair.start(*pair.links())
    before = pair.a.net.network_state()
    edit(office, lambda text: text + "rooutes: [192.168.44.0/24]\n")
    assert pair.a.systemctl("reload", office.unit, check=False).returncode != 0
    assert any("did you mean routes" in message for message in pair.a.messages(office.unit))
    pair.a.net.expect_network_state(before)
    assert office.active() == "active"
    assert pair.a.pings(office.peer)


def restarts_without_loss(pair, office, home, restart):
    inner = pair.b.net, office_address(office)
    background = BackgroundPing(*inner, 0.001)
    before = office.pid()
    for _ in range(3):
        background.goes_on(20)
        restart()
        wait_until(lambda: office.active() == "active", 10, "the unit")
    background.goes_on(20)
    sent, received = background.stop()
    assert sum(GOES_ON in message for message in pair.a.messages(office.unit)) == 3
    assert received == sent
    assert "DUP" not in background.log()
    return before


def office_address(office):
    """Inside the tunnel."""
    return "10.9.0.1"


def test_restart_loses_and_doubles_not_one_packet_of_a_thousand_a_second(pair):
    office, home = pair.start(*pair.links())
    state = pair.a.net.network_state()
    before = restarts_without_loss(pair, office, home, lambda: pair.a.systemctl("restart", office.unit))
    assert office.pid() != before
    pair.a.net.expect_network_state(state)


def test_a_connection_survives_restarts_of_both_ends(pair):
    office, home = pair.start(*pair.links())
    flow = Stream(pair.a.net, pair.b.net, office.peer)
    for _ in range(3):
        flow.goes_on()
        pair.a.systemctl("restart", office.unit)
        pair.b.systemctl("restart", home.unit)
    flow.goes_on()
    assert flow.stop()


def test_sigusr2_does_the_same_in_the_same_process(pair):
    office, home = pair.start(*pair.links())

    def renew():
        count = sum(GOES_ON in message for message in pair.a.messages(office.unit))
        pair.a.systemctl("kill", "--signal=USR2", office.unit)
        wait_until(lambda: sum(GOES_ON in message for message in pair.a.messages(office.unit)) > count, 10, "the successor")
    assert restarts_without_loss(pair, office, home, renew) == office.pid()


def test_a_restart_with_another_interface_runs_the_hooks_of_both(pair):
    hooks = "".join(f"  {event}: 'echo {event} of $ADIT_INTERFACE'\n" for event in ("up", "down"))
    office, home = pair.start(*pair.links(edit=lambda text: f"{text}hooks:\n{hooks}"))

    def told():
        return [text.split(": ", 1)[1] for text in pair.a.messages(office.unit) if re.match(r"hooks\.\w+: (up|down) of", text)]
    edit(office, lambda text: text.replace("interface:\n", "interface:\n  name: other\n"))
    pair.a.systemctl("restart", office.unit)
    office.wait_until_up()
    wait_until(lambda: told() == ["up of office", "down of office", "up of other"], 20, "the hooks")
    assert any(GOES_ON in message for message in pair.a.messages(office.unit))
    edit(office, lambda text: text.replace("  name: other", "  nome: other"))
    assert pair.a.systemctl("restart", office.unit, check=False).returncode != 0
    assert told()[3:] == ["down of other"], "no run follows that would go on"


def test_a_stop_while_the_hooks_of_a_restart_run_leaves_no_trace(pair):
    """It takes the restart's place, without another signal."""
    before = pair.a.net.network_state()
    hooks = "hooks:\n  down: 'touch /tmp/down-runs; while [ -e /tmp/down-runs ]; do sleep 0.1; done'\n"
    office, home = pair.start(*pair.links(edit=lambda text: f"{text}routes: [192.168.20.0/24, default]\n{hooks}"))
    edit(office, lambda text: text.replace("interface:\n", "interface:\n  name: other\n"))
    pair.a.systemctl("restart", "--no-block", office.unit)
    runs = f"/proc/{office.pid()}/root/tmp/down-runs"
    wait_until(lambda: pair.a.run("test", "-e", runs, check=False).returncode == 0, 20, "the hook")
    pair.a.systemctl("stop", "--no-block", office.unit)
    wait_until(lambda: "restart" not in pair.a.systemctl("list-jobs").stdout, 10, "the job of the stop")
    pair.a.run("rm", runs)
    wait_until(lambda: office.active() in ("inactive", "failed"), 30, "the end")
    assert office.active() == "inactive"
    pair.a.net.expect_network_state(before)
    assert pair.a.show(office.unit, "NFileDescriptorStore") == "0"


def test_after_a_restart_stop_leaves_no_trace(pair):
    before = pair.a.net.network_state()
    office, home = pair.start(*pair.links(edit=lambda text: text + "routes: [192.168.20.0/24, default]\n"))
    pair.a.systemctl("restart", office.unit)
    office.wait_until_up()
    pair.a.systemctl("stop", office.unit)
    pair.a.net.expect_network_state(before)
    assert pair.a.show(office.unit, "NFileDescriptorStore") == "0"


def test_a_crash_after_a_restart_begins_a_new_session(pair):
    office, home = pair.start(*pair.links())
    pair.a.systemctl("restart", office.unit)
    office.wait_until_up()
    before = office.pid()
    pair.a.run("kill", "-KILL", before)
    wait_until(lambda: office.pid() not in (0, before) and office.active() == "active", 30, "another process")
    office.wait_until_up()
    assert sum(GOES_ON in message for message in pair.a.messages(office.unit)) == 1, "by the restart alone"

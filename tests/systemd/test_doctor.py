# SPDX-License-Identifier: MIT
"""`adit doctor` on hosts that systemd runs: no false alarm about a link that is as the manual says, and the unit's
failures named. All other checks are tested in tests/netns."""
import json

from lab.wait import wait_until


def examine(link, *prefix):
    """Its exit status, and its checks by id."""
    done = link.host.run(*prefix, "adit", "doctor", link.name, "--json", check=False)
    return done.returncode, {check["id"]: check for check in json.loads(done.stdout)["checks"]}


def alarms(checks):
    return {name: check for name, check in checks.items() if check["verdict"] in ("problem", "warning")}


def test_a_healthy_link_gives_neither_problem_nor_warning(pair):
    for link in pair.start(*pair.links()):
        status, checks = examine(link)
        assert alarms(checks) == {}
        assert status == 0
        for check in ("unit", "daemon", "capability", "permissions", "state_directory", "path_mtu"):
            assert checks[check]["verdict"] == "ok", checks[check]


def test_a_link_that_was_never_started(pair):
    link, _ = pair.links()
    status, checks = examine(link)
    assert status == 1
    assert set(alarms(checks)) == {"daemon", "unit"}
    assert checks["unit"]["mend"] == "systemctl enable --now adit@office"
    assert checks["capability"]["verdict"] == "ok", "the unit would give it"


def test_a_file_that_an_editor_wrote_anew_as_root(pair):
    link, _ = pair.start(*pair.links())
    pair.a.run("chown", "root:root", link.file)
    assert set(alarms(examine(link)[1])) == {"permissions"}
    pair.a.systemctl("reload", link.unit)
    assert alarms(examine(link)[1]) == {}


def test_a_unit_that_was_refused_its_file(pair):
    link, _ = pair.links(edit=lambda text: text.replace("  listen:", "  listenn:"))
    pair.a.systemctl("start", link.unit, check=False)
    wait_until(lambda: link.active() == "failed", 20, "the unit to have failed")
    status, checks = examine(link)
    assert status == 78
    assert "listenn" in "".join(checks["config"]["evidence"])
    assert "the file was not valid" in checks["unit"]["title"]

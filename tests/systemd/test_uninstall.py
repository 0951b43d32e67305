# SPDX-License-Identifier: MIT
"""What `cmake --install` has put on a host goes by one command, scripts/uninstall, and leaves nothing."""
import yaml

from rig import image

SEARCH = "find /etc /usr /var/lib /run -xdev -name '*adit*' -not -name '*audit*' 2>/dev/null || true"


def blocked_by_nobody(host):
    """What a full tunnel leaves that is to block always, and whose file is gone."""
    text = host.run("cat", "/etc/adit/office.yaml").stdout
    config = yaml.safe_load(text)
    config["interface"] = {"name": "gone", "addresses": ["10.99.0.1/30"], "kill_switch": "always"}
    config["local"].pop("listen", None)
    config["peer"]["endpoint"] = "192.0.2.1:51820"
    config["routes"] = ["default"]
    host.put("/etc/adit/gone.yaml", yaml.safe_dump(config), 0o600)
    host.run("chown", "adit:", "/etc/adit/gone.yaml")
    host.systemctl("start", "adit@gone")
    host.systemctl("stop", "adit@gone")
    host.run("rm", "/etc/adit/gone.yaml")
    assert "unreachable" in host.net.ip("route", "show", "table", "all")


def test_one_command_takes_all_of_it_away(pair):
    a, b = pair.a, pair.b
    office, _ = pair.start(*pair.links())
    blocked_by_nobody(a)
    for name in ("adit.office.key", "adit.office.psk"):
        a.put(f"/etc/credstore/{name}", "a key\n")
        a.put(f"/etc/credstore.encrypted/{name}", "a key\n")
    a.put("/root/uninstall", (image.ROOT / "scripts/uninstall").read_text(encoding="utf-8"), 0o755)
    a.put("/root/manifest", (image.BUILD / "install_manifest.txt").read_text(encoding="utf-8"))
    assert "Adit is gone" in a.run("/root/uninstall", "/root/manifest").stdout
    left = [path for path in a.run("sh", "-c", SEARCH).stdout.split() if not path.startswith("/run/systemd/")]
    assert left == []
    assert a.run("getent", "passwd", "adit", check=False).returncode != 0
    assert "office" not in a.net.ip("-brief", "link")
    assert "unreachable" not in a.net.ip("route", "show", "table", "all"), "nothing blocks any more"
    assert a.show(office.unit, "LoadState") == "not-found"
    assert b.exists("/usr/sbin/aditd"), "and nothing elsewhere"

# SPDX-License-Identifier: MIT
"""What `cmake --install` has put on a host goes by one command, scripts/uninstall, and leaves nothing."""
from rig import image

SEARCH = "find /etc /usr /var/lib /run -xdev -name '*adit*' -not -name '*audit*' 2>/dev/null || true"


def test_one_command_takes_all_of_it_away(pair):
    a, b = pair.a, pair.b
    office, _ = pair.start(*pair.links())
    a.put("/root/uninstall", (image.ROOT / "scripts/uninstall").read_text(encoding="utf-8"), 0o755)
    a.put("/root/manifest", (image.BUILD / "install_manifest.txt").read_text(encoding="utf-8"))
    assert "Adit is gone" in a.run("/root/uninstall", "/root/manifest").stdout
    left = [path for path in a.run("sh", "-c", SEARCH).stdout.split() if not path.startswith("/run/systemd/")]
    assert left == []
    assert a.run("getent", "passwd", "adit", check=False).returncode != 0
    assert "office" not in a.net.ip("-brief", "link")
    assert a.show(office.unit, "LoadState") == "not-found"
    assert b.exists("/usr/sbin/aditd"), "and nothing elsewhere"

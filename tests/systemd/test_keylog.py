# SPDX-License-Identifier: MIT
"""The drop-in of docs/keylog.md, within the unit's sandbox. What is in the file, tests/netns/test_keylog.py shows."""
KEYS = "/var/lib/adit/office.keys"


def test_the_service_can_log_keys_where_the_manual_says(pair):
    office, home = pair.links()
    pair.a.put(f"/run/systemd/system/{office.unit}.d/override.conf",
               f"[Service]\nExecStart=\nExecStart=/usr/sbin/aditd --keylog {KEYS} {office.file}\n", 0o644)
    pair.a.systemctl("daemon-reload")
    pair.start(office, home)
    assert pair.a.run("stat", "-c", "%U %a", KEYS).stdout.strip() == "adit 600"
    assert "LOCAL_EPHEMERAL_PRIVATE_KEY=" in pair.a.run("cat", KEYS).stdout
    assert any(message.startswith("KEY LOG: ") for message in pair.a.messages(office.unit))
    pair.a.systemctl("revert", office.unit)
    pair.a.systemctl("restart", office.unit)
    office.wait_until_up()
    assert "--keylog" not in pair.a.run("cat", f"/proc/{office.pid()}/cmdline").stdout

# SPDX-License-Identifier: MIT
"""The Debian packages on hosts that systemd runs: installed, upgraded under links that carry packets, removed, purged. They
are those that scripts/package has left in build/packages for the release that the hosts run.
"""
import re
import subprocess

import pytest

from lab.traffic import BackgroundPing
from lab.wait import wait_until
from rig import image
from rig.packages import depends_of, field, packages
from rig.pair import ADDRESS, Link, Pair

LEFT = "find /etc /usr /var/lib /run -xdev \\( -name '*adit*' -not -name '*audit*' \\) -not -path '/var/lib/dpkg/*' 2>/dev/null"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The packages, and the daemon's with a later version."""
    found = packages()
    if not found:
        pytest.skip("there are no packages: scripts/package makes them")
    later = tmp_path_factory.mktemp("later")
    subprocess.run(["dpkg-deb", "-R", found["adit"], later / "tree"], check=True)
    control = later / "tree/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*", r"Version: 99.0-1", control.read_text(), flags=re.M))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", later / "tree", later / "adit.deb"], check=True, capture_output=True)
    return found | {"later": later / "adit.deb"}


@pytest.fixture
def hosts(tmp_path, files):
    """Two hosts that have what the packages depend on, and the packages' files, and nothing of Adit."""
    layer = tmp_path / "layer"
    (layer / "root").mkdir(parents=True)
    for name, file in files.items():
        (layer / "root" / f"{name}.deb").write_bytes(file.read_bytes())
    pair = Pair(tmp_path, [image.debian_with("package", depends_of(files["adit"])), layer])
    try:
        yield pair.boot(installed=False)
    finally:
        pair.close()


def install(host, *names):
    return host.run("dpkg", "--install", *(f"/root/{name}.deb" for name in names), timeout=120)


def test_a_link_through_install_upgrade_removal_and_purge(hosts, files):
    for host in hosts.hosts:
        install(host, "adit")
    a, b = hosts.a, hosts.b
    assert a.run("stat", "-c", "%U:%G %a", "/etc/adit").stdout.strip() == "root:adit 750"
    assert a.run("stat", "-c", "%U:%G %a", "/usr/sbin/aditd").stdout.strip() == "root:root 711"
    a.run("adit", "pair", f"office={ADDRESS['a']}", f"home={ADDRESS['b']}", "--tunnel", "10.9.0.0/30", "-o", "/root")
    for host, name in ((a, "office"), (b, "home")):
        host.put(f"/etc/adit/{name}.yaml", a.run("cat", f"/root/{name}.yaml").stdout)
        host.systemctl("enable", "--now", f"adit@{name}")
    office, home = Link(a, "office", "10.9.0.2"), Link(b, "home", "10.9.0.1")
    for link in (office, home):
        link.wait_until_up()

    # An upgrade under traffic: another process, and not one packet lost.
    before = office.pid()
    background = BackgroundPing(b.net, "10.9.0.1", 0.01)
    background.goes_on(20)
    install(a, "later")
    wait_until(lambda: office.active() == "active" and office.pid() not in (0, before), 20, "the new program")
    background.goes_on(20)
    sent, received = background.stop()
    assert received == sent
    assert field(files["later"], "Version") in a.run("dpkg-query", "-W", "adit").stdout

    # Removed: nothing runs, and the files of the administrator stay.
    a.run("dpkg", "--remove", "adit", timeout=120)
    assert office.active() in ("inactive", "failed")
    assert "office" not in a.net.ip("-brief", "link")
    assert a.exists("/etc/adit/office.yaml")
    install(a, "adit")
    wait_until(lambda: a.exists("/etc/adit/office.yaml"), 5, "the file")
    a.systemctl("start", office.unit)
    office.wait_until_up()

    # Purged: nothing is left, nor a key where the unit looks for it.
    a.put("/etc/credstore/adit.office.key", "a key\n")
    a.put("/etc/credstore.encrypted/adit.office.psk", "a key\n")
    a.run("dpkg", "--purge", "adit", timeout=120)
    left = [path for path in a.run("sh", "-c", LEFT, check=False).stdout.split() if not path.startswith("/run/systemd/")]
    assert left == []
    assert a.run("getent", "passwd", "adit", check=False).returncode != 0


def test_the_exporter_is_a_package_of_its_own(hosts):
    a = hosts.a
    install(a, "adit")
    assert not a.exists("/usr/lib/systemd/system/adit-exporter.service")
    install(a, "adit-exporter")
    wait_until(lambda: a.show("adit-exporter", "ActiveState") == "active", 20, "the exporter")
    a.run("dpkg", "--purge", "adit-exporter", timeout=120)
    assert a.show("adit-exporter", "LoadState") == "not-found"
    assert a.run("adit", "--version").stdout.startswith("adit ")

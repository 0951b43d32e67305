# SPDX-License-Identifier: MIT
"""The unit in everyday use: enable, status line, stop, a wrong file, several links on one host."""
import shutil
import socket

from lab.wait import wait_until

CAP_NET_ADMIN = 1 << 12


def test_enable_now_at_both_ends_brings_the_link_up(pair):
    pair.start(*pair.links())


def test_the_daemon_is_not_root_and_has_one_capability(pair):
    office, home = pair.start(*pair.links())
    status = dict(line.split(":\t", 1) for line in pair.a.run("cat", f"/proc/{office.pid()}/status").stdout.splitlines())
    user = pair.a.run("id", "-u", "adit").stdout.strip()
    assert user != "0"
    assert status["Uid"].split() == [user] * 4
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == CAP_NET_ADMIN, kind
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    # And what the daemon forbids itself besides is not in the way of what the unit does.
    assert not [said for said in pair.a.messages(office.unit) if "not forbidden" in said or "not confined" in said]


def test_it_is_ready_without_its_peer_and_the_status_line_says_what_it_is_doing(pair):
    office, home = pair.links()
    pair.a.systemctl("start", office.unit)
    assert office.active() == "active"
    assert "10.9.0.1" in pair.a.net.ip("addr", "show", "dev", "office"), "all is set up when start returns"
    wait_until(lambda: office.status().startswith("connecting: "), 10, "connecting")
    pair.b.systemctl("start", home.unit)
    office.wait_until_up()
    home.wait_until_up()
    pair.b.systemctl("stop", home.unit)
    assert pair.b.show(home.unit, "Result") == "success"


def test_stop_leaves_no_trace(pair):
    edit = "routes: [192.168.20.0/24, default]\n"
    before = pair.a.net.network_state()
    links = pair.links(edit=lambda text: text + edit)
    pair.a.systemctl("start", links[0].unit)
    pair.b.systemctl("start", links[1].unit)
    links[0].wait_until_up()
    assert pair.a.net.network_state() != before
    assert ":51820" in pair.a.run("ss", "-uln").stdout
    assert pair.a.exists("/run/adit/office.sock")
    pair.a.systemctl("stop", links[0].unit)
    pair.a.net.expect_network_state(before)
    assert ":51820" not in pair.a.run("ss", "-uln").stdout
    assert not pair.a.exists("/run/adit/office.sock")
    assert pair.a.exists("/var/lib/adit/office/timestamp"), "but what must outlive it stays"
    assert pair.a.show(links[0].unit, "Result") == "success"


def test_a_wrong_file_is_refused_once_with_every_problem_in_the_journal(pair):
    office, _ = pair.links(edit=lambda text: text.replace("  listen:", "  listenn:") + "rooutes: []\n")
    assert pair.a.systemctl("start", office.unit, check=False).returncode != 0
    assert pair.a.show(office.unit, "ExecMainStatus") == "78"
    assert office.active() == "failed"
    assert office.restarts() == 0
    messages = pair.a.messages(office.unit)
    for problem in ("local.listenn: unknown key; did you mean listen?", "rooutes: unknown key; did you mean routes?"):
        assert any(problem in message and message.startswith(f"{office.file}:") for message in messages), messages


def test_a_missing_file_is_refused_with_a_sentence(pair):
    assert pair.a.systemctl("start", "adit@nowhere", check=False).returncode != 0
    assert pair.a.show("adit@nowhere", "ExecMainStatus") == "78"
    assert any("/etc/adit/nowhere.yaml" in message for message in pair.a.messages("adit@nowhere"))


def test_what_cannot_be_had_now_is_tried_again_until_it_can(pair):
    """Somebody else has the port, and lets go of it."""
    office, home = pair.links()
    with pair.a.net.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 51820))
        assert pair.a.systemctl("start", office.unit, check=False).returncode != 0
        wait_until(lambda: office.restarts() >= 2, 30, "further attempts")
    wait_until(lambda: office.active() == "active", 30, "the attempt that succeeds")


def test_an_address_to_listen_at_may_come_later(pair):
    """As it does at many a boot. The link is there meanwhile, and says what it waits for."""
    office, home = pair.links(edit=lambda text: text.replace("listen: 51820", 'listen: "10.99.1.1:51820"'))
    pair.a.systemctl("start", office.unit)
    assert office.active() == "active" and office.restarts() == 0
    assert "10.99.1.1" in pair.a.run("adit", "status", "office", check=False).stdout
    pair.a.net.ip("addr", "add", "10.99.1.1/24", "dev", "eth0")
    wait_until(lambda: "10.99.1.1:51820" in pair.a.run("ss", "-uln").stdout, 30, "the socket")
    assert office.restarts() == 0


def test_an_edited_file_is_applied_from_within_the_sandbox(pair):
    office, home = pair.start(*pair.links())
    before, text = office.pid(), pair.a.run("cat", office.file).stdout
    pair.a.put(office.file, text + "rooutes: []\n")
    refused = pair.a.run("adit", "reload", "office", check=False)
    assert refused.returncode == 78
    assert "rooutes: unknown key" in refused.stderr
    pair.a.put(office.file, text.replace("listen: 51820", "listen: 51840") + "routes: [192.168.20.0/24, default]\n")
    pair.a.run("adit", "reload", "office")
    assert "192.168.20.0/24 dev office" in pair.a.net.ip("route")
    assert ":51840" in pair.a.run("ss", "-uln").stdout
    assert office.pid() == before
    office.wait_until_up()


def test_a_port_below_1024_takes_one_capability_more(pair):
    office, home = pair.links(port=443)
    pair.b.systemctl("start", home.unit, check=False)
    assert any("CAP_NET_BIND_SERVICE" in message for message in pair.b.messages(home.unit))
    for host in pair.hosts:
        host.put("/etc/systemd/system/adit@.service.d/port.conf",
                 "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n", 0o644)
        host.systemctl("daemon-reload")
    pair.start(office, home)


def test_links_on_one_host_do_not_take_each_others_files_away(pair):
    first = pair.links("office", "home")
    second = pair.links("depot", "yard", tunnel="10.8.0.0/30", port=51830)
    pair.start(*first, *second)
    pair.a.systemctl("stop", first[0].unit)
    assert not pair.a.exists("/run/adit/office.sock")
    assert pair.a.exists("/run/adit/depot.sock")
    assert pair.a.exists("/var/lib/adit/office/timestamp")
    assert pair.a.run("adit", "status", "depot").returncode == 0
    second[0].wait_until_up()
    pair.a.systemctl("start", first[0].unit)
    first[0].wait_until_up()
    pair.a.systemctl("restart", second[0].unit)
    assert pair.a.run("adit", "status", "office").returncode == 0
    for link in (first[0], second[0]):
        link.wait_until_up()


def test_the_target_starts_and_stops_all_links(pair):
    links = [pair.links("office", "home")[0], pair.links("depot", "yard", tunnel="10.8.0.0/30", port=51830)[0]]
    for link in links:
        pair.a.systemctl("enable", "--now", link.unit)
    pair.a.systemctl("stop", "adit.target")
    wait_until(lambda: [link.active() for link in links] == ["inactive"] * 2, 30, "all links to end")
    pair.a.systemctl("start", "adit.target")
    assert [link.active() for link in links] == ["active"] * 2
    pair.a.systemctl("stop", "adit.target")
    wait_until(lambda: [link.active() for link in links] == ["inactive"] * 2, 30, "all links to end")


def test_a_link_sees_little_of_its_host(pair):
    office, _ = pair.links()
    pair.a.systemctl("start", office.unit)

    def inside(*command):
        """As root, which may more than the daemon, among the daemon's mounts."""
        return pair.a.run("nsenter", "-t", office.pid(), "-m", *command, check=False)
    for place in ("/etc/adit", "/usr/sbin", "/var/lib", "/proc/sys/net/ipv4/conf/all", "/sys/fs/cgroup"):
        refused = inside("touch", f"{place}/forwarding" if "ipv4" in place else f"{place}/x")
        assert "Read-only file system" in refused.stderr, place
    assert inside("touch", "/var/lib/adit/x").returncode == 0
    assert inside("ls", "/dev/net").stdout.split() == ["tun"]
    assert not inside("ls", "/root").stdout


def test_nobody_else_can_read_the_files_and_links_cannot_write_them(pair):
    office, home = pair.links()
    pair.a.run("chown", "nobody", office.file)  # as `mv` from somebody's home leaves it
    pair.a.systemctl("start", office.unit)
    assert pair.a.run("stat", "-c", "%U:%G %a", office.file).stdout.strip() == "adit:adit 600"
    assert pair.a.run("stat", "-c", "%U:%G %a", "/etc/adit").stdout.strip() == "root:adit 750"
    checked = pair.a.run("adit", "check", office.file, check=False)
    assert checked.returncode == 0, checked.stderr


def owner(host, path):
    return host.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def test_wg_finds_the_links_in_a_folder_that_stays_roots(pair):
    """Beside the socket of somebody else's, which is root's."""
    office, _ = pair.links()
    lab, _ = pair.links("lab", "field", tunnel="10.9.1.0/30", port=51821)
    host, root = pair.a, f"/proc/{pair.a.leader()}/root"
    shutil.copy(shutil.which("wg"), f"{root}/root/wg")
    host.run("mkdir", "-p", "/run/wireguard")
    with socket.socket(socket.AF_UNIX) as left:  # as the unit of an earlier version has left it
        left.bind(f"{root}/run/wireguard/lab.sock")
    host.run("chown", "adit:adit", "/run/wireguard", "/run/wireguard/lab.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{root}/run/wireguard/other.sock")
        other.listen()

        def expect(*names):
            assert sorted(host.run("/root/wg", "show", "interfaces").stdout.split()) == sorted((*names, "other"))
            assert sorted(host.run("ls", "/run/wireguard").stdout.split()) == sorted(f"{name}.sock" for name in (*names, "other"))
            assert owner(host, "/run/wireguard") == "root:root 755"
            assert owner(host, "/run/wireguard/other.sock").startswith("root:root ")
            for name in names:
                assert owner(host, f"/run/adit-wg/{name}.sock") == "adit:adit 600"
                assert "listening port" in host.run("/root/wg", "show", name).stdout
        host.systemctl("start", office.unit, lab.unit)
        expect("office", "lab")
        host.systemctl("restart", office.unit)
        expect("office", "lab")
        host.systemctl("stop", office.unit)
        expect("lab")
        host.run("kill", "-9", lab.pid())
        wait_until(lambda: lab.restarts() == 1 and lab.active() == "active", 30, "lab to be back")
        expect("lab")


def test_wg_finds_a_link_by_its_new_name_and_none_by_the_name_of_another(pair):
    office, _ = pair.links()
    host = pair.a
    shutil.copy(shutil.which("wg"), f"/proc/{host.leader()}/root/root/wg")
    host.systemctl("start", office.unit)
    text = host.run("cat", office.file).stdout.replace("interface:\n", "interface:\n  name: renamed\n")
    host.put(office.file, text)
    host.systemctl("reload", office.unit)
    assert host.run("/root/wg", "show", "interfaces").stdout.split() == ["renamed"]
    assert host.run("ls", "/run/wireguard").stdout.split() == ["renamed.sock"]
    host.run("cp", "-a", "/run/adit-wg/renamed.sock", "/run/adit-wg/eth0.sock")
    host.run("ln", "-s", "/run/adit/office.sock", "/run/adit-wg/else.sock")
    host.systemctl("reload", office.unit)
    assert host.run("ls", "/run/wireguard").stdout.split() == ["renamed.sock"]


def test_wg_finds_a_link_that_somebody_renamed_once_the_unit_is_reloaded(pair):
    office, _ = pair.links()
    host = pair.a
    shutil.copy(shutil.which("wg"), f"/proc/{host.leader()}/root/root/wg")
    host.systemctl("start", office.unit)
    host.run("ip", "link", "set", "office", "name", "other0")
    wait_until(lambda: host.exists("/run/adit-wg/other0.sock"), 10, "the daemon to follow")
    host.systemctl("reload", office.unit)
    assert host.run("/root/wg", "show", "interfaces").stdout.split() == ["other0"]
    assert host.run("ls", "/run/wireguard").stdout.split() == ["other0.sock"]


def test_the_host_forwards_while_the_link_runs(pair):
    """And where the unit may not change that, it says what to write, and the link works."""
    addresses = lambda text: text.replace("addresses: [", 'addresses: ["fd09::%d/126", ' % (1 if "for office" in text else 2), 1)
    office, home = pair.links(edit=lambda text: addresses(text).replace("interface:\n", "interface:\n  forward: true\n", 1))
    values = lambda: pair.a.run("sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding").stdout.split()
    pair.a.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
    pair.start(office, home)
    wait_until(lambda: values() == ["1", "1"], 20, "forwarding to be on")
    pair.a.systemctl("stop", office.unit)
    assert values() == ["0", "0"]
    pair.a.run("mkdir", "-p", f"/etc/systemd/system/{office.unit}.d")
    pair.a.put(f"/etc/systemd/system/{office.unit}.d/closed.conf", "[Service]\nReadWritePaths=\n")
    pair.a.systemctl("daemon-reload")
    pair.a.systemctl("start", office.unit)
    office.wait_until_up()
    for line in ("net.ipv4.ip_forward = 1", "net.ipv6.conf.all.forwarding = 1"):
        said = [message for message in pair.a.messages(office.unit) if line in message]
        assert len(said) == 1 and "/etc/sysctl.d/90-adit.conf" in said[0]
    assert values() == ["0", "0"]

# SPDX-License-Identifier: MIT
"""Two hosts on one wire, with Adit installed, and the file for each that `adit pair` writes.

    a: 10.99.0.1 ─── eth0 ───── eth0 ─── b: 10.99.0.2
       link office                          link home
"""
import pathlib
import subprocess

from lab.wait import wait_until

from .host import Host
from .image import BUILD

ADDRESS = {"a": "10.99.0.1", "b": "10.99.0.2"}


class Link:
    """One instance of the unit on its host."""

    def __init__(self, host, name, peer):
        self.host, self.name = host, name
        self.unit = f"adit@{name}.service"
        self.file = f"/etc/adit/{name}.yaml"
        self.peer = peer  # its address inside the tunnel

    def pid(self):
        return int(self.host.show(self.unit, "MainPID"))

    def status(self):
        """The unit's status line."""
        return self.host.show(self.unit, "StatusText")

    def active(self):
        return self.host.show(self.unit, "ActiveState")

    def restarts(self):
        return int(self.host.show(self.unit, "NRestarts"))

    def wait_until_up(self):
        """Up in the words of its own status line, and a packet went there and back."""
        wait_until(lambda: self.status() == "up" and self.host.pings(self.peer), 60, f"{self.name} to be up")


class Pair:
    def __init__(self, directory, layers):
        self.directory = directory
        self.hosts = []
        for label in ("a", "b"):
            self.hosts.append(Host(label, directory, layers))
        self.a, self.b = self.hosts
        self.a.net.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.b.net.name)
        for host in self.hosts:
            host.net.ip("addr", "add", f"{ADDRESS[host.label]}/24", "dev", "eth0")
            host.net.ip("link", "set", "eth0", "up")

    def boot(self, installed=True):
        """`installed`: the layers have Adit on them, put there from outside."""
        for host in self.hosts:
            host.boot()
        for host in self.hosts:
            host.wait_until_booted()
            if installed:
                host.run("/usr/libexec/adit/after-install")
        return self

    @staticmethod
    def let_in(client, server, name):
        """Root on `client` may log in on `server`, whose sshd runs then, as root by a key, and knows it as `name`."""
        client.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
        server.run("mkdir", "-p", "/root/.ssh")
        server.put("/root/.ssh/authorized_keys", client.run("cat", "/root/.ssh/id_ed25519.pub").stdout)
        server.run("ssh-keygen", "-A")
        server.systemctl("start", "ssh")
        key = server.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()
        client.put("/root/.ssh/known_hosts", f"{name} {key[0]} {key[1]}\n")

    def close(self):
        for host in self.hosts:
            host.close()

    def links(self, a="office", b="home", *, tunnel="10.9.0.0/30", port=51820, edit=lambda text: text):
        """Writes both files as the README says and copies them; `edit` changes the text of both. Nothing is started."""
        folder = self.directory / f"{a}-{b}"
        folder.mkdir()
        subprocess.run([BUILD / "bin/adit", "pair", f"{a}={ADDRESS['a']}:{port}", f"{b}={ADDRESS['b']}:{port}", "--tunnel",
                        tunnel, "-o", folder], check=True, capture_output=True)
        first, second = (f"{tunnel.rsplit('.', 1)[0]}.{number}" for number in (1, 2))
        made = Link(self.a, a, second), Link(self.b, b, first)
        for link in made:
            link.host.put(link.file, edit(pathlib.Path(folder, f"{link.name}.yaml").read_text(encoding="utf-8")))
        return made

    def start(self, *links):
        for link in links:
            link.host.systemctl("enable", "--now", link.unit)
        for link in links:
            link.wait_until_up()
        return links

# SPDX-License-Identifier: MIT
"""OpenVPN 2.6 or later, between two ends, with the same cipher as WireGuard's and in user space (no kernel module).
"""
import re
import shutil
import subprocess

from ..wire import MTU
from . import Peer


class Openvpn(Peer):
    name = "openvpn"
    program = "openvpn"
    package = "openvpn"

    def missing(self):
        if lacking := super().missing():
            return lacking
        if not shutil.which("openssl"):
            return "openvpn is left out: its certificates take openssl; 'apt-get install openssl' brings it"
        return None

    def version(self):
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=10)
        return " ".join(done.stdout.split()[:2])

    @staticmethod
    def _certificate(end):
        """Makes one that nobody signed: each end knows the other's fingerprint, which is returned."""
        key, certificate = (str(end.directory / f"{end.label}.{suffix}") for suffix in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                        "-days", "2", "-subj", f"/CN={end.label}", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=20)
        done = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"], check=True,
                              capture_output=True, text=True, timeout=20)
        return re.search("=([0-9A-F:]+)", done.stdout)[1]

    def prepare(self, a, b):
        fingerprints = {end.label: self._certificate(end) for end in (a, b)}
        for end, other, role in ((a, b, "tls-client"), (b, a, "tls-server\ndh none")):
            self._file(end).write_text(f"""\
                dev {end.device}
                dev-type tun
                topology p2p
                disable-dco
                proto udp4
                local {end.address}
                lport {end.port}
                remote {end.peer_address} {end.port}
                ifconfig {end.inner4} {end.peer_inner4}
                ifconfig-ipv6 {end.inner6}/{end.INNER6_PREFIX} {end.peer_inner6}
                tun-mtu {MTU}
                mssfix 0
                {role}
                key {end.directory / end.label}.key
                cert {end.directory / end.label}.crt
                peer-fingerprint {fingerprints[other.label]}
                data-ciphers CHACHA20-POLY1305
                keepalive 10 60
                """)

    @staticmethod
    def _file(end):
        return end.directory / f"{end.label}.conf"

    def start(self, a, b):
        for end in (b, a):
            self.processes.append(end.host.popen(self.program, "--config", self._file(end), name=self.name))
        return tuple(process.pid for process in reversed(self.processes))

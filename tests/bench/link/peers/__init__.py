# SPDX-License-Identifier: MIT
"""The competitors, one file each. A new one derives from Peer, stands in BY_NAME, and is measured with --with NAME."""
import importlib
import shutil

BY_NAME = {"adit": "Adit", "wireguard-go": "WireguardGo", "openvpn": "Openvpn", "fastd": "Fastd", "adit-tap": "AditTap",
           "adit-gretap": "AditGretap"}


class Peer:
    """A program that makes an encrypted link of two ends. One object is one link; it may be started again and again."""
    name = None
    program = None  # to be found in PATH
    package = None  # Debian's, that has it

    def __init__(self):
        self.processes = []

    def missing(self):
        """What has to be done before it can be measured, as a sentence; None when nothing has."""
        if shutil.which(self.program):
            return None
        return (f"{self.name} is left out: there is no program {self.program}; 'apt-get install {self.package}' "
                "brings it")

    def version(self):
        """One line."""
        raise NotImplementedError

    def prepare(self, a, b):
        """Everything that needs to be done once: keys, files. Not part of the time that starting takes."""

    def start(self, a, b):
        """Starts both ends, an interface `end.device` with the inner addresses and MTU each, and returns the daemons'
        process ids as (a, b). Traffic may need some time still until it flows."""
        raise NotImplementedError

    def stop(self):
        for process in self.processes:
            process.close()
        self.processes = []

    def log(self):
        """What the daemons have said since they were started."""
        return "".join(process.log()[-4000:] for process in self.processes)


def make(name):
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return getattr(module, BY_NAME[name])()

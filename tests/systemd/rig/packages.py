# SPDX-License-Identifier: MIT
"""The Debian packages that scripts/package has left in build/packages for the release that the hosts run."""
import re
import subprocess

from . import image

FOLDER = image.ROOT / "build" / "packages"


def packages():
    """{name: file} of the newest build for this machine and the hosts' release; empty unless all are there."""
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    found = sorted((FOLDER / f"{image.SUITE}-{arch}").glob("*.deb"))
    files = {file.name.split("_")[0]: file for file in found if "dbgsym" not in file.name}
    return files if set(files) == {"adit", "adit-exporter"} else {}


def field(file, name):
    return subprocess.run(["dpkg-deb", "-f", file, name], capture_output=True, text=True, check=True).stdout.strip()


def depends_of(file):
    """The names of the packages it depends on."""
    return re.findall(r"(?:^|, )([a-z0-9.+-]+)", field(file, "Depends"))

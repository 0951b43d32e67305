# SPDX-License-Identifier: MIT
"""scripts/install-packages on a system that is no Debian says what it takes there, by that system's names."""
import os
import shutil
import subprocess

import pytest

from shells import ROOT

SYSTEMS = {
    "fedora": ('ID=fedora\nPRETTY_NAME="Fedora Linux 43"\n', "dnf install", "libsodium-devel"),
    "rocky": ('ID=rocky\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9"\n', "dnf install", "yaml-cpp-devel"),
    "arch": ('ID=arch\nPRETTY_NAME="Arch Linux"\n', "pacman -S", "nlohmann-json"),
    "suse": ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\nPRETTY_NAME="openSUSE Leap 15.6"\n', "zypper install", "libnl3-devel"),
    "other": ('ID=nixos\nPRETTY_NAME="NixOS 25.05"\n', None, None),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_another_distribution_is_told_the_packages_by_its_names(system, tmp_path):
    described, command, package = SYSTEMS[system]
    (tmp_path / "os-release").write_text(described)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "dirname", "env", "sort"):
        (tools / tool).symlink_to(shutil.which(tool))
    done = subprocess.run([shutil.which("bash"), ROOT / "scripts/install-packages", "build"], capture_output=True, text=True,
                          env={**os.environ, "PATH": str(tools), "ADIT_OS_RELEASE": str(tmp_path / "os-release")})
    assert done.returncode == 1 and done.stdout == ""
    assert described.split("PRETTY_NAME=")[1].strip().strip('"') in done.stderr
    assert "--list build" in done.stderr and "cmake --preset release" in done.stderr
    lines = [line for line in done.stderr.splitlines() if command and line.strip().startswith(command)]
    assert len(lines) == (1 if command else 0)
    assert all(package in line and "  " not in line.strip() for line in lines)

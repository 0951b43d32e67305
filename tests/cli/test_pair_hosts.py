# SPDX-License-Identifier: MIT
"""What `adit pair --install` takes back, and what `adit unpair` takes away, on hosts that are a folder each: `ssh` runs the
commands for a host in earnest, with its folder's paths in place of the real ones and programs that only note what they do.
"""
import os
import pathlib
import socket
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADIT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build/dev")) / "bin/adit"
PROGRAMS = {
    # ssh -T -- TARGET SCRIPT, which is encoded for whatever shell is there. A file `lost` in the folder: the first script that has its words loses its connection.
    "ssh": r"""
export HOST="$HOSTS/$3"
said=$(printf '%s\n' "$4" | sed 's/.*(echo \([^ ]*\) |.*/\1/' | base64 -d)
script=$(printf '%s\n' "$said" | sed "s#/etc/adit#$HOST/etc/adit#g; s#/etc/credstore#$HOST/etc/credstore#g
  s#/var/lib/adit#$HOST/var/lib/adit#g
  s#/run/#$HOST/run/#g; s#/sys/class/net#$HOST/net#g; s#-c /dev/net/tun#-d /dev#g")
if [ -e "$HOST/lost" ]; then
  case "$said" in *"$(cat "$HOST/lost")"*) rm "$HOST/lost"; sh -c "$script" >/dev/null; exit 255 ;; esac
fi
exec sh -c "$script"
""",
    "id": "echo 0",
    "aditd": '[ "$(cat "$HOST/package")" = installed ] && echo "aditd 1"',
    "dpkg-query": '[ -s "$HOST/package" ] && cat "$HOST/package"',
    "apt-get": r"""
case "$*" in
  *install*) mkdir -p "$HOST/etc/adit" "$HOST/var/lib/adit"; echo installed >"$HOST/package"; [ ! -e "$HOST/broken" ] ;;
  *remove*) echo config-files >"$HOST/package" ;;
  *purge*) echo not-installed >"$HOST/package"; rm -rf "$HOST/etc/adit" "$HOST/var/lib/adit" ;;
esac
""",
    # A folder's `unit` is what `is-active` says of it, after a stop as well if there is a file `stuck`.
    "systemctl": r"""
case "$1" in
  enable) [ ! -e "$HOST/refuses" ] && echo active >"$HOST/unit" ;;
  disable) [ -e "$HOST/stuck" ] || { echo inactive >"$HOST/unit"; rm -f "$HOST/answer"; } ;;
  is-active) cat "$HOST/unit" ;;
esac
""",
    "adit": r"""
case "$1" in
  status) [ -s "$HOST/answer" ] && cat "$HOST/answer" || exit 4 ;;
esac
""",
    "cat": '[ -e "$HOST/full" ] && [ $# = 0 ] && { head -c 100; echo "cat: No space left on device" >&2; exit 1; }\n'
           'exec /bin/cat "$@"',
}


@pytest.fixture
def host(tmp_path):
    """A host that has systemd and nothing of Adit."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    host = tmp_path / "hosts/one"
    for folder in ("run/systemd/system", "run/adit", "etc", "var/lib", "net"):
        (host / folder).mkdir(parents=True)
    (host / "unit").write_text("inactive\n")
    (host / "package").write_text("")
    (tmp_path / "adit.deb").write_text("a package")
    return host


def adit(host, *words):
    programs, hosts = host.parents[1] / "bin", host.parent
    return subprocess.run([ADIT, *words], cwd=host.parents[1], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOSTS": str(hosts)})


def pair(host, *words):
    """The end `office` is put on the host, and the other one on `nowhere`, which never gets its turn."""
    done = adit(host, "pair", "office=10.99.0.1", "home=10.99.0.2", "--install", "office=one", "--install", "home=one",
                *words)
    assert done.returncode == 1
    return done.stderr


def installed(host):
    (host / "package").write_text("installed")
    for folder in ("etc/adit", "var/lib/adit"):
        (host / folder).mkdir(parents=True)


def link(host, name="office"):
    installed(host)
    (host / f"etc/adit/{name}.yaml").write_text("a key")
    (host / f"var/lib/adit/{name}").mkdir()
    (host / "unit").write_text("active\n")


def test_a_package_is_purged_where_there_was_nothing_before(host):
    (host / "refuses").touch()
    said = pair(host, "--package", "adit.deb")
    assert "installed package is gone" in said and not (host / "etc/adit").exists()
    assert (host / "package").read_text() == "not-installed\n"


@pytest.mark.parametrize("state", ["", "config-files"])
def test_keys_of_other_links_stay_when_the_package_is_taken_back(host, state):
    (host / "refuses").touch()
    (host / "package").write_text(state)
    (host / "etc/adit").mkdir()
    (host / "etc/adit/other.yaml").write_text("a key")
    said = pair(host, "--package", "adit.deb")
    assert "installed package is gone" in said
    assert (host / "package").read_text() == "config-files\n", "removed, not purged"
    assert os.listdir(host / "etc/adit") == ["other.yaml"]


def test_a_package_that_was_there_is_not_taken_away(host):
    """Its aditd does not run, or it would not be installed again."""
    (host / "refuses").touch()
    (host / "package").write_text("half-configured")
    assert "package" not in pair(host, "--package", "adit.deb")
    assert (host / "package").read_text() == "installed\n"


def test_a_package_whose_installation_fails_half_way_is_taken_back(host):
    (host / "broken").touch()
    said = pair(host, "--package", "adit.deb")
    assert "could not be installed" in said and "installed package is gone" in said
    assert (host / "package").read_text() == "not-installed\n"


def test_a_file_half_written_is_taken_back(host):
    installed(host)
    (host / "full").touch()
    said = pair(host)
    assert "office.yaml cannot be written" in said and "office.yaml is gone" in said
    assert os.listdir(host / "etc/adit") == []


def test_a_file_whose_connection_was_lost_is_taken_back(host):
    installed(host)
    (host / "lost").write_text("set -C")
    said = pair(host)
    assert "ssh does not get to one" in said and "office.yaml is gone" in said
    assert os.listdir(host / "etc/adit") == []


def test_what_could_not_be_taken_back_is_named_with_the_command_for_it(host):
    installed(host)
    (host / "refuses").touch()
    (host / "lost").write_text("systemctl disable")
    said = pair(host)
    assert "adit@office may still be there (ssh does not get to one" in said
    assert "run `systemctl disable --now 'adit@office'`" in said
    assert "office.yaml is gone" in said


def test_a_link_is_taken_away_with_what_it_remembers(host):
    link(host)
    for folder in ("etc/credstore", "etc/credstore.encrypted"):
        (host / folder).mkdir()
        for name in ("adit.office.key", "adit.office.psk", "adit.home.key"):
            (host / folder / name).touch()
    folder = os.open(host / "run/adit", os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(f"/proc/self/fd/{folder}/office.sock")  # a socket's name has to be short
    os.close(folder)
    done = adit(host, "unpair", "office=one")
    assert done.returncode == 0 and "adit@office is stopped" in done.stdout, done.stderr
    assert os.listdir(host / "etc/adit") == [] and os.listdir(host / "var/lib/adit") == []
    assert os.listdir(host / "run/adit") == []
    assert os.listdir(host / "etc/credstore") == os.listdir(host / "etc/credstore.encrypted") == ["adit.home.key"]


def test_a_name_that_is_misspelt_is_no_success(host):
    link(host)
    done = adit(host, "unpair", "offce=one")
    assert done.returncode == 1 and "there is no link offce there" in done.stderr and done.stdout == ""
    assert (host / "etc/adit/office.yaml").exists() and (host / "unit").read_text() == "active\n"


def test_a_link_that_does_not_stop_keeps_its_file(host):
    link(host)
    (host / "stuck").touch()
    (host / "unit").write_text("deactivating\n")
    done = adit(host, "unpair", "office=one")
    assert done.returncode == 1 and "adit@office does not stop, it is deactivating" in done.stderr and done.stdout == ""
    assert (host / "etc/adit/office.yaml").exists()


def test_a_link_that_was_started_by_hand_keeps_its_file(host):
    link(host)
    (host / "stuck").touch()
    (host / "unit").write_text("inactive\n")
    (host / "answer").write_text('[\n  {\n    "interface": "office"\n  }\n]\n')
    done = adit(host, "unpair", "office=one")
    assert done.returncode == 1 and "started by hand" in done.stderr and done.stdout == ""
    assert (host / "etc/adit/office.yaml").exists()


@pytest.mark.parametrize("interface", ["office", "lan0"])
def test_an_interface_that_stays_is_named(host, interface):
    link(host)
    (host / "net" / interface).mkdir()
    (host / "net" / interface / "tun_flags").touch()
    (host / "answer").write_text(f'[\n  {{\n    "interface": "{interface}"\n  }}\n]\n')
    done = adit(host, "unpair", "office=one")
    assert done.returncode == 1 and f"`ip link del {interface}`" in done.stderr
    assert not (host / "etc/adit/office.yaml").exists()


@pytest.mark.parametrize(("target", "advice"), [("one", "try it by ssh"), ("local", "run this as root")])
def test_who_may_not_is_told_what_helps(host, target, advice):
    link(host)
    programs = host.parents[1] / "bin"
    (programs / "id").write_text("#!/bin/sh\necho 1000\n")
    (programs / "sudo").write_text("#!/bin/sh\nexit 1\n")
    (programs / "sudo").chmod(0o755)
    done = adit(host, "unpair", f"office={target}")
    assert done.returncode == 1 and advice in done.stderr and done.stdout == ""
    assert (host / "etc/adit/office.yaml").exists()

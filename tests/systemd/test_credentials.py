# SPDX-License-Identifier: MIT
"""Keys handed over by systemd: from a file that only root can read, and from one that only this host can decrypt."""
import re

import pytest

DROP_IN = "/etc/systemd/system/adit@office.service.d/key.conf"


def key_taken_out(text):
    """The file with `private_key_credential` in the place of the key, and the key."""
    key = re.search(r"private_key: (\S+)", text)[1]
    return text.replace(f"private_key: {key}", "private_key_credential: office"), key


@pytest.fixture
def keyed(pair):
    """The two links; the first one's key is a credential, and whoever gets `give` decides how it is kept."""
    office, home = pair.links()
    text, key = key_taken_out(pair.a.run("cat", office.file).stdout)
    pair.a.put(office.file, text)

    def give(setting):
        pair.a.put(DROP_IN, f"[Service]\n{setting}\n", 0o644)
        pair.a.systemctl("daemon-reload")
        pair.start(office, home)
    return office, key, give


def test_a_key_in_the_store_of_credentials_takes_no_drop_in_and_is_its_links_own(pair):
    """All links are one user, and what is in /etc/adit is that user's. A key in the store is no other link's to have,
    neither as a file nor as what systemd makes of it. (Asking the link for it: tests/netns/test_privileges.py.)"""
    office, home = pair.links()
    text = pair.a.run("cat", office.file).stdout
    key = re.search(r"private_key: (\S+)", text)[1]
    secret = re.search(r"preshared_key: (\S+)", text)[1]
    text = text.replace(f"private_key: {key}", "private_key_credential: adit.office.key")
    pair.a.put(office.file, text.replace(f"preshared_key: {secret}", "preshared_key_credential: adit.office.psk"))
    pair.a.put("/etc/credstore/adit.office.key", key + "\n")
    pair.a.put("/etc/credstore/adit.office.psk", secret + "\n")
    pair.start(office, home)
    depot, _ = pair.links("depot", "yard", tunnel="10.8.0.0/30", port=51830)
    pair.a.systemctl("start", depot.unit)

    def as_depot(*command):
        """With the user and the files that its daemon has."""
        return pair.a.run("nsenter", "-t", depot.pid(), "-m", "setpriv", "--reuid", "adit", "--regid", "adit",
                          "--clear-groups", *command, check=False)

    assert as_depot("cat", depot.file).returncode == 0
    for place in ("/etc/credstore/adit.office.key", f"/run/credentials/{office.unit}/adit.office.key",
                  f"/proc/{office.pid()}/mem"):
        assert as_depot("head", "-c", "1", place).returncode != 0, place
    # From its first instruction on: the kernel keeps that user out of a program which it cannot read.
    assert as_depot("head", "-c", "1", "/usr/sbin/aditd").returncode != 0


def test_the_private_key_may_be_a_credential(pair, keyed):
    office, key, give = keyed
    pair.a.put("/root/office.key", key + "\n")
    give("LoadCredential=office:/root/office.key")
    assert pair.a.run("stat", "-c", "%U %a", "/root/office.key").stdout.strip() == "root 600", "it stays root's"
    checked = pair.a.run("adit", "check", office.file)
    assert "not checked: systemd credentials are there only for the running unit" in checked.stdout + checked.stderr


def test_the_private_key_may_be_an_encrypted_credential(pair, keyed):
    office, key, give = keyed
    pair.a.run("systemd-creds", "encrypt", "--with-key=host", "--name=office", "-", "/etc/credstore.office", input=key)
    assert key not in pair.a.run("cat", "/etc/credstore.office").stdout
    give("LoadCredentialEncrypted=office:/etc/credstore.office")


def test_a_credential_is_seen_by_its_own_link_alone(pair, keyed):
    office, key, give = keyed
    pair.a.put("/root/office.key", key + "\n")
    give("LoadCredential=office:/root/office.key")
    depot, _ = pair.links("depot", "yard", tunnel="10.8.0.0/30", port=51830)
    pair.a.systemctl("start", depot.unit)
    place = f"/run/credentials/{office.unit}/office"
    for link, sees in ((office, True), (depot, False)):
        looked = pair.a.run("nsenter", "-t", link.pid(), "-m", "cat", place, check=False)
        assert (looked.returncode == 0) == sees, f"{link.name}: {looked.stderr}"


def test_a_key_that_the_links_user_cannot_read_is_refused_with_the_mend(pair, keyed):
    office, key, _ = keyed
    text = pair.a.run("cat", office.file).stdout
    pair.a.put("/etc/keys/office.key", key + "\n")
    pair.a.put(office.file, text.replace("private_key_credential: office", "private_key_file: /etc/keys/office.key"))
    assert pair.a.systemctl("start", office.unit, check=False).returncode != 0
    assert any("/etc/keys/office.key" in message and "chown adit" in message for message in pair.a.messages(office.unit))
    pair.a.run("chown", "adit", "/etc/keys/office.key")
    pair.a.systemctl("start", office.unit)


def test_a_credential_that_is_not_handed_over_is_a_wrong_file_that_says_so(pair, keyed):
    office, _, _ = keyed
    assert pair.a.systemctl("start", office.unit, check=False).returncode != 0
    assert pair.a.show(office.unit, "ExecMainStatus") == "78"
    assert any("LoadCredential=office:FILE" in message for message in pair.a.messages(office.unit))

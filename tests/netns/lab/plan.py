# SPDX-License-Identifier: MIT
"""The usual link between host a and host b, inside 10.9.0.0/30 and fd09::/126, which tests then change in one place.

    a: 10.9.0.1, fd09::1 ─── encrypted, over IPv4 or IPv6, UDP port 51820 at both ends ─── b: 10.9.0.2, fd09::2
"""
from .ends import AditEnd, KernelEnd, Keys, Link, Side, WgQuickEnd, WireguardGoEnd, wg

PORT = 51820
OUTER = {4: {"a": "10.1.0.2", "b": "10.2.0.2"}, 6: {"a": "[fd01::2]", "b": "[fd02::2]"}}
INNER = {"a": ["10.9.0.1/30", "fd09::1/126"], "b": ["10.9.0.2/30", "fd09::2/126"]}
KINDS = {"adit": AditEnd, "go": WireguardGoEnd, "quick": WgQuickEnd, "kernel": KernelEnd}


def make_link(lab, kinds=("adit", "adit"), *, outer=4, calls="ab", psk=False, keepalive=25, a=None, b=None):
    """Writes nothing and starts nothing yet. `calls`: the ends that know where the other one is; the others wait.
    `a`, `b`: fields of that Side that are to be otherwise."""
    keys = {"a": Keys(), "b": Keys()}
    preshared_key = wg("genpsk") if psk else None
    ends = []
    for label, other, host, kind, changes in (("a", "b", lab.a, kinds[0], a), ("b", "a", lab.b, kinds[1], b)):
        side = Side(host=host, label=label, private_key=keys[label].private, public_key=keys[label].public,
                    peer_public_key=keys[other].public, addresses=INNER[label], preshared_key=preshared_key,
                    allowed_ips=["10.9.0.0/30", "fd09::/126"], listen=PORT, keepalive=keepalive,
                    endpoint=f"{OUTER[outer][other]}:{PORT}" if label in calls else None)
        for field, value in (changes or {}).items():
            setattr(side, field, value)
        ends.append(KINDS[kind](side, lab.directory))
    lab.ends += ends
    return Link(*ends)

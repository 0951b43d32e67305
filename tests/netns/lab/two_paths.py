# SPDX-License-Identifier: MIT
"""Two ways from a to b: b's host has a second address on a second wire, and either way, or one direction of it, can die
without a word, as ways do.

        host a                        router r                        host b
    ┌──────────────┐             ┌────────────────┐             ┌──────────────┐
    │         eth0 ├─────────────┤ toa        tob ├─────────────┤ eth0         │  10.2.0.2, fd02::2   the first
    │              │             │           tob2 ├─────────────┤ eth1         │  10.3.0.2, fd03::2   the second
    └──────────────┘             └────────────────┘             └──────────────┘
"""
from .plan import PORT

FIRST, SECOND = f"10.2.0.2:{PORT}", f"10.3.0.2:{PORT}"
FIRST6, SECOND6 = f"[fd02::2]:{PORT}", f"[fd03::2]:{PORT}"


def second_wire(lab):
    """What b answers from an address leaves by its wire."""
    lab.another_cable(lab.b, "tob2", "eth1", 3)
    for family, source, gateway in (("-4", "10.3.0.2", "10.3.0.1"), ("-6", "fd03::2", "fd03::1")):
        lab.b.ip(family, "rule", "add", "from", source, "lookup", "103")
        lab.b.ip(family, "route", "add", "default", "via", gateway, "dev", "eth1", "table", "103")
    # So that either way is good in either direction, whatever the router believes of reverse paths.
    lab.r.sysctl("net.ipv4.conf.all.rp_filter", 0)


def kill(lab, *rules):
    """Drops on the router what any of `rules` (nftables matches) is true of; nothing: all lives again."""
    chain = "\n".join(f"{rule} drop" for rule in rules)
    lab.r.run("nft", "delete", "table", "inet", "death", check=False)
    if rules:
        lab.r.nft(f"""
            table inet death {{
              chain dead {{
                type filter hook forward priority -20
                {chain}
              }}
            }}""")


def to_b(address="10.2.0.2"):
    return f"{'ip6' if ':' in address else 'ip'} daddr {address}"


def from_b(address="10.2.0.2"):
    return f"{'ip6' if ':' in address else 'ip'} saddr {address}"


def both_ways(address="10.2.0.2"):
    return to_b(address), from_b(address)

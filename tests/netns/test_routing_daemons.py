# SPDX-License-Identifier: MIT
"""A real routing daemon at either end of a link with link-local addresses alone: they find each other by multicast, and
each learns the other's route. Skipped where there is no BIRD (Debian: bird2)."""
import shutil

import pytest

from lab.wait import wait_until

BIRD = shutil.which("bird") or shutil.which("bird", path="/usr/sbin")
pytestmark = [pytest.mark.adit_only, pytest.mark.skipif(BIRD is None, reason="there is no BIRD: install the package bird2")]

COMMON = """log stderr all;
router id 10.0.0.{here};
protocol device {{}}
protocol kernel {{ ipv6 {{ export where source != RTS_STATIC; }}; }}
protocol static {{ ipv6; route 2001:db8:{here}::/64 blackhole; }}
"""
PROTOCOLS = {
    "ospf": """protocol ospf v3 {{
  ipv6 {{ import all; export where source = RTS_STATIC; }};
  area 0 {{ interface "{device}" {{ type ptp; hello 1; dead 4; }}; }};
}}
""",
    "babel": """protocol babel {{
  ipv6 {{ import all; export where source = RTS_STATIC || source = RTS_BABEL; }};
  interface "{device}" {{ type wired; hello interval 1 s; update interval 2 s; }};
}}
""",
    "bgp": """protocol bgp {{
  ipv6 {{ import all; export where source = RTS_STATIC; next hop self; }};
  local fe80::{here} as 6500{here};
  neighbor fe80::{there}%'{device}' as 6500{there};
  connect delay time 1; error wait time 1, 2;
}}
""",
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_routing_daemons_find_each_other_over_link_local_addresses(make, tmp_path, protocol):
    sides = [{"addresses": [f"fe80::{n}/64"], "allowed_ips": None, "interface": {"multicast": True}} for n in (1, 2)]
    link = make(a=sides[0], b=sides[1]).start()
    for end, here, there in ((link.a, 1, 2), (link.b, 2, 1)):
        file = tmp_path / f"{here}.conf"
        file.write_text((COMMON + PROTOCOLS[protocol]).format(here=here, there=there, device=end.device))
        end.host.popen(BIRD, "-f", "-c", file, "-s", tmp_path / f"{here}.ctl", "-P", tmp_path / f"{here}.pid", name="bird")
    for end, there in ((link.a, 2), (link.b, 1)):
        wait_until(lambda: f"via fe80::{there} dev {end.device}" in end.host.ip("-6", "route", "show", f"2001:db8:{there}::/64"),
                   60, f"the route of the other end, by {protocol}")
        assert end.drops("disallowed_destination") == 0

# SPDX-License-Identifier: MIT
"""The JSON Schema and `adit check` judge configuration files alike, as far as a schema can tell.

Run with: /usr/bin/python3 -m pytest tests/config      (ADIT_BUILD_DIR: where the build is, default build/dev)
"""
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADIT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build" / "dev")) / "bin" / "adit"
SCHEMA = json.loads((ROOT / "config" / "adit.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*/*.yaml"))

PRIVATE = "2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q="
PUBLIC = "rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4="
PRESHARED = "6c5tf9C3ApZmkCgMmwzq7fZnvqKkYcwzXc+ybDu5LvI="


class Yaml12Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, which editors go by: `off` is text and 1:30 is no number."""


Yaml12Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
]:
    Yaml12Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


def schema_accepts(text):
    return VALIDATOR.is_valid(yaml.load(text, Loader=Yaml12Loader))


def adit_check(folder, text, name="link.yaml"):
    file = folder / name
    file.write_text(text)
    file.chmod(0o600)
    return subprocess.run([ADIT, "check", file], capture_output=True, text=True, timeout=30)


@pytest.fixture
def folder(tmp_path):
    for name, key in [("a.key", PRIVATE), ("a.psk", PRESHARED)]:
        (tmp_path / name).write_text(key + "\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def document(interface="", local="", peer="", rest=""):
    """A valid file, with lines added to its sections or, where they name the same key, put in place of its own."""
    sections = {
        "interface": ({"addresses": '[10.9.0.1/30, "fd09::1/126"]'}, interface),
        "local": ({"private_key": PRIVATE}, local),
        "peer": ({"public_key": PUBLIC}, peer),
    }
    text = ""
    for name, (lines, changes) in sections.items():
        for change in filter(None, changes.split("\n")):
            key, _, value = change.partition(":")
            if key.startswith("-"):
                del lines[key[1:]]
            else:
                lines[key] = value.strip()
        text += f"{name}:\n" + "".join(f"  {key}: {value}\n" for key, value in lines.items()) if lines else f"{name}: {{}}\n"
    return text + rest + "\n"


VALID = {
    "as it is": document(),
    "name": document(interface="name: office"),
    "odd name": document(interface="name: \"!#$&'()*+,-.;<=\""),
    "quoted number as name": document(interface='name: "42"'),
    "single addresses": document(interface='addresses: [10.9.0.1, "fd09::1"]'),
    "peer addresses": document(interface='peer_addresses: [10.9.0.2, "fd09::2"]'),
    "automatic MTU": document(interface="mtu: auto"),
    "MTU": document(interface="mtu: 1280"),
    "hexadecimal MTU": document(interface="mtu: 0x578"),
    "queue": document(interface="queue_length: 500"),
    "owner by name": document(interface="owner: root\ngroup: root"),
    "owner by number": document(interface="owner: 0\ngroup: 0"),
    "flags": document(interface="persist: true\nmulticast: false\nkill_switch: always\nforward: true"),
    "frames": document(interface="mode: tap\n-addresses"),
    "packets, said so": document(interface="mode: tun"),
    "frames with addresses": document(interface="mode: tap"),
    "all about frames": document(interface="mode: tap\n-addresses\nmac: '02:00:5e:10:00:0F'\nbridge: br0\nmtu: 1300\n"
                                           "tunnel_address: 10.9.0.1/24\ntunnel_peer: 10.9.0.7"),
    "frames over IPv6": document(interface="mode: tap\ntunnel_address: 'fd09::1/126'", peer="allowed_ips: ['fd09::/64']"),
    "netns": document(interface="netns: office"),
    "netns of a process": document(interface="netns: /proc/1/ns/net", rest="routes: [{to: default, metric: 5}]"),
    "an endpoint with underscore": document(peer="endpoint: v_pn.example.net:1"),
    "an endpoint with other letters": document(peer="endpoint: bücher.example:1"),
    "an endpoint with a zone": document(peer="endpoint: '[fe80::2%eth0]:1'"),
    "key file": document(local="-private_key\nprivate_key_file: a.key"),
    "credential": document(local="-private_key\nprivate_key_credential: office.key"),
    "port": document(local="listen: 51820"),
    "any port": document(local="listen: 0"),
    "port in quotes": document(local='listen: "51820"'),
    "IPv4 address and port": document(local="listen: 192.0.2.1:51820"),
    "IPv6 address and port": document(local='listen: "[2001:db8::1]:51820"'),
    "device": document(local="device: eth0"),
    "devices": document(local="device: [eth0, wwan0]"),
    "mark": document(local="fwmark: 0xca6c"),
    "preshared key": document(peer=f"preshared_key: {PRESHARED}"),
    "preshared key file": document(peer="preshared_key_file: a.psk"),
    "preshared key credential": document(peer="preshared_key_credential: office.psk"),
    "endpoint by name": document(peer="endpoint: vpn.example.net:51820"),
    "endpoint by absolute name": document(peer="endpoint: vpn.example.net.:51820"),
    "endpoint IPv4": document(peer="endpoint: 192.0.2.7:1"),
    "endpoint IPv6": document(peer='endpoint: "[2001:db8::7]:65535"'),
    "endpoint with a zone": document(peer='endpoint: "[fe80::7%eth0.7]:65535"'),
    "endpoints": document(peer="endpoint: [vpn.example.net:1, 192.0.2.7:2]"),
    "keepalive": document(peer="keepalive: 2m"),
    "keepalive in hours": document(peer="keepalive: 1h"),
    "no keepalive": document(peer="keepalive: off"),
    "allowed": document(peer='allowed_ips: [0.0.0.0/0, "::/0"]'),
    "no routes": document(rest="routes: []"),
    "routes": document(rest='routes: [default, 192.168.20.0/24, "fd20::/64"]'),
    "long routes": document(rest="routes: [{to: 10.1.0.0/16, metric: 5, table: 100, source: 10.9.0.1}, {to: default, table: main, metric: 5}]"),
    "table in quotes": document(rest='routes: [{to: 10.1.0.0/16, table: "100"}]'),
    "log": document(rest="log: {level: trace}"),
    "empty log": document(rest="log: {}"),
    "empty tuning": document(rest="tuning: {}"),
    "crypto chosen for us": document(rest="tuning: {crypto: auto}"),
    "libsodium": document(rest="tuning: {crypto: libsodium}"),
    "libipsec-mb": document(rest="tuning: {crypto: libipsec-mb}"),
    "libcrypto": document(rest="tuning: {crypto: libcrypto}"),
    "offloads off": document(rest="tuning: {tun_offload: off, udp_offload: off}"),
    "offloads on": document(rest="tuning: {tun_offload: on, udp_offload: on}"),
    "offloads in quotes": document(rest="tuning: {tun_offload: 'off', udp_offload: \"auto\"}"),
    "buffers with units": document(rest="tuning: {receive_buffer: 4M, send_buffer: 512KiB}"),
    "buffers in bytes": document(rest="tuning: {receive_buffer: 65536, send_buffer: 1073741824}"),
    "buffers in quotes": document(rest="tuning: {receive_buffer: '4194304', send_buffer: '0x400000'}"),
    "hexadecimal buffer": document(rest="tuning: {receive_buffer: 0x400000}"),
    "buffers chosen for us": document(rest="tuning: {receive_buffer: auto, send_buffer: auto}"),
    "workers": document(rest="tuning: {workers: 2}"),
    "many workers": document(rest="tuning: {workers: 16}"),
    "workers in quotes": document(rest="tuning: {workers: '3'}"),
    "workers chosen for us": document(rest="tuning: {workers: auto}"),
    "traffic class": document(rest="tuning: {copy_dscp: true}"),
    "automatic segments and sizes": document(rest="tuning: {mss_clamp: auto, path_probe: auto}"),
    "no clamp, no probe": document(rest="tuning: {mss_clamp: off, path_probe: off}"),
    "a segment size": document(rest="tuning: {mss_clamp: 1360}"),
    "the smallest segment": document(rest="tuning: {mss_clamp: 88}"),
    "a limit to storms": document(interface="mode: tap", rest="tuning: {storm_limit: 1000}"),
    "no limit to storms": document(rest="tuning: {storm_limit: off}"),
    "the largest segment": document(rest="tuning: {mss_clamp: 65495}"),
    "a hook for states": document(rest="hooks: {state: echo, up: [], down: []}"),
    "hooks for states": document(rest="hooks: {state: [echo, {command: [echo, a], timeout: 5m}]}"),
    "name servers": document(rest='dns: {servers: [10.9.0.2, "fd09::2"]}'),
    "domains": document(rest='dns: {servers: [10.9.0.2], domains: [example.com, lan., ~example.net, ~., 9.10.in-addr.arpa]}'),
    "no domains": document(rest="dns: {servers: [10.9.0.2], domains: []}"),
    "empty hooks": document(rest="hooks: {up: [], down: []}"),
    "a hook": document(rest="hooks: {up: echo up}"),
    "hooks": document(rest="hooks: {up: [echo up, {command: [echo, up]}], down: [{command: echo down, timeout: 5m}]}"),
    "a hook with all there is to say": document(rest="hooks: {up: {command: [echo, '1'], timeout: 30s, required: true}}"),
}

INVALID = {
    "a list": "- interface\n",
    "a word": "interface\n",
    "nothing but a section": "log: {}\n",
    "an unknown section": document(rest="logging: {}"),
    "a hook for another event": document(rest="hooks: {handshake: echo}"),
    "an empty hook": document(rest="hooks: {up: ''}"),
    "a hook without value": document(rest="hooks: {up: }"),
    "a number as hook": document(rest="hooks: {up: 1}"),
    "a list of words as hook among hooks": document(rest="hooks: {up: [[echo, up]]}"),
    "a hook without command": document(rest="hooks: {up: {timeout: 1s}}"),
    "a hook without words": document(rest="hooks: {up: {command: []}}"),
    "a hook with a number among its words": document(rest="hooks: {up: {command: [echo, 1]}}"),
    "a hook's unknown key": document(rest="hooks: {up: {command: echo, when: now}}"),
    "a hook's timeout without unit": document(rest="hooks: {up: {command: echo, timeout: 5}}"),
    "a hook without timeout": document(rest="hooks: {up: {command: echo, timeout: off}}"),
    "a hook that is required in quotes": document(rest="hooks: {up: {command: echo, required: 'true'}}"),
    "a required hook at the stop": document(rest="hooks: {down: {command: echo, required: true}}"),
    "too many hooks": document(rest=f"hooks: {{up: [{', '.join(['echo'] * 17)}]}}"),
    "a section without value": document(rest="log:"),
    "unknown interface key": document(interface="adresses: []"),
    "unknown local key": document(local="port: 1"),
    "unknown peer key": document(peer="port: 1"),
    "unknown route key": document(rest="routes: [{to: default, via: 10.9.0.2}]"),
    "unknown log key": document(rest="log: {file: /dev/null}"),
    "no addresses": document(interface="-addresses"),
    "empty addresses": document(interface="addresses: []"),
    "one address without list": document(interface="addresses: 10.9.0.1/30"),
    "an address that is none": document(interface="addresses: [ten]"),
    "a prefix that is none": document(interface="addresses: [10.9.0.1/x]"),
    "a long name": document(interface="name: sixteen-letters-"),
    "a name with a slash": document(interface="name: a/b"),
    "a name with a space": document(interface="name: a b"),
    "a name with a colon": document(interface="name: 'a:b'"),
    "a name with a percent sign": document(interface="name: tun%d"),
    "a name with other letters": document(interface="name: tunnél"),
    "a name the kernel refuses": document(interface="name: all"),
    "the loopback's name": document(interface="name: lo"),
    "a number as name": document(interface="name: 42"),
    "a boolean as name": document(interface="name: true"),
    "an empty name": document(interface='name: ""'),
    "a small MTU": document(interface="mtu: 575"),
    "a large MTU": document(interface="mtu: 65456"),
    "an MTU in quotes": document(interface='mtu: "1400"'),
    "a broken MTU": document(interface="mtu: 1400.5"),
    "an MTU without value": document(interface="mtu:"),
    "an empty queue": document(interface="queue_length: 0"),
    "a nobody": document(interface="owner: 4294967295"),
    "an owner in a list": document(interface="owner: [root]"),
    "yes for true": document(interface="persist: yes"),
    "1 for true": document(interface="multicast: 1"),
    "a kill switch that is none": document(interface="kill_switch: true"),
    "true in quotes": document(interface="multicast: 'true'"),
    "a prefix with the peer's address": document(interface="peer_addresses: [10.9.0.2/30]"),
    "a mode that is none": document(interface="mode: bridge"),
    "frames without a mode": document(interface="bridge: br0"),
    "a MAC with packets": document(interface="mode: tun\nmac: '02:00:00:00:00:01'"),
    "packets without addresses": document(interface="-addresses"),
    "a MAC of a group": document(interface="mode: tap\nmac: '03:00:00:00:00:01'"),
    "nobody's MAC": document(interface="mode: tap\nmac: '00:00:00:00:00:00'"),
    "a short MAC": document(interface="mode: tap\nmac: '02:00:00:00:01'"),
    "a MAC with dashes": document(interface="mode: tap\nmac: 02-00-00-00-00-01"),
    "a bridge with a long name": document(interface="mode: tap\n-addresses\nbridge: sixteen-letters-"),
    "a tunnel peer with a prefix": document(interface="mode: tap\ntunnel_address: 10.9.0.1/30\ntunnel_peer: 10.9.0.2/30"),
    "frames with a kill switch": document(interface="mode: tap\nkill_switch: on"),
    "frames with multicast": document(interface="mode: tap\nmulticast: true"),
    "frames with peer addresses": document(interface="mode: tap\npeer_addresses: [10.9.0.2]"),
    "a netns that is a relative path": document(interface="netns: run/netns/office"),
    "a netns that is a folder": document(interface="netns: /run/netns/"),
    "a netns without a name": document(interface="netns: ''"),
    "no private key": document(local="-private_key"),
    "two private keys": document(local="private_key_file: a.key"),
    "a short private key": document(local=f"private_key: {PRIVATE[1:]}"),
    "a private key with surplus bits": document(local=f"private_key: {PRIVATE[:42]}R="),
    "a private key that is not base64": document(local=f"private_key: '!{PRIVATE[1:]}'"),
    "an empty file name": document(local="-private_key\nprivate_key_file: ''"),
    "a credential elsewhere": document(local="-private_key\nprivate_key_credential: ../a.key"),
    "a large port": document(local="listen: 65536"),
    "a negative port": document(local="listen: -1"),
    "a host name to listen": document(local="listen: vpn.example.net:51820"),
    "IPv6 without brackets to listen": document(local="listen: '2001:db8::1:51820'"),
    "an address alone to listen": document(local="listen: 192.0.2.1"),
    "a long device": document(local="device: sixteen-letters-"),
    "no device": document(local="device: []"),
    "a device twice": document(local="device: [eth0, wwan0, eth0]"),
    "nine devices": document(local="device: [a, b, c, d, e, f, g, h, i]"),
    "a negative mark": document(local="fwmark: -1"),
    "a large mark": document(local="fwmark: 4294967296"),
    "no public key": document(peer="-public_key"),
    "a short public key": document(peer=f"public_key: {PUBLIC[1:]}"),
    "a list of public keys": document(peer=f"public_key: [{PUBLIC}]"),
    "two preshared keys": document(peer=f"preshared_key: {PRESHARED}\npreshared_key_file: a.psk"),
    "two other preshared keys": document(peer="preshared_key_credential: a\npreshared_key_file: a.psk"),
    "an endpoint without port": document(peer="endpoint: vpn.example.net"),
    "an endpoint with port 0": document(peer="endpoint: vpn.example.net:0"),
    "an endpoint with a URL": document(peer="endpoint: 'udp://vpn.example.net:1'"),
    "an IPv6 endpoint without brackets": document(peer="endpoint: '2001:db8::7:1'"),
    "an endpoint with an empty zone": document(peer="endpoint: '[fe80::7%]:1'"),
    "no endpoints": document(peer="endpoint: []"),
    "an endpoint as mapping": document(peer="endpoint: {host: a, port: 1}"),
    "a keepalive without unit": document(peer="keepalive: 25"),
    "a keepalive in quotes without unit": document(peer="keepalive: '25'"),
    "a keepalive in milliseconds": document(peer="keepalive: 25ms"),
    "a keepalive with fraction": document(peer="keepalive: 1.5m"),
    "a boolean keepalive": document(peer="keepalive: false"),
    "nothing allowed": document(peer="allowed_ips: []"),
    "allowed without list": document(peer="allowed_ips: 0.0.0.0/0"),
    "default allowed": document(peer="allowed_ips: [default]"),
    "allowed twice": document(peer="allowed_ips: [10.9.0.0/30, 10.9.0.0/30]"),
    "routes without list": document(rest="routes: default"),
    "a route that is a word": document(rest="routes: [everything]"),
    "a route to nowhere": document(rest="routes: [{metric: 5}]"),
    "a route with metric 0": document(rest="routes: [{to: default, metric: 0}]"),
    "a route in table 0": document(rest="routes: [{to: default, table: 0}]"),
    "a route with a prefix in its source": document(rest="routes: [{to: 10.1.0.0/16, source: 10.9.0.1/30}]"),
    "a level unknown": document(rest="log: {level: loud}"),
    "a level in capitals": document(rest="log: {level: INFO}"),
    "tuning without keys": document(rest="tuning: auto"),
    "unknown tuning key": document(rest="tuning: {offload: on}"),
    "a crypto library unknown": document(rest="tuning: {crypto: openssl}"),
    "a crypto library in capitals": document(rest="tuning: {crypto: LIBSODIUM}"),
    "a list of crypto libraries": document(rest="tuning: {crypto: [libsodium]}"),
    "true for on": document(rest="tuning: {tun_offload: true}"),
    "yes for on": document(rest="tuning: {tun_offload: yes}"),
    "On for on": document(rest="tuning: {tun_offload: On}"),
    "false for off": document(rest="tuning: {udp_offload: false}"),
    "no for off": document(rest="tuning: {udp_offload: no}"),
    "0 for off": document(rest="tuning: {udp_offload: 0}"),
    "offload without value": document(rest="tuning: {udp_offload: }"),
    "a small buffer": document(rest="tuning: {receive_buffer: 65535}"),
    "a large buffer": document(rest="tuning: {receive_buffer: 1073741825}"),
    "a negative buffer": document(rest="tuning: {receive_buffer: -1}"),
    "a buffer with a decimal unit": document(rest="tuning: {receive_buffer: 4MB}"),
    "a buffer with a small unit": document(rest="tuning: {receive_buffer: 4m}"),
    "a buffer with fraction": document(rest="tuning: {send_buffer: 1.5M}"),
    "no buffer": document(rest="tuning: {send_buffer: off}"),
    "a list of buffers": document(rest="tuning: {send_buffer: [4M]}"),
    "no workers": document(rest="tuning: {workers: 0}"),
    "too many workers": document(rest="tuning: {workers: 17}"),
    "half a worker": document(rest="tuning: {workers: 1.5}"),
    "workers switched on": document(rest="tuning: {workers: on}"),
    "on for true": document(rest="tuning: {copy_dscp: on}"),
    "a clamp that is on": document(rest="tuning: {mss_clamp: on}"),
    "a true clamp": document(rest="tuning: {mss_clamp: true}"),
    "a tiny segment": document(rest="tuning: {mss_clamp: 87}"),
    "a huge segment": document(rest="tuning: {mss_clamp: 65496}"),
    "a limit to storms of packets": document(rest="tuning: {storm_limit: 1000}"),
    "a storm limit of nothing": document(interface="mode: tap", rest="tuning: {storm_limit: 0}"),
    "a storm limit with a unit": document(interface="mode: tap", rest="tuning: {storm_limit: 1K}"),
    "a segment with a unit": document(rest="tuning: {mss_clamp: 1K}"),
    "a probe that is on": document(rest="tuning: {path_probe: on}"),
    "a probe's size": document(rest="tuning: {path_probe: 1400}"),
    "a required hook for states": document(rest="hooks: {state: {command: echo, required: true}}"),
    "a traffic class": document(rest="tuning: {copy_dscp: 46}"),
    "name servers that are none": document(rest="dns: {servers: []}"),
    "a name server's name": document(rest="dns: {servers: [ns.example.com]}"),
    "domains without servers": document(rest="dns: {domains: [example.com]}"),
    "a domain with a space": document(rest='dns: {servers: [10.9.0.2], domains: ["a b"]}'),
    "the root as a search domain": document(rest='dns: {servers: [10.9.0.2], domains: [.]}'),
}

# What a schema cannot know: arithmetic, other values, other files. The reader refuses, the schema lets pass.
READER_ONLY = {
    "frames with routes": document(interface="mode: tap", rest="routes: [10.1.0.0/16]"),
    "addresses in a bridge": document(interface="mode: tap\nbridge: br0"),
    "a tunnel peer alone": document(interface="mode: tap\ntunnel_peer: 10.9.0.2"),
    "nobody knows the tunnel's peer": document(interface="mode: tap\ntunnel_address: 10.9.0.1/24"),
    "a tunnel peer of another family": document(interface="mode: tap\ntunnel_address: 10.9.0.1/30\ntunnel_peer: 'fd09::1'"),
    "a tunnel peer that is this end": document(interface="mode: tap\ntunnel_address: 10.9.0.1/30\ntunnel_peer: 10.9.0.1"),
    "a tunnel peer that may send nothing": document(interface="mode: tap", peer="allowed_ips: [10.9.0.0/30]"),
    "an MTU too large for frames": document(interface="mode: tap\nmtu: 65400"),
    "a repeated key": document(rest="log: {level: info, level: info}"),
    "the subnet as address": document(interface="addresses: [10.9.0.0/30]"),
    "an address twice": document(interface="addresses: [10.9.0.1/30, 10.9.0.1/32]"),
    "a number in an address too large": document(interface="addresses: [10.9.0.256/30]"),
    "a small MTU with IPv6": document(interface="mtu: 1279"),
    "host bits in a route": document(rest="routes: [192.168.20.1/24]"),
    "a source that is not ours": document(rest="routes: [{to: 10.1.0.0/16, source: 10.9.0.2}]"),
    "a default route for the whole host with a metric": document(rest="routes: [{to: default, metric: 5}]"),
    "a default route for the whole host with a source": document(rest="routes: [{to: 0.0.0.0/0, source: 10.9.0.1}]"),
    "a key file that is missing": document(local="-private_key\nprivate_key_file: none.key"),
    "our own key as the peer's": document(peer="public_key: yOhksr7d58PY7r+xHz+3hcM3ZohfWUIPiIXRraMjdms="),
    "a keepalive too long": document(peer="keepalive: 65536s"),
    "an endpoint in the tunnel": document(peer="endpoint: 10.9.0.2:51820"),
    "a hook's timeout too long": document(rest="hooks: {up: {command: echo, timeout: 301s}}"),
    "a hook's timeout too short": document(rest="hooks: {up: {command: echo, timeout: 0s}}"),
    "a small buffer with a unit": document(rest="tuning: {send_buffer: 63K}"),
    "a large buffer with a unit": document(rest="tuning: {send_buffer: 1025M}"),
    "name servers with a netns": document(interface="netns: office", rest="dns: {servers: [10.9.0.2]}"),
    "a port of five digits too large": document(peer="endpoint: vpn.example.net:65536"),
}


def test_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_both_accept(folder, text):
    VALIDATOR.validate(yaml.load(text, Loader=Yaml12Loader))
    checked = adit_check(folder, text)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith(": ok\n")


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_both_refuse(folder, text):
    assert not schema_accepts(text)
    checked = adit_check(folder, text)
    assert checked.returncode == 78, checked.stdout
    for line in checked.stdout.splitlines():
        assert re.match(r"^.*/link\.yaml:\d+:\d+: \S", line), line


@pytest.mark.parametrize("text", READER_ONLY.values(), ids=READER_ONLY.keys())
def test_only_the_reader_can_refuse(folder, text):
    assert schema_accepts(text)
    assert adit_check(folder, text).returncode == 78


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_examples_satisfy_both(folder, example):
    text = example.read_text()
    VALIDATOR.validate(yaml.load(text, Loader=Yaml12Loader))
    for kind, name in re.findall(r"(private|preshared)_key_file: (\S+)", text):
        (folder / name).write_text(PRIVATE if kind == "private" else PRESHARED)
        (folder / name).chmod(0o600)
    checked = adit_check(folder, text, example.name)
    assert checked.returncode == 0, checked.stdout
    assert "warning" not in checked.stdout


def test_examples_are_there():
    assert {example.parent.name for example in EXAMPLES} == {"two-static-hosts", "behind-nat", "ipv6-only", "fast-line"}


def test_pair_satisfies_the_schema(folder):
    subprocess.run(
        [ADIT, "pair", "a=a.example.net", "b=-", "--routes", "a=192.168.1.0/24,default", "-o", folder],
        check=True, capture_output=True, timeout=30)
    for name in ["a.yaml", "b.yaml"]:
        VALIDATOR.validate(yaml.load((folder / name).read_text(), Loader=Yaml12Loader))

# SPDX-License-Identifier: MIT
"""`adit exporter`: what Prometheus gets to see of real links, over HTTP, and that nobody at that port can do harm."""
import json
import os
import pathlib
import re
import signal
import tempfile

import pytest
import yaml

from lab.ends import ADIT
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

MONITORING = pathlib.Path(__file__).parents[2] / "config/monitoring"
PLACE = "127.0.0.1:9586"


def export(end, *options, wait=True, user="root"):
    """An exporter that sees the links of this end's folder."""
    command = ("setpriv", f"--reuid={user}", "--clear-groups", ADIT, "exporter", *options)
    process = end.host.popen(*command, name="exporter", env=end.env)
    if wait:
        wait_until(lambda: "metrics are at" in process.log() or not process.alive, 10, "the exporter to listen")
        assert process.alive, process.log()
    return process


def page(end, place=PLACE):
    return end.host.run("curl", "-sS", "-m", "60", f"http://{place}/metrics").stdout


def value(text, series):
    """Of the only sample that begins with this; None: there is none."""
    found = re.findall(rf"^{re.escape(series)}\S* (\S+)$", text, re.M)
    assert len(found) <= 1, found
    return float(found[0]) if found else None


def series_of(end, series):
    return value(page(end), series)


def query_of(end, query):
    """The answer of the Prometheus that runs beside it; empty before it has one. Newer ones say so in plain text."""
    done = end.host.run("curl", "-sS", "-G", "--data-urlencode", f"query={query}", "http://127.0.0.1:9090/api/v1/query",
                        check=False)
    ready = done.returncode == 0 and done.stdout.strip() != "Service Unavailable"
    return json.loads(done.stdout)["data"]["result"] if ready else []


def expressions():
    """(where it stands, the query) of the alarms and the dashboard."""
    for rule in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    for panel in json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$__\w+", "10s", re.sub(r"\$(instance|link)", ".*", target["expr"]))


@pytest.fixture
def busy(make):
    """A link that has done all there is to be seen: up, traffic both ways, drops."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 5, 1000) == 5
    return link


def test_a_link_is_shown_as_status_shows_it(busy):
    export(busy.a)
    status = busy.a.status()
    text = page(busy.a)
    assert value(text, 'adit_link_up{link="a"}') == 1
    assert value(text, 'adit_link_state{link="a",state="up"}') == 1
    assert value(text, "adit_transmit_packets_total") >= status["traffic"]["tx"]["packets"] >= 5
    assert value(text, "adit_receive_bytes_total") >= status["traffic"]["rx"]["bytes"] >= 5000
    assert value(text, "adit_latest_handshake_timestamp_seconds") == status["peer"]["latest_handshake"]
    assert value(text, "adit_mtu_bytes") == status["mtu"]
    for reason in status["drops"]:
        assert value(text, f'adit_dropped_packets_total{{link="a",reason="{reason}"}}') is not None
    assert busy.b.side.public_key in text
    assert busy.a.side.private_key not in text


def test_promtool_has_nothing_to_say(busy):
    """Names, units, types and help, as it finds them over HTTP."""
    export(busy.a)
    checked = busy.a.host.run("promtool", "check", "metrics", input=page(busy.a), check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_alarms_and_dashboard_name_what_there_is(busy):
    export(busy.a)
    there = set(re.findall(r"^# TYPE (\S+) ", page(busy.a), re.M))
    used = {name: where for where, query in expressions() for name in re.findall(r"\badit_\w+", query)}
    assert len(used) > 10
    assert not {name: where for name, where in used.items() if name not in there}


def test_prometheus_scrapes_it_and_draws_every_panel(busy, tmp_path):
    """The configuration that docs/monitoring.md gives, in a hurry."""
    for file in MONITORING.glob("*.y*ml"):
        (tmp_path / file.name).write_text(file.read_text())
    config = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, **config}))
    export(busy.a)
    busy.a.host.popen("prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                      "--web.listen-address=127.0.0.1:9090", "--log.level=error")
    wait_until(lambda: query_of(busy.a, 'adit_link_up{job="adit", link="a"} == 1'), 30, "the first scrape", 0.3)
    background = BackgroundPing(busy.a.host, busy.b.side.addr4)
    # Not the peer's: dropped until the panel of drops has its turn, and so seldom that no alarm has a reason.
    busy.a.host.popen("ping", "-i", "2", "-I", busy.a.device, "203.0.113.9", name="dropped")
    for where, query in expressions():
        if not where.startswith("Adit"):
            wait_until(lambda: query_of(busy.a, query), 20, f"something to draw in {where}: {query}", 0.3)
        else:
            assert query_of(busy.a, query) == [], f"an alarm without a reason: {where}"
    background.close()


def test_links_that_end_hang_or_come_back_are_told_apart(busy):
    exporter = export(busy.a)
    os.kill(busy.a.process.pid, signal.SIGSTOP)
    wait_until(lambda: series_of(busy.a, 'adit_link_scrape_success{link="a"}') == 0, 10, "a daemon that hangs")
    assert series_of(busy.a, 'adit_link_up{link="a"}') == 0
    assert series_of(busy.a, "adit_mtu_bytes") is None
    os.kill(busy.a.process.pid, signal.SIGCONT)
    wait_until(lambda: series_of(busy.a, 'adit_link_up{link="a"}') == 1, 10, "it to be back")
    busy.a.kill()
    wait_until(lambda: series_of(busy.a, 'adit_link_scrape_success{link="a"}') == 0, 10, "a daemon that was killed")
    busy.a.start()
    busy.a.stop()
    wait_until(lambda: series_of(busy.a, "adit_links") == 0, 10, "a link that was stopped")
    busy.a.start()
    wait_until(lambda: series_of(busy.a, 'adit_link_up{link="a"}') == 1, 20, "it to be up again")
    assert exporter.alive
    assert exporter.log().count("does not answer") == 1, "a problem is told once"


def test_it_needs_no_links_and_not_even_their_folder(make):
    end = make().a
    end.run_dir.rmdir()
    export(end)
    assert series_of(end, "adit_links") == 0
    end.start()
    wait_until(lambda: series_of(end, "adit_links") == 1, 10, "the link that came later")


def test_sockets_of_somebody_else_are_named_as_such(make):
    end = make().a
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are for root alone
        os.chmod(folder, 0o755)
        end.place(folder)
        end.start()
        process = export(end, user="nobody")
        assert series_of(end, 'adit_link_scrape_success{link="a"}') == 0
        assert "may only be asked by its owner or the group adit" in process.log()
        end.stop()


@pytest.mark.parametrize("option, url", [("9600", "127.0.0.1:9600"), ("9600", "[::1]:9600"), ("[::1]:9601", "[::1]:9601"),
                                         ("0.0.0.0:9602", "10.1.0.2:9602"), ("10.1.0.2:9603", "10.1.0.2:9603")])
def test_it_listens_where_it_is_told_to(make, option, url):
    end = make().a
    export(end, "--listen", option)
    assert value(page(end, url), "adit_links") == 0


def test_by_default_nobody_else_can_reach_it(make):
    link = make()
    export(link.a)
    assert link.a.host.run("curl", "-sS", "-m", "60", "http://10.1.0.2:9586/metrics", check=False).returncode == 7


def test_places_it_cannot_have_are_refused_with_a_sentence(make):
    end = make().a
    export(end)
    for option, sentence in ((PLACE, "is taken"), ("10.250.0.1:9586", "this host has no address 10.250.0.1")):
        process = export(end, "--listen", option, wait=False)
        assert process.wait(10) == 1
        assert sentence in process.log()
    process = export(end, "--listen", "80", wait=False, user="nobody")
    assert process.wait(10) == 1
    assert "CAP_NET_BIND_SERVICE" in process.log()


def test_it_ends_when_it_is_told_to_and_gives_the_port_back(make):
    end = make().a
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        process = export(end)
        assert series_of(end, "adit_links") == 0
        assert process.stop(number) == 0


def test_a_file_for_node_exporter(busy, tmp_path):
    file = tmp_path / "adit.prom"
    busy.a.adit("exporter", "--textfile", file)
    text = file.read_text()
    assert value(text, 'adit_link_up{link="a"}') == 1
    assert file.stat().st_mode & 0o777 == 0o644
    assert busy.a.host.run("promtool", "check", "metrics", input=text, check=False).returncode == 0
    busy.a.adit("exporter", "--textfile", file)
    assert [path.name for path in tmp_path.glob("*prom*")] == ["adit.prom"]


def test_crowds_garbage_and_slow_clients_harm_neither_links_nor_scrapes(busy):
    end = busy.a
    exporter = export(end)
    background = BackgroundPing(end.host, busy.b.side.addr4, interval=0.05)
    slow = []
    for start in (b"", b"GET /met", b"\x16\x03\x01\x02\x00", b"GET /metrics HTTP/1.1\r\nX: "):
        for _ in range(60):
            client = end.host.socket()
            client.connect(("127.0.0.1", 9586))
            client.sendall(start)
            slow.append(client)
    crowd = end.host.run("sh", "-c", f"for i in $(seq 200); do curl -sS -m 100 -o /dev/null -w '%{{http_code}}\\n' "
                                     f"http://{PLACE}/metrics & done; wait").stdout.split()
    assert crowd == ["200"] * 200
    for request in (b"\0" * 100_000, b"GET /" + b"a" * 1_000_000, b"\r\n\r\n", b"DELETE / HTTP/9\r\n\r\n"):
        client = end.host.socket()
        client.connect(("127.0.0.1", 9586))
        try:
            client.sendall(request)
        except OSError:
            pass  # it has hung up by now
        client.close()
    assert series_of(end, 'adit_link_up{link="a"}') == 1
    for client in slow:
        client.close()
    sent, received = background.stop()
    assert sent == received
    assert exporter.alive

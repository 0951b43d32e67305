# SPDX-License-Identifier: MIT
"""The files under config/monitoring/, judged by Prometheus' own tool. That the metrics they name exist is shown by
tests/netns/test_exporter.py."""
import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
MONITORING = ROOT / "config/monitoring"
ALERTS = MONITORING / "alerts.yaml"
DASHBOARD = MONITORING / "grafana-dashboard.json"


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def panels():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]


def test_prometheus_takes_the_rules():
    assert "SUCCESS" in promtool("check", "rules", ALERTS)


def test_prometheus_takes_the_example_of_a_configuration():
    assert "SUCCESS" in promtool("check", "config", MONITORING / "prometheus.yml")


def test_alarms_are_raised_when_they_should_be(tmp_path):
    tests = pathlib.Path(__file__).with_name("alerts_test.yaml").read_text(encoding="utf-8")
    file = tmp_path / "tests.yaml"
    file.write_text(tests.replace("ALERTS", str(ALERTS)), encoding="utf-8")
    promtool("test", "rules", file)


def test_each_alarm_has_a_test_in_which_it_is_raised_and_one_in_which_it_is_not():
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    tests = yaml.safe_load(pathlib.Path(__file__).with_name("alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    raised = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    names = {rule["alert"] for rule in rules}
    assert raised == names
    assert names - silent <= {"AditLinkStale"}  # beside AditLinkFailed, from the same series


def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path):
    rules = [{"record": f"panel:{panel['id']}:{target['refId']}", "expr": re.sub(r"\$__\w+", "5m", target["expr"])}
             for panel in panels() for target in panel["targets"]]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)


def test_the_dashboard_can_be_imported_anywhere():
    """No data source of a particular Grafana, no panel over another, none twice."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "instance", "link"}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]} == {"${datasource}"}
    taken = set()
    for panel in panels():
        assert panel["title"] and panel["description"]
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert max(x for x, _ in cells) < 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("rule", yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"],
                         ids=lambda rule: rule["alert"])
def test_each_alarm_says_where_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert "$labels.instance" in rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")

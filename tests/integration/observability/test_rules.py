"""Prometheus's rules, by Prometheus's own tool: each fires when it should and not when it should not."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from support.programs import found
from support.rules import DEPLOY, RULES, alerts, metrics, recorded, rules

TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = DEPLOY.parent / "docs" / "runbooks"
ALWAYS = {"Watchdog"}


def promtool(*arguments: str | Path) -> str:
    """Return what it printed; it has to be content."""
    done = subprocess.run([found("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_configuration_is_sound() -> None:
    """Prometheus would not start on anything else."""
    assert "SUCCESS" in promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_rules_do_as_their_cases_say(file: Path) -> None:
    """Firing and not firing, with the labels and the text that people get."""
    assert "SUCCESS" in promtool("test", "rules", file)


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    """A rule that never fires passes for a healthy platform."""
    fires: set[str] = set()
    rests: set[str] = set()
    for file in TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for expected in case.get("alert_rule_test", ()):
                (fires if expected.get("exp_alerts") else rests).add(expected["alertname"])

    assert fires == alerts()
    assert rests == alerts() - ALWAYS


def test_whatever_keeps_others_quiet_outlasts_them() -> None:
    """What follows ends a moment after its cause: it would be told just when all is well."""
    inhibiting = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())["inhibit_rules"]
    causes = {matcher.split("=")[1].strip() for rule in inhibiting for matcher in rule["source_matchers"]
              if matcher.startswith("alertname")}  # fmt: skip

    assert causes <= {rule["alert"] for rule in rules("alert") if "keep_firing_for" in rule}
    assert len(causes) >= len(inhibiting) - 1


def test_every_recording_rule_is_used() -> None:
    """By another rule, an alert or a panel; and has a case of its own, or is what an alert with cases goes by."""
    dashboards = "".join(file.read_text() for file in (DEPLOY / "grafana" / "dashboards").glob("*.json"))
    by_rules = set().union(*(metrics(rule["expr"]) for kind in ("alert", "record") for rule in rules(kind)))
    cases = "".join(file.read_text() for file in TESTS)
    by_alerts = set().union(*(metrics(rule["expr"]) for rule in rules("alert")))

    assert {name for name in recorded() if name not in dashboards} <= by_rules
    assert {name for name in recorded() if name not in cases} <= by_alerts


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    """Who is woken up by it wants one line, and a page."""
    for rule in rules("alert"):
        if rule["alert"] == alert:
            assert rule["labels"]["severity"] in {"critical", "warning", "none"}
            assert set(rule["annotations"]) == {"summary", "runbook"}
            assert rule["annotations"]["runbook"] == f"docs/runbooks/{alert}.md"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """And the list of them names each, with its severity."""
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == alerts()
    listed = dict(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|", (RUNBOOKS / "README.md").read_text(), re.M))
    assert listed == {rule["alert"]: rule["labels"]["severity"] for rule in rules("alert")}


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_a_runbook_helps(alert: str) -> None:
    """What it means, what readers see, three things to look at first, with commands, and how it heals."""
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")

    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.*)$", text, re.M) == ["It means", "Readers see", "Look first", "It heals"]
    checks = text.partition("## Look first")[2].partition("## It heals")[0]
    assert re.findall(r"^(\d)\. ", checks, re.M) == ["1", "2", "3"]
    assert checks.count("```sh\n") == 3


def test_a_runbook_names_only_what_there_is() -> None:
    """Services of Compose, other runbooks, settings, metrics that some rule or panel or service has."""
    services = set(yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"])
    options = r"(?: -\S+(?: \d+[mh]?\b)?)*"
    command = re.compile(rf"docker compose (?:ps|logs|exec|restart|up -d|kill -s HUP){options} ([a-z][\w-]*)")
    named: set[tuple[str, str]] = set()
    for page in RUNBOOKS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"\]\((\w+\.md)\)", text):
            assert (RUNBOOKS / name).exists(), (page.name, name)
        named |= {(page.name, name) for name in command.findall(text)}
    assert {name for _, name in named} >= {"gateway", "monitor", "redis"}, "commands are not found any more"
    assert [each for each in sorted(named) if each[1] not in services] == []


def test_rules_are_in_order() -> None:
    """No name twice but for the windows of an objective, and no rule without a group of its file's subject."""
    seen: dict[str, str] = {}
    for file in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            assert group["name"].startswith(file.stem)
            for rule in group["rules"]:
                name = rule.get("alert") or rule["record"]
                assert seen.setdefault(name, group["name"]) == group["name"], name

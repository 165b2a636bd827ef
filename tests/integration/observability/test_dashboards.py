"""Grafana's dashboards, without a Grafana: held against its own types, and against what makes them usable."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.dashboards import complaints, files, read
from support.rules import DEPLOY

SOURCE = {"type": "prometheus", "uid": "spark-prometheus"}
each_dashboard = pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)


def test_grafanas_types_find_nothing_wrong(tmp_path: Path) -> None:
    """Every option of every panel: Grafana itself ignores in silence what it does not know."""
    assert complaints(tmp_path, {file.stem: file.read_text() for file in files()}) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"drawStyle": "line"', '"drawStyle": "lines"'),
        ('"rowHeight": ', '"rowheight": '),
        ('"schemaVersion": 41', '"schemaVersion": "41"'),
        ('"uid": "spark-prometheus"', '"uid": "mine"'),
    ],
)
def test_grafanas_types_find_a_mistake(right: str, wrong: str, tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    text = (DEPLOY / "grafana" / "dashboards" / "overview.json").read_text()

    assert "error TS" in complaints(tmp_path, {"overview": text.replace(right, wrong, 1)})


@each_dashboard
def test_a_file_is_as_python_writes_it(file: Path) -> None:
    """So that an exported one differs only in what was changed: json.dumps(…, indent=2, ensure_ascii=False)."""
    text = file.read_text(encoding="utf-8")

    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@each_dashboard
def test_a_dashboard_keeps_its_address_and_has_no_state(file: Path) -> None:
    """Links to it go by its uid; ids and versions are of the Grafana that it was exported from."""
    dashboard = read(file)

    assert dashboard["uid"] == f"spark-{file.stem}"
    assert "id" not in dashboard
    assert dashboard["version"] == 1
    assert dashboard["tags"] == ["spark"]
    assert dashboard["description"]
    assert [panel["id"] for panel in dashboard["panels"]] == list(range(1, len(dashboard["panels"]) + 1))


@each_dashboard
def test_panels_lie_side_by_side_and_say_what_they_show(file: Path) -> None:
    """Within the 24 columns, none over another."""
    panels = read(file)["panels"]
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["type"] == "row" or (panel["description"] and panel["datasource"] == SOURCE)
    for one, other in combinations(panels, 2):
        assert _apart(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _apart(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    )  # fmt: skip


@each_dashboard
def test_variables_are_there_and_used(file: Path) -> None:
    """A venue or an instance to choose."""
    dashboard = read(file)
    known = {variable["name"] for variable in dashboard["templating"]["list"]}
    asked = "".join(target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ()))
    used = set(re.findall(r"\$(\w+)", asked)) - {"__rate_interval"}

    assert known == used
    assert known <= {"venue", "instance"}


def test_what_provisions_them_agrees_with_them() -> None:
    """The source's uid, and the folder that Compose mounts."""
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "spark.yml").read_text())["providers"]
    grafana: Any = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]["grafana"]

    assert (source["type"], source["uid"]) == (SOURCE["type"], SOURCE["uid"])
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).name == "overview.json"


def test_the_types_are_those_of_the_grafana_that_compose_runs() -> None:
    """Both are pinned."""
    image = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]["grafana"]["image"]
    packages = json.loads((Path(__file__).parents[2] / "dashboards" / "package.json").read_text())

    assert image == f"grafana/grafana:{packages['dependencies']['@grafana/schema']}"

"""The dashboards that are committed for Grafana: their panels and questions, and what Grafana's own types say."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from support.npm import installed
from support.programs import found
from support.rules import DEPLOY

FOLDER = DEPLOY / "grafana" / "dashboards"
_TYPES = Path(__file__).parents[1] / "dashboards"
_COMPILER = {
    "noEmit": True, "strict": True, "skipLibCheck": True, "module": "esnext", "moduleResolution": "bundler",
    "target": "es2022", "types": [], "preserveSymlinks": True,
}  # fmt: skip


class Question(NamedTuple):
    """One expression of one panel."""

    dashboard: str
    panel: str
    expression: str


def files() -> list[Path]:
    """Return the dashboards' files."""
    return sorted(FOLDER.glob("*.json"))


def read(file: Path) -> dict[str, Any]:
    """Return a dashboard."""
    dashboard: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return dashboard


def questions() -> Iterator[Question]:
    """Yield every expression of every panel of every dashboard, as it is written, and of the annotations."""
    for file in files():
        dashboard = read(file)
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Question(file.stem, panel["title"], target["expr"])
        for annotation in dashboard["annotations"]["list"]:
            yield Question(file.stem, f"annotation {annotation['name']}", annotation["target"]["expr"])


def filled_in(expression: str, values: dict[str, str]) -> str:
    """Return the expression as Grafana sends it: with a value for each variable."""
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], expression)


def complaints(folder: Path, dashboards: dict[str, str]) -> str:
    """Return what the TypeScript compiler has to say of dashboards, JSON by name, held against Grafana's types.

    ``folder`` is empty, for what the compiler needs.
    """
    (folder / "node_modules").symlink_to(installed(_TYPES))
    (folder / "shape.ts").symlink_to(_TYPES / "shape.ts")
    for name, text in dashboards.items():
        source = f"import type {{ OurDashboard }} from './shape';\nexport const dashboard: OurDashboard =\n{text};\n"
        (folder / f"{name}.ts").write_text(source, encoding="utf-8")
    project = {"compilerOptions": _COMPILER, "files": [f"{name}.ts" for name in dashboards]}
    (folder / "tsconfig.json").write_text(json.dumps(project), encoding="utf-8")
    compiled = subprocess.run(
        [found("node"), folder / "node_modules/typescript/bin/tsc", "--project", folder],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert bool(compiled.returncode) == bool(compiled.stdout), compiled.stderr
    return compiled.stdout

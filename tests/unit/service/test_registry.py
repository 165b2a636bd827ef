"""One list of names; and no password in anything that is printed."""

import importlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_ingest_btcturk.settings import IngestSettings
from spark_service.registry import NAMES, SECRETS
from spark_service.settings import Settings, SettingsError, load
from support.printed import Printed, printed_logs

ROOT = Path(__file__).parents[3]


def settings_classes() -> list[type[Settings]]:
    """Return every settings class that a service has."""
    found: list[type[Settings]] = []
    for file in sorted(ROOT.glob("services/*/src/*/settings.py")):
        module = importlib.import_module(f"{file.parent.name}.settings")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__
        ]
    return found


def test_every_setting_of_every_service_is_in_the_registry() -> None:
    """What is not there is unknown to the check for near misses."""
    classes = settings_classes()
    assert len(classes) >= 2
    for cls in classes:
        for name, field in cls.model_fields.items():
            assert field.alias in NAMES, f"{cls.__module__}: {name}"


def test_every_service_takes_its_defaults() -> None:
    """Nothing has to be set to try it out."""
    for cls in settings_classes():
        load(cls, {})


def test_every_secret_is_a_setting() -> None:
    assert set(NAMES) >= SECRETS


@pytest.fixture
def printed() -> Iterator[Printed]:
    """All that is logged, as a service logs it."""
    with printed_logs() as text:
        yield text


SECRET = "hunter2"  # noqa: S105, it is meant to be found


@pytest.mark.parametrize(
    "url",
    [
        f"redis://user:{SECRET}@redis:6379/0", f"redis://:{SECRET}@redis:6379/0", f"rediss://:{SECRET}@redis",
        # and with something wrong in it
        f"http://user:{SECRET}@redis:6379/0", f"redis://user:{SECRET}#@redis:6379/0", f"redis://user:{SECRET}/x@redis",
        f"redis://user:{SECRET}?@redis", f"redis://:{SECRET}@redis:port", f"redis://:{SECRET}@[::1",
        f"redis://user:{SECRET}\u2100x@redis:6379", f"{SECRET}", f"redis://:{SECRET}@",
    ],
)  # fmt: skip
def test_a_password_is_never_printed(url: str, printed: Printed) -> None:
    """Not in the log of a good start, nor in the complaint about a bad one."""
    try:
        settings = load(IngestSettings, {"SPARK_REDIS_URL": url})
        said = [str(settings), repr(settings), settings.model_dump_json(), printed.getvalue()]
    except SettingsError as error:
        said = ["".join(traceback.format_exception(error)), printed.getvalue()]

    assert "SPARK_REDIS_URL" in "".join(said)
    assert SECRET not in "".join(said)


def test_a_password_in_a_file_is_never_printed(tmp_path: Path, printed: Printed) -> None:
    file = tmp_path / "url"
    file.write_text(f"redis://user:{SECRET}@redis:nonsense", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        load(IngestSettings, {"SPARK_REDIS_URL_FILE": str(file)})

    assert SECRET not in str(caught.value)
    assert SECRET not in printed.getvalue()

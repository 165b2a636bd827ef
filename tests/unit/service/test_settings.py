"""Settings: anything wrong is one line that names the variable and what it accepts, before anything starts."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, ValidationError

from spark_service.redis_url import RedisUrl
from spark_service.registry import NAMES
from spark_service.settings import CommaList, Settings, SettingsError, load, setting
from support.printed import printed_logs


class Example(Settings):
    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    real_data: bool = setting("SPARK_REAL_DATA", False)
    port: Annotated[int, Field(ge=0, le=65535)] = setting("SPARK_GATEWAY_PORT", 8080)
    symbols: CommaList = setting("SPARK_BTCTURK_SYMBOLS", ("BTC_TRY",))


class Demanding(Settings):
    pairs: int = setting("SPARK_SIMULATOR_PAIRS")


def refused(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(Example, environ)
    return str(caught.value)


def test_without_any_variable_the_defaults_hold() -> None:
    settings = load(Example, {"PATH": "/bin", "HOME": "/"})

    assert (settings.port, settings.symbols, settings.real_data, settings.log_level) == (
        8080, ("BTC_TRY",), False, "info",
    )  # fmt: skip


def test_variables_are_read_and_typed() -> None:
    settings = load(
        Example, {"SPARK_GATEWAY_PORT": "0", "SPARK_REAL_DATA": "1", "SPARK_BTCTURK_SYMBOLS": " A_B, C_D ,,A_B"}
    )

    assert (settings.port, settings.real_data, settings.symbols) == (0, True, ("A_B", "C_D"))


def test_an_empty_variable_is_an_unset_one() -> None:
    """A compose file passes a default on like that."""
    assert load(Example, {"SPARK_GATEWAY_PORT": "", "SPARK_REDIS_URL_FILE": ""}).port == 8080


@pytest.mark.parametrize(
    "names", [("SPARK_REDIS_URL", "SPARK_REDIS_URL_FILE"), ("SPARK_REDIS_URL_FILE", "SPARK_REDIS_URL")]
)
def test_an_empty_variable_does_not_unset_what_its_file_says(names: tuple[str, str], tmp_path: Path) -> None:
    """A compose file passes both on, in whatever order, and one of them holds something."""
    file = tmp_path / "url"
    file.write_text("redis://other:6379/0")
    values = {"SPARK_REDIS_URL": "", "SPARK_REDIS_URL_FILE": str(file)}

    assert load(Example, {name: values[name] for name in names}).redis_url.get_secret_value() == "redis://other:6379/0"


def test_settings_do_not_change_once_read() -> None:
    settings = load(Example, {})
    with pytest.raises(ValidationError):
        settings.port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPARK_GATEWAY_PORT", "80a"), ("SPARK_GATEWAY_PORT", "-1"), ("SPARK_GATEWAY_PORT", "65536"),
        ("SPARK_GATEWAY_PORT", "tcp://10.0.0.1:80"), ("SPARK_REAL_DATA", "perhaps"), ("SPARK_LOG_LEVEL", "loud"),
        ("SPARK_LOG_LEVEL", "info\n"), ("SPARK_REDIS_URL", "http://x"), ("SPARK_REDIS_URL", "redis://"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_with_the_variable_and_what_it_takes(name: str, value: str) -> None:
    message = refused(**{name: value})

    assert message.startswith(name)
    assert NAMES[name] in message
    assert "\n" not in message


def test_each_bad_value_has_its_line() -> None:
    """One start tells all that is to be corrected."""
    lines = refused(SPARK_GATEWAY_PORT="x", SPARK_REAL_DATA="x").splitlines()

    assert sorted(line.partition("=")[0] for line in lines) == ["SPARK_GATEWAY_PORT", "SPARK_REAL_DATA"]


def test_what_must_be_chosen_and_was_not_is_named() -> None:
    with pytest.raises(SettingsError, match="SPARK_SIMULATOR_PAIRS is not set; it takes how many"):
        load(Demanding, {})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("SPARK_GATEWAY_PROT", "SPARK_GATEWAY_PORT"), ("SPARK_REDIS_URI", "SPARK_REDIS_URL"),
        ("SPARK_REAL_DATE", "SPARK_REAL_DATA"), ("SPARK_BTCTURK_SYMBOL", "SPARK_BTCTURK_SYMBOLS"),
        ("SPARK_REDIS_URL_FILES", "SPARK_REDIS_URL_FILE"), ("SPARK_VENUE", "SPARK_VENUES"),
    ],
)  # fmt: skip
def test_a_near_miss_of_a_name_stops_the_service(given: str, meant: str) -> None:
    """A typing error must not pass for a default."""
    message = refused(**{given: "1"})

    assert given in message
    assert meant in message


@pytest.mark.parametrize("name", ["SPARK_HOME", "SPARK_GATEWAY_SERVICE_HOST", "SPARK_ZZZ"])
def test_an_unknown_name_is_only_a_warning(name: str) -> None:
    """Others use the prefix too."""
    with printed_logs() as printed:
        load(Example, {name: "/opt/spark"})

    assert [line["name"] for line in printed.warnings()] == [name]


def test_a_setting_of_another_service_is_no_concern_of_this_one() -> None:
    """One environment serves all of them."""
    with printed_logs() as printed:
        load(Example, {"SPARK_SIMULATOR_PAIRS": "not a number"})

    assert printed.warnings() == []


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("redis://:secret@redis:6379/0\n", encoding="utf-8")

    settings = load(Example, {"SPARK_REDIS_URL_FILE": str(file)})

    assert settings.redis_url.get_secret_value() == "redis://:secret@redis:6379/0"


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("redis://one:6379/0", encoding="utf-8")

    message = refused(SPARK_REDIS_URL="redis://other:6379/0", SPARK_REDIS_URL_FILE=str(file))

    assert "SPARK_REDIS_URL_FILE and SPARK_REDIS_URL are both set" in message


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    message = refused(SPARK_REDIS_URL_FILE=str(tmp_path / "absent"))

    assert message.startswith("SPARK_REDIS_URL_FILE: cannot read")


def test_only_secrets_have_a_file_form() -> None:
    """Anything else under such a name is taken for the typing error that it is."""
    assert "did you mean SPARK_BTCTURK_REST_URL?" in refused(SPARK_BTCTURK_REST_URL_FILE="/x")

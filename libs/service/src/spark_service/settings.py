"""Settings: environment variables, typed and checked once at start, frozen afterwards.

A service's settings class lists its own variables as fields made with `setting`; `load` reads them, and answers
anything wrong with one line that names the variable and what it accepts.
"""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from spark_service.registry import NAMES, SECRETS

_PREFIX = "SPARK_"
_FILE_SUFFIX = "_FILE"
_NEAR = 0.85  # SequenceMatcher's ratio: a letter or two off in names of this length

logger = structlog.get_logger()


class SettingsError(Exception):
    """A setting cannot be used; the text says which, and what it accepts."""


def setting(name: str, default: Any = ..., **constraints: Any) -> Any:
    """Return the field for environment variable ``name``, which must be in the registry."""
    return Field(default, alias=name, description=NAMES[name], **constraints)


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _without_duplicates(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Port = Annotated[int, Field(ge=0, le=65535)]
CommaList = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_without_duplicates)]


def each_of(known: Collection[str]) -> AfterValidator:
    """Return the check that a list names something, and nothing but what is ``known``."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not values:
            raise ValueError("it names none")
        for value in values:
            if value not in known:
                raise ValueError(f"{value!r} is not one of {', '.join(known)}")
        return values

    return AfterValidator(check)


class Settings(BaseModel):
    """What every service can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    log_level: str = setting("SPARK_LOG_LEVEL", "info", pattern="^(debug|info|warning|error)$")


SettingsT = TypeVar("SettingsT", bound=Settings)


def load(cls: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """Read the settings of one service. Raises SettingsError with one line per thing that is wrong."""
    given = _given(environ)
    own = {field.alias for field in cls.model_fields.values()}
    try:
        settings = cls.model_validate({name: value for name, value in given.items() if name in own})
    except ValidationError as exc:
        raise SettingsError("\n".join(_line(error) for error in exc.errors())) from None
    logger.info("settings", **_loggable(settings))
    return settings


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX):
            continue
        secret = variable.removesuffix(_FILE_SUFFIX)
        if variable in NAMES:
            if value:  # an empty variable is an unset one: that is how a compose file passes a default on
                given[variable] = value
        elif variable.endswith(_FILE_SUFFIX) and secret in SECRETS:
            if environ.get(secret):
                raise SettingsError(f"{variable} and {secret} are both set; keep one")
            if value:
                given[secret] = _read_secret(variable, value)
        else:
            _refuse_near_miss(variable)
    return given


def _read_secret(variable: str, path: str) -> str:
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as exc:
        raise SettingsError(f"{variable}: cannot read {path!r} ({exc}); name a readable text file") from exc
    if not secret:
        raise SettingsError(f"{variable}: {path!r} is empty; it holds what would be the value")
    return secret


def _refuse_near_miss(variable: str) -> None:
    forms = [*NAMES, *(name + _FILE_SUFFIX for name in SECRETS)]
    near = difflib.get_close_matches(variable, forms, n=1, cutoff=_NEAR)
    if near:
        raise SettingsError(f"{variable} is not a setting; did you mean {near[0]}?")
    logger.warning("unknown setting ignored", name=variable)


def _line(error: Any) -> str:
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{name} is not set; it takes {NAMES[name]}"
    may_hold_a_secret = name in SECRETS or any(mark in str(error["input"]) for mark in "@?")
    value = "" if may_hold_a_secret else f"={error['input']!r}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}{value} cannot be used ({message}); it takes {NAMES[name]}"


def _loggable(settings: Settings) -> dict[str, str]:
    """Return the settings under their variables' names, passwords masked by their type."""
    return {str(field.alias): str(getattr(settings, name)) for name, field in type(settings).model_fields.items()}

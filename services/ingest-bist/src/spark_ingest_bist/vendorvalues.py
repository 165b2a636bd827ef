"""What one key of a vendor's file may hold: paths, texts with places to fill in, frames, addresses; each is checked."""

from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from spark_ingest_bist.jsontext import said
from spark_ingest_bist.templates import Template, checked, secret_name, texts_in, unquoted

_DEEPEST: Final = 20


def _path(value: object) -> object:
    text = said(value)
    if text is None or isinstance(value, bool):
        raise ValueError("it is no path")
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError("a part between two points is empty")
    return steps


def _text(value: object) -> object:
    text = said(value)
    return repr(value) if isinstance(value, float) else value if text is None else text


def several(value: object) -> object:
    """Let one thing stand for a list of it."""
    return value if isinstance(value, list) else [value]


def _template(value: object) -> Template:
    if place := unquoted(value):
        raise ValueError(f'{place} wants quotes: "{place}"')
    if not isinstance(value, str) or not value:
        raise ValueError("it is no text")
    return checked(value)


def _frame(value: object) -> object:
    """Check what goes out as text or JSON."""
    _check_json(value, 0)
    for text in texts_in(value):
        checked(text)
    return value


def _check_json(value: object, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply, or contains itself")
    match value:
        case None | str() | bool() | int() | float():
            return
        case list():
            for item in value:
                _check_json(item, depth + 1)
        case dict():
            if place := unquoted(value):
                raise ValueError(f'{place} wants quotes: "{place}"')
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError(f"the key {key!r} is no text; put it in quotes")
                _check_json(item, depth + 1)
        case _:
            raise ValueError(f"{value} is nothing that JSON has; put it in quotes")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as exc:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("there is no such zone") from exc
    return name


def _address(*schemes: str) -> AfterValidator:
    def check(template: Template) -> Template:
        scheme, sign, rest = template.text.partition("://")
        host = rest.partition("/")[0].partition("?")[0]
        if not sign or scheme not in schemes or not host or "{" in host or "@" in host or "#" in rest:
            raise ValueError(f"it does not begin like {' or '.join(f'{each}://host/' for each in schemes)}")
        if any(letter.isspace() for letter in template.text):
            raise ValueError("it has a blank in it")
        return template

    return AfterValidator(check)


def _no_symbols(template: Template) -> Template:
    if any(secret_name(name) is None for name in template.names):
        raise ValueError("only {secret} can be filled in here")
    return template


def _header(template: Template) -> Template:
    if not template.text.isascii() or not template.text.isprintable():
        raise ValueError("a header takes plain letters on one line")
    return _no_symbols(template)


Path = Annotated[tuple[str, ...], BeforeValidator(_path)]
Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(several), Field(min_length=1)]
Filled = Annotated[Template, BeforeValidator(_template)]
SecretOnly = Annotated[Filled, AfterValidator(_no_symbols)]
HeaderName = Annotated[Text, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
Headers = dict[HeaderName, Annotated[Filled, AfterValidator(_header)]]
Frame = Annotated[Any, BeforeValidator(_frame)]
HttpAddress = Annotated[Filled, _address("https", "http")]
WsAddress = Annotated[SecretOnly, _address("wss", "ws")]
ZoneName = Annotated[str, AfterValidator(_zone)]

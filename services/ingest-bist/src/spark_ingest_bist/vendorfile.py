"""A vendor's file: YAML in, a checked description out, or every error with its line."""

import difflib
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from spark_ingest_bist.vendormodel import Section, Vendor, sections

_LARGEST: Final = 1_000_000
_NEAR: Final = 0.6
_NO_NUMBER: Final = {"float_parsing", "int_parsing"}
_MAY_HOLD_A_SECRET: Final = {"url", "headers", "query", "basic", "body", "subscribe", "send"}


class BadVendorFile(ValueError):
    """The file cannot be used; the text has a line for each thing that is wrong, with the file's line."""


def read_vendor(path: str | Path) -> Vendor:
    """Read a vendor's file. Raises BadVendorFile."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, UnicodeError) as exc:
        raise BadVendorFile(f"{path}: cannot be read ({exc}); name a readable YAML file in UTF-8") from exc
    return parse_vendor(text, str(path))


def parse_vendor(text: str, name: str) -> Vendor:
    """Read a vendor's description; ``name`` is what errors call it. Raises BadVendorFile."""
    if len(text) > _LARGEST:
        raise BadVendorFile(f"{name}: it has more than {_LARGEST} letters; a vendor's file has a few hundred lines")
    try:
        root = YAML(typ="safe", pure=True).compose(StringIO(text))
        data = YAML(typ="safe", pure=True).load(StringIO(text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = _first_line(exc.problem or exc.context)
        raise BadVendorFile(f"{name}, line {line}: not YAML: {problem}{_advice(problem)}") from None
    except (YAMLError, ValueError, RecursionError, TypeError) as exc:
        raise BadVendorFile(f"{name}: not YAML: {_first_line(str(exc))}") from None
    if not isinstance(data, dict):
        raise BadVendorFile(f"{name}, line 1: it is no mapping; it begins with a line such as vendor: NAME")
    try:
        return Vendor.model_validate(data)
    except ValidationError as exc:
        errors = exc.errors()
        meant = {(*error["loc"][:-1], _meant(error["loc"])) for error in errors if _extra(error)}
        told = {_told(error, root) for error in errors if error["type"] != "missing" or error["loc"] not in meant}
        raise BadVendorFile("\n".join(f"{name}, line {line}: {what}" for line, what in sorted(told))) from None


def _told(error: Any, root: Node) -> tuple[int, str]:
    """Return the line of an error, and the error in words."""
    extra = [error["ctx"]["key"]] if error["type"] == "key" else []
    places = [*map(str, error["loc"]), *extra]
    line, keys = _located(root, places)
    where = _spelled(keys)
    if error["type"] == "missing":
        return line, f"{_spelled(places)} is missing; it takes {_takes(places)}"
    if _extra(error):
        return line, f"{where} is not a key here{_hint(keys)}"
    if error["type"] == "key":
        return line, f"{where}: {error['msg']}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in _NO_NUMBER and "," in str(error["input"]):
        message = "a number has a point, not a comma"
    return line, f"{where}{_found(keys, error['input'])} cannot be used ({message}); it takes {_takes(keys)}"


def _spelled(keys: Sequence[str]) -> str:
    return ".".join(key if key.isprintable() else repr(key) for key in keys)


def _located(root: Node, places: Sequence[str]) -> tuple[int, list[str]]:
    """Return the line (from 1) of the deepest place that is in the file, and the keys that lead to it."""
    node, line, keys = root, root.start_mark.line + 1, []
    for place in places:
        match node:
            case MappingNode():
                found = next(((key, value) for key, value in node.value if key.value == place), None)
                if found is None:
                    continue
                line, node = found[0].start_mark.line + 1, found[1]
            case SequenceNode() if place.isdigit() and int(place) < len(node.value):
                node = node.value[int(place)]
                line = node.start_mark.line + 1
            case _:
                continue
        keys.append(place)
    return line, keys


def _models(keys: Sequence[str]) -> Iterator[type[Section]]:
    """Yield the section that each of ``keys`` is a key of, and last the one that they lead to, if there is one."""
    model: type[Section] = Vendor
    yield model
    for key in keys:
        field = next((each for each in model.model_fields.values() if each.alias == key), None)
        if field is not None:
            inner = sections(field.annotation)
            if not inner:
                return
            model = inner[0]
        yield model


def _takes(keys: Sequence[str]) -> str:
    """Return what the last of ``keys`` that has a description takes."""
    takes = "keys that the documentation lists"
    for model, key in zip(_models(keys), keys, strict=False):
        for field in model.model_fields.values():
            if field.alias == key and field.description:
                takes = field.description
    return takes


def _extra(error: Any) -> bool:
    return bool(error["type"] == "extra_forbidden")


def _meant(places: Sequence[str | int]) -> str | None:
    """Return the key that the last of ``places`` nearly is; for that one it is not said that it is missing."""
    *above, key = map(str, places)
    near = difflib.get_close_matches(key, _known(above), n=1, cutoff=_NEAR)
    return near[0] if near else None


def _known(above: Sequence[str]) -> list[str]:
    *_, model = _models(above)
    return [str(field.alias) for field in model.model_fields.values()]


def _hint(keys: Sequence[str]) -> str:
    near = _meant(keys)
    return f"; did you mean {near}?" if near else f"; there are {', '.join(_known(keys[:-1]))}"


def _found(keys: Sequence[str], value: object) -> str:
    """Return what was found, unless a key may have been written into it."""
    if isinstance(value, dict | list) or _MAY_HOLD_A_SECRET & set(keys):
        return ""
    return f": {value!r:.60}"


def _advice(problem: str) -> str:
    """Return what to do about what YAML's reader says, which names what it found and not what is wrong."""
    if "'\\t'" in problem:
        return "; indent with blanks, not with tabs"
    if problem.startswith("found duplicate key"):
        return "; keep one"
    return (
        "; see that the keys of one section begin in one column, here and in the lines before, and that a text with"
        " a colon in it, or that begins with one of { [ @ % * & !, stands in quotes"
    )


def _first_line(text: object) -> str:
    return (str(text).strip().splitlines() or ["nothing to read"])[0]

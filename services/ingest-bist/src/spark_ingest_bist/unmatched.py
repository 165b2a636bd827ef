"""What a vendor's file names and nothing that came has: most likely names that are not the vendor's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic.alias_generators import to_camel

from spark_ingest_bist.jsontext import ABSENT, decode, find, said
from spark_ingest_bist.quotes import MalformedAnswer
from spark_ingest_bist.vendormodel import ASKED, KEY, Fields, Shape, Vendor
from spark_ingest_bist.vendorrows import RowReader

_MOST_NAMES: Final = 40


def unmatched_answer(vendor: Vendor, body: bytes) -> Iterator[str]:
    """Yield a line for each field of ``poll`` that no row of an answer has."""
    if vendor.poll is not None:
        yield from _unmatched("poll", vendor.poll, vendor, _decoded([body]))


def unmatched_frames(vendor: Vendor, frames: Sequence[bytes]) -> Iterator[str]:
    """Yield a line for each field of ``ws`` that no row of its type of frames has."""
    if vendor.ws is None:
        return
    came = _decoded(frames)
    for kind, shape in vendor.ws.shapes.items():
        if shape is None:
            continue
        path = vendor.ws.type
        alike = came if kind is None or path is None else [frame for frame in came if said(find(frame, path)) == kind]
        yield from _unmatched("ws" if kind is None else f"ws.messages.{kind}", shape, vendor, alike)


def _decoded(bodies: Sequence[bytes]) -> list[Any]:
    found = []
    for body in bodies:
        try:
            found.append(decode(body))
        except MalformedAnswer:
            continue  # which is told elsewhere
    return found


def _unmatched(where: str, shape: Shape, vendor: Vendor, answers: Sequence[Any]) -> Iterator[str]:
    rows = [row for answer in answers for row in _rows(RowReader(shape, vendor), answer)]
    if not rows:
        return
    missing = [
        f"{where}.{key}: no row has {'.'.join(path)}"
        for key, path in _paths(shape).items()
        if all(find(row, path) is ABSENT for row in rows)
    ]
    yield from missing
    if missing and isinstance(rows[0], dict):
        yield f"the first row has {', '.join(list(rows[0])[:_MOST_NAMES])}"


def _rows(reader: RowReader, answer: Any) -> list[Any]:
    try:
        return [row for _, row in reader.rows(answer) if reader.wanted(row)]
    except MalformedAnswer:
        return []  # which is told elsewhere


def _paths(shape: Shape) -> Mapping[str, tuple[str, ...]]:
    named = {f"fields.{to_camel(name)}": getattr(shape.fields, name) for name in Fields.model_fields}
    named |= {f"time.{name}": getattr(shape.time, name) for name in ("field", "date", "time")}
    return {key: path for key, path in named.items() if path and path not in ((KEY,), (ASKED,))}

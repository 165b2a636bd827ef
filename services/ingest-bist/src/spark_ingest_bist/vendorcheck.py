"""Check a vendor's file before it is used: ``python -m spark_ingest_bist.vendorcheck FILE``.

Nothing is sent unless ``--ask`` is given. Exit status: 0 all well, 1 what came is of no use, 2 the file or the secret
cannot be used.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from spark_ingest import websocket
from spark_ingest.fetching import TooLarge, exchange
from spark_ingest.websocket import Closed, connected
from spark_ingest_bist.poller import LARGEST
from spark_ingest_bist.push import LARGEST_FRAME
from spark_ingest_bist.quotes import Answer, MalformedAnswer, Quote, Refused
from spark_ingest_bist.refusals import by_status
from spark_ingest_bist.secretvalues import MissingSecret, Secrets, secrets
from spark_ingest_bist.settings import HttpUrl
from spark_ingest_bist.symbols import symbol_of
from spark_ingest_bist.unmatched import unmatched_answer, unmatched_frames
from spark_ingest_bist.vendor import VendorPollProtocol
from spark_ingest_bist.vendorfile import BadVendorFile, read_vendor
from spark_ingest_bist.vendormodel import Vendor
from spark_ingest_bist.vendorpush import VendorPushProtocol
from spark_ingest_bist.vendorshown import MOST_SHOWN, show, show_age, show_unmatched
from spark_service import logs
from spark_service.settings import Settings, SettingsError, load, setting

_LISTEN_S = 20.0


class CheckSettings(Settings):
    """What the ingest would be told."""

    secret: SecretStr | None = setting("SPARK_BIST_SECRET", None)
    url: HttpUrl | None = setting("SPARK_BIST_URL", None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names, tell, and return the exit status."""
    given = _parser().parse_args(arguments)
    try:
        symbols = tuple(symbol_of(text) for text in given.symbols.split(",") if text.strip())
        settings = load(CheckSettings, os.environ)
        vendor = read_vendor(given.file)
    except (BadVendorFile, SettingsError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 2
    _tell_of(vendor, symbols)
    keys, lacking = _keys(vendor, settings.secret)
    well = True
    try:
        if given.answer is not None:
            well &= _read_answer(vendor, keys, given.answer.read_bytes(), given.status, symbols)
        if given.frames is not None:
            well &= _read_frames(vendor, keys, given.frames.read_bytes(), symbols)
        if given.ask and not lacking:
            came = asyncio.run(_ask(vendor, keys, None if settings.url is None else str(settings.url), symbols))
            show_age(came.quotes, vendor.delay, _now_ms())
            well &= came.well
            if given.save is not None:
                given.save.write_bytes(came.saved)
    except OSError as exc:
        print(exc, file=sys.stderr)
        return 2
    return 2 if lacking else 0 if well else 1


def _keys(vendor: Vendor, given: SecretStr | None) -> tuple[Secrets, bool]:
    """Return the secrets, and whether any is lacking."""
    try:
        keys = secrets(given, vendor.secret_names, vendor.header_secret_names)
    except MissingSecret as exc:
        print(f"secrets: {exc}", file=sys.stderr)
        return Secrets({}), True
    print(f"secrets: {'all that it names are set' if vendor.secret_names else 'it names none'}")
    return keys, False


@dataclass
class _Came:
    well: bool
    saved: bytes = b""
    quotes: list[Quote] = field(default_factory=list)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spark_ingest_bist.vendorcheck", description=__doc__)
    parser.add_argument("file", help="the vendor's YAML file")
    parser.add_argument("--symbols", default="THYAO,GARAN,XU100", help="by comma; THYAO,GARAN,XU100 without it")
    parser.add_argument("--answer", type=Path, help="show what an answer that was saved becomes")
    parser.add_argument("--status", type=int, default=200, help="the HTTP status that it came with, 200 without it")
    parser.add_argument("--frames", type=Path, help="show what frames that were saved, one a line, become")
    parser.add_argument("--ask", action="store_true", help=f"ask the vendor once, or listen for {_LISTEN_S:g} s")
    parser.add_argument("--save", type=Path, help="with --ask: where to save what came")
    return parser


def _tell_of(vendor: Vendor, symbols: Sequence[str]) -> None:
    mode = "delayed" if vendor.delay else "real"
    print(f"{vendor.vendor}: ticks will be marked {mode}, {vendor.delay:g} min behind the market")
    print(f"licence: {vendor.licence}")
    if vendor.quality:
        print(f"quality: {vendor.quality}")
    if vendor.poll is not None:
        requests = -(-len(symbols) // vendor.poll.most_symbols)
        print(
            f"poll: every {vendor.poll.interval:g} s; requests for {len(symbols)} symbols: one round is {requests},"
            f" an hour {requests * 3600 / vendor.poll.interval:.0f}"
        )
    if vendor.ws is not None:
        print(f"ws: {vendor.ws.url.text.partition('?')[0]}")
    print(f"SPARK_BIST_SYMBOLS=*: {'possible' if vendor.lists else 'not possible, it cannot list its symbols'}")


def _read_answer(vendor: Vendor, keys: Secrets, body: bytes, status: int, symbols: Sequence[str]) -> bool:
    if vendor.poll is None:
        print("--answer is for files with poll; use --frames", file=sys.stderr)
        return False
    came = _shown_answer(VendorPollProtocol(vendor, keys), status, body, symbols)
    show_unmatched(unmatched_answer(vendor, body))
    return bool(came.quotes)


def _shown_answer(protocol: VendorPollProtocol, status: int, body: bytes, symbols: Sequence[str]) -> Answer:
    return _shown(lambda: protocol.read(status, body, symbols, _now_ms()))


def _read_frames(vendor: Vendor, keys: Secrets, text: bytes, symbols: Sequence[str]) -> bool:
    if vendor.ws is None:
        print("--frames is for files with ws; use --answer", file=sys.stderr)
        return False
    protocol = VendorPushProtocol(vendor, keys)
    protocol.opening(symbols)
    frames = [line for line in text.splitlines() if line.strip()]
    came = [_shown_frame(protocol, frame) for frame in frames]
    show_unmatched(unmatched_frames(vendor, frames))
    return any(each.quotes for each in came)


def _shown_frame(protocol: VendorPushProtocol, frame: bytes) -> Answer:
    return _shown(lambda: protocol.receive(frame, _now_ms()))


def _shown(read: Callable[[], Answer]) -> Answer:
    """Return what was read, and shown; nothing where it could not be read."""
    try:
        answer = read()
    except (MalformedAnswer, Refused) as exc:
        print(f"no data: {exc}")
        return Answer()
    show(answer)
    return answer


async def _ask(vendor: Vendor, keys: Secrets, base: str | None, symbols: Sequence[str]) -> _Came:
    came = []
    if vendor.poll is not None:
        polled = await _poll(VendorPollProtocol(vendor, keys, base), vendor.poll.timeout_s, keys, symbols)
        show_unmatched(unmatched_answer(vendor, polled.saved))
        came.append(polled)
    if vendor.ws is not None:
        heard = await _listen(VendorPushProtocol(vendor, keys, base), symbols)
        show_unmatched(unmatched_frames(vendor, heard.saved.splitlines()))
        came.append(heard)
    return _Came(
        all(each.well for each in came),
        b"".join(each.saved for each in came),
        [quote for each in came for quote in each.quotes],
    )


async def _poll(protocol: VendorPollProtocol, within_s: float, keys: Secrets, symbols: Sequence[str]) -> _Came:
    asked = symbols[: protocol.most_symbols]
    request = protocol.request(asked)
    print(f"asking: {request.label} for {','.join(asked)}")
    try:
        async with httpx.AsyncClient(timeout=within_s) as client:
            built = client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            response, body = await exchange(client, built, within_s=within_s, most_bytes=LARGEST)
    except (httpx.HTTPError, httpx.InvalidURL, TooLarge) as exc:
        print(f"no answer: {keys.scrubbed(f'{type(exc).__name__} {exc}')}")
        return _Came(False)
    print(f"status {response.status_code}, {len(body)} bytes")
    answer = _shown_answer(protocol, response.status_code, body, asked)
    return _Came(bool(answer.quotes), body, list(answer.quotes))


async def _listen(protocol: VendorPushProtocol, symbols: Sequence[str]) -> _Came:
    endpoint = protocol.endpoint()
    print(f"listening: {endpoint.label} for {','.join(symbols)}")
    came = _Came(False)
    try:
        async with connected(endpoint.url, endpoint.headers, LARGEST_FRAME) as ws, asyncio.timeout(_LISTEN_S):
            await ws.send(*protocol.opening(symbols))
            for _ in range(MOST_SHOWN):
                frame = await ws.receive()
                came.saved += frame + b"\n"
                came.quotes += _shown_frame(protocol, frame).quotes
                came.well = bool(came.quotes)
    except TimeoutError:
        print(f"no more frames within {_LISTEN_S:g} s")
    except websocket.Refused as exc:
        print(f"no connection: {by_status(exc.status)}: {exc}")
    except (OSError, Closed) as exc:
        print(f"lost: {endpoint.scrubbed(f'{type(exc).__name__} {exc}')}")
    return came


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    logs.configure("vendorcheck", "warning")
    sys.exit(main())

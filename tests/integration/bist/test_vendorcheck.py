"""The check that a new user runs first: the real command, at the simulated vendors."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from integration.bist.stream import FakeStream
from integration.bist.test_vendors import clock, simulated
from spark_ingest_bist import push
from support import vendors


async def check(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Run it as a user does; return its status, what it says and what it complains of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "spark_ingest_bist.vendorcheck", *map(str, arguments),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_broken_file_is_told_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    text = (vendors.FOLDER / "ideal.yaml").read_text("utf-8")
    file.write_text(text.replace("interval: 10", "intervall: 10").replace("price: e", "prize: e"), encoding="utf-8")

    status, out, err = await check(file)

    lines = text.splitlines()
    interval = next(number for number, line in enumerate(lines, 1) if "interval: 10" in line)
    price = next(number for number, line in enumerate(lines, 1) if "price: e" in line)
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        f"{file}, line {interval}: poll.intervall is not a key here; did you mean interval?",
        f"{file}, line {price}: poll.fields.prize is not a key here; did you mean price?",
    ]


async def test_what_a_saved_answer_becomes_needs_no_secret_but_it_is_missed(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_bytes(vendors.body(vendors.IDEAL))

    status, out, err = await check(vendors.FOLDER / "ideal.yaml", "--answer", answer, "--symbols", "garan,XU100,THYAO")

    assert status == 2
    assert "{secret} is needed; set SPARK_BIST_SECRET or SPARK_BIST_SECRET_FILE" in err
    assert "GARAN  price 114.4  bid 114.3  ask 114.4  previousClose 109" in out
    assert "at 2024-11-21 14:55:11+03:00" in out
    assert "not in the answer: THYAO" in out


async def test_what_saved_frames_become(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.write_bytes(b"\n".join(map(vendors.body, [*vendors.LAPLACE, {"t": "pr", "d": {"s": "THYAO"}}, 7])))

    status, out, _ = await check(
        vendors.FOLDER / "laplace.yaml", "--frames", frames, "--symbols", "THYAO", SPARK_BIST_SECRET=vendors.KEY
    )

    assert status == 0
    assert "THYAO  price 304.25  changePct 1.25  at 2026-04-27 10:05:00+03:00" in out
    assert "malformed THYAO: bad_time" in out
    assert "no data: shape" in out


@pytest.mark.parametrize("name", ["ideal", "algolab"])
async def test_asking_once_shows_and_saves_what_comes(tmp_path: Path, name: str) -> None:
    secret, saved = tmp_path / "secret", tmp_path / "saved"
    secret.write_text(vendors.KEY if name == "ideal" else vendors.SEVERAL, encoding="utf-8")
    async with simulated(clock()) as simulator:
        status, out, err = await check(
            vendors.FOLDER / f"{name}.yaml", "--symbols", "THYAO", "--ask", "--save", saved,
            SPARK_BIST_SECRET_FILE=str(secret), SPARK_BIST_URL=f"{simulator.http_url}/bist/{name}",
        )  # fmt: skip

    assert (status, err) == (0, "")
    assert "THYAO  price " in out
    assert "THYAO" in json.dumps([json.loads(line) for line in saved.read_text("utf-8").splitlines()])
    assert vendors.KEY not in out


@pytest.mark.parametrize("name", ["ideal", "laplace"])
async def test_a_refusal_is_told_in_the_vendors_words(name: str) -> None:
    async with simulated(clock()) as simulator:
        status, out, err = await check(
            vendors.FOLDER / f"{name}.yaml", "--ask",
            SPARK_BIST_SECRET=vendors.KEY[::-1], SPARK_BIST_URL=f"{simulator.http_url}/bist/{name}",
        )  # fmt: skip

    assert status == 1
    assert ("forbidden: status 401: Permission401" if name == "ideal" else "forbidden: refused with status 401") in out
    assert vendors.KEY[::-1] not in out + err


async def test_names_that_no_row_has_are_told_with_those_that_it_has(tmp_path: Path) -> None:
    """A bid that is called otherwise is no error: it would be missing for ever, and nobody told why."""
    file, answer = tmp_path / "my.yaml", tmp_path / "answer.json"
    text = (vendors.FOLDER / "ideal.yaml").read_text("utf-8")
    file.write_text(text.replace("bid: g", "bid: best.bid").replace("price: e", "price: last"), encoding="utf-8")
    answer.write_bytes(vendors.body(vendors.IDEAL))

    _, out, _ = await check(file, "--answer", answer, "--symbols", "GARAN")

    assert "  poll.fields.price: no row has last\n" in out
    assert "  poll.fields.bid: no row has best.bid\n" in out
    assert "  the first row has a, b, c, d, e, f, g, h, i, j, k" in out
    assert out.count("no row has") == 2


async def test_of_frames_each_type_is_looked_at_by_itself(tmp_path: Path) -> None:
    file, frames = tmp_path / "my.yaml", tmp_path / "frames"
    text = (vendors.FOLDER / "laplace.yaml").read_text("utf-8")
    file.write_text(text.replace("changePct: ch", "changePct: percent"), encoding="utf-8")
    frames.write_bytes(b"\n".join(map(vendors.body, vendors.LAPLACE)))

    _, out, _ = await check(file, "--frames", frames, "--symbols", "THYAO", SPARK_BIST_SECRET=vendors.KEY)

    assert "  ws.messages.pr.fields.changePct: no row has percent\n" in out
    assert out.count("no row has") == 1


async def test_asking_tells_how_old_the_newest_time_is() -> None:
    """Whoever declares no delay, and looks at times of a quarter of an hour ago, is to see it."""
    async with simulated(clock()) as simulator:
        _, out, _ = await check(
            vendors.FOLDER / "ideal.yaml", "--symbols", "THYAO", "--ask",
            SPARK_BIST_SECRET=vendors.KEY, SPARK_BIST_URL=f"{simulator.http_url}/bist/ideal",
        )  # fmt: skip

    assert re.search(r"the newest time is [0-9,.]+ min ago; while the market trades that is about the delay, 15", out)


async def test_an_address_that_the_ingest_would_refuse_is_refused() -> None:
    status, _, err = await check(vendors.FOLDER / "laplace.yaml", SPARK_BIST_URL="ws://127.0.0.1:9200")

    assert status == 2
    assert "SPARK_BIST_URL" in err
    assert "http://" in err


async def test_what_the_ingest_would_not_take_fails_the_check(tmp_path: Path) -> None:
    """By its bounds, not by others: a user relies on the check."""
    file = tmp_path / "my.yaml"
    file.write_text(
        """
vendor: Large
licence: for tests
delay: 0
ws: {url: "wss://v.example/ws", subscribe: all, fields: {symbol: s, price: p}, time: receive}
""",
        encoding="utf-8",
    )
    frame = '{"s":"THYAO","p":300,"x":"' + "x" * push.LARGEST_FRAME + '"}'
    async with FakeStream([frame]) as stream:
        status, out, _ = await check(file, "--ask", SPARK_BIST_URL=stream.url.replace("ws://", "http://"))

    assert status == 1
    assert "lost: Closed" in out
    assert "price 300" not in out

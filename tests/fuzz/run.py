"""`make fuzz`: throws at least a million inputs at the protocol, led by which code they reach.

It begins with a frame of each kind and a list of words, and keeps what it finds no longer than it runs. An input that
breaks something is left in the folder named at the end: give its path as the argument to run that alone.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])

from support.frames import difference_frame, of_every_kind, ticker_frame, trade_frame  # noqa: E402, see above

_TARGET = Path(__file__).with_name("protocol_target.py")
_WORDS = [
    "NaN", "sNaN", "Infinity", "-Infinity", "1e999999999", "1e-7", "1E+15", "-1", "-0.0", "1_000", "\u0661",
    "999999999999999", "1000000000000000", "0.000000000000000001", "0.0000000000000000001", "1.000000", "null", "true",
    "false", "{}", "[]", "all", "ticker", "trade", "obdiff", "orderbook", "BTCTRY", "ETHTRY", "BTC", "TRY", "\\ud800",
    "\\u0031", "1787692476996", "1787692476996.0", "100163842129199947", "9" * 20, "401", "402", "421", "422", "431",
    "432", "100", "991",
]  # fmt: skip
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")


def main() -> int:
    """Fuzz, and return 0 when so many inputs were run and nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="?", type=Path, help="run this input alone")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs (default 1,000,000)")
    parser.add_argument("--seconds", type=int, default=1800, help="give up after so long (default 1800)")
    given = parser.parse_args()
    if given.input is not None:
        return subprocess.run([sys.executable, _TARGET, given.input], check=False).returncode
    folder = Path(tempfile.mkdtemp(prefix="spark-fuzz-"))
    with tempfile.TemporaryDirectory() as scratch:
        command = _prepared(Path(scratch), folder, given.runs, given.seconds)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as fuzzer:
            assert fuzzer.stderr is not None
            lines = [_shown(line) for line in fuzzer.stderr]
    ran = [int(found[1]) for line in lines if (found := _DONE.match(line))]
    if fuzzer.returncode != 0:
        print(f"something broke; what broke it is in {folder}")
        return 1
    folder.rmdir()
    if not ran or ran[0] < given.runs:
        print(f"only {ran[0] if ran else 0:,} of {given.runs:,} inputs in {given.seconds} s")
        return 1
    print(f"{ran[0]:,} inputs, and each said something or was a malformed frame")
    return 0


def _prepared(scratch: Path, folder: Path, runs: int, seconds: int) -> list[str]:
    """Write the seeds and the words; return the command to run."""
    corpus = scratch / "corpus"
    corpus.mkdir()
    frames = of_every_kind()
    seeds = [*frames, b"\n".join([ticker_frame(), ticker_frame(LA="3780292")]), b"\n".join(frames[:2])]
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    keys = {key for frame in (ticker_frame(), trade_frame(), difference_frame()) for key in json.loads(frame)[1]}
    words = [*_WORDS, *(f'"{key}":' for key in sorted(keys | {"CP", "P", "items", "symbol", "ok", "message"}))]
    dictionary = scratch / "words"
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words), encoding="ascii")
    return [
        sys.executable, str(_TARGET), f"-runs={runs}", f"-max_total_time={seconds}", "-max_len=2048", "-timeout=10",
        "-rss_limit_mb=2048", f"-dict={dictionary}", f"-artifact_prefix={folder}/", "-print_final_stats=1",
        "-reload=0", str(corpus),
    ]  # fmt: skip


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def _shown(line: str) -> str:
    if "REDUCE" not in line and not line.startswith('"'):  # the same reached by less, and words it would add
        print(line, end="", flush=True)
    return line


if __name__ == "__main__":
    sys.exit(main())

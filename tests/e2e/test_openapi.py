"""The description is kept to: thousands of requests made from it, and each answer compared with what it promises."""

import asyncio
import sys
from pathlib import Path

from support.stack import UNLIMITED, Stack

HERE = Path(__file__).parent / "openapi"
PATIENCE_S = 120


async def test_every_answer_is_as_the_description_says() -> None:
    """Schemathesis takes what is allowed, what is not, and what is at the edge, over all routes; the same each time."""
    async with Stack(UNLIMITED) as stack:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml",
            "run", f"{stack.gateway_url}/openapi.json",
            cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

        assert process.returncode == 0, said.decode()
        assert "15 selected / 15 total" in said.decode()
        assert "Traceback" not in stack.gateway.log.read_text()

"""Run the simulator: ``python -m spark_simulator``."""

from spark_service import lifecycle
from spark_simulator import server
from spark_simulator.settings import Settings


async def main(settings: Settings) -> None:
    """Serve until stopped."""
    async with server.running(settings) as simulator:
        await simulator.serve()


if __name__ == "__main__":
    lifecycle.run("simulator", Settings, main)

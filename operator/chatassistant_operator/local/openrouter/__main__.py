"""`python -m chatassistant_operator.local.openrouter`: the stand-in as a process of its own."""

import argparse
import asyncio
import signal
import sys

from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.local.openrouter.situations import KEYS


async def _serve(host: str, port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with StandIn(host, port) as stand_in:
        sys.stdout.write(f"{stand_in.base_url}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Print the base URL, and serve until SIGTERM or Ctrl-C."""
    keys = "\n".join(f"  {key.token}  {key.name}" for key in KEYS.values())
    parser = argparse.ArgumentParser(
        description="A stand-in for OpenRouter.",
        epilog=f"It knows these keys:\n{keys}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; 0 for any free one")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()

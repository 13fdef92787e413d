"""A Redis server: commands and the scripts of `lua/`, answered in time or not at all."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from importlib.resources import files
from typing import Any, Final, cast

from pydantic import SecretStr
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chatassistant_chatbot.store.protocol import StoreError

MOST_AT_A_TIME: Final = 16
"""Operations, each on a connection of its own; more would wait for each other's processor time only."""

_TIMEOUT_SECONDS: Final = 0.5
_SCRIPTS: Final = (
    "append", "cache", "change", "create", "delete", "list", "read", "reserve", "restore", "settle", "take",
)  # fmt: skip


class Server:
    """The server at a URL, as far as keys with a prefix go; raises `StoreError` for what it does not do in time.

    Raises:
        ValueError: when the URL is none of Redis's; the text may hold the URL.
    """

    def __init__(self, url: SecretStr, prefix: str) -> None:
        self.prefix = prefix
        # Any, because the library's types do not tell what its answers are.
        pool: Any = cast("Any", BlockingConnectionPool).from_url(
            url.get_secret_value(),
            max_connections=MOST_AT_A_TIME,
            timeout=None,
            socket_timeout=2 * _TIMEOUT_SECONDS,
            socket_connect_timeout=2 * _TIMEOUT_SECONDS,
            # What was sent may have been done already, and the caller has something else to fall back on.
            retry=Retry(NoBackoff(), 0),
            # Nothing about the library, which takes two more exchanges for each connection.
            driver_info=None,
            protocol=2,
        )
        try:
            # What cannot be had of options in the URL, such as a certificate, is noticed only here.
            tls = getattr(pool.make_connection(), "ssl_context", None)
            if tls is not None:
                tls.get()
        except (TypeError, OSError, RedisError) as error:
            raise ValueError(str(error)) from None
        self._client: Any = Redis(connection_pool=pool)
        self._asking: set[asyncio.Task[Any]] = set()
        folder = files("chatassistant_chatbot.store") / "lua"
        self._scripts = {
            name: self._client.register_script((folder / f"{name}.lua").read_text(encoding="utf-8"))
            for name in _SCRIPTS
        }

    async def close(self) -> None:
        """Close all connections, after what is under way has ended, which it does in time."""
        if self._asking:
            await asyncio.wait(self._asking)
        # A server that does not say goodbye is left all the same.
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose(close_connection_pool=True)

    async def command(self, name: str, key: str, *arguments: str | bytes | int) -> Any:
        """What a command on a key gives."""
        return await self._answer(self._client.execute_command(name, self.prefix + key, *arguments))

    async def run(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """What a script gives."""
        names = [self.prefix + key for key in keys]
        return await self._answer(self._scripts[script](keys=names, args=arguments))

    async def _answer(self, asked: Coroutine[Any, Any, Any]) -> Any:
        """What the server answers, in time.

        It is asked to the end even when the caller gives up: the library loses a cancellation now and then, which
        would make whoever gives up wait for all that comes after.

        Raises:
            StoreError: for anything else, with the kind of error only: Redis's own words may hold addresses.
        """
        task = asyncio.ensure_future(asked)
        self._asking.add(task)
        task.add_done_callback(self._asked)
        for _ in range(2):
            # In halves, so that a pause of this process, which lets a timer ring late, is not taken for the server's.
            if not task.done():
                await asyncio.wait({task}, timeout=_TIMEOUT_SECONDS / 2)
        if not task.done():
            raise StoreError(TimeoutError.__name__)
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, RedisError | OSError):
            # A connection that failed says so; what it failed by tells more.
            cause = error.__context__ if isinstance(error.__context__, OSError) else error
            raise StoreError(type(cause).__name__)
        raise error

    def _asked(self, task: asyncio.Task[Any]) -> None:
        self._asking.discard(task)
        if not task.cancelled():
            # Looked at, or the loop would complain of what came too late for anybody.
            task.exception()

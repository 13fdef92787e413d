"""The assistant's key, and how a newer one takes its place while requests run.

A mounted Secret is a folder of links into `..data`, which the kubelet swaps by a rename: whoever watches the file
itself sees the first swap only, so the folder is watched.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Final, Protocol

from pydantic import SecretStr

from chatassistant_chatbot.errors import GatewayError, KeyRefusedError
from chatassistant_chatbot.settings.secrets import is_key, trimmed
from chatassistant_chatbot.standing import Standing

logger = logging.getLogger(__name__)

_KEY: Final = re.compile(rb"sk-or-[\w-]{8,}")
_FIRST_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 1.0


class Credential:
    """The key that requests carry now, and how it stands with the gateway.

    `new_key_refused` says that the file holds another one, which the gateway refuses or which is none.
    """

    def __init__(self, key: SecretStr) -> None:
        self.key = key
        self._carried = {key.get_secret_value().encode()}
        self.standing = Standing()
        self.new_key_refused = False

    def masked(self, content: bytes) -> bytes:
        """What a gateway said, without keys: some repeat them in their errors, which go into logs and to callers."""
        return _KEY.sub(b"sk-***", self.without_key(content))

    def without_key(self, content: bytes) -> bytes:
        """An answer without the keys that were carried so far; what only looks like a key is left as it is."""
        for key in self._carried:
            content = content.replace(key, b"***")
        return content

    def replace(self, key: SecretStr) -> None:
        """Carry another key from now on; nothing was said of that one yet."""
        self.key = key
        # Answers to requests with the ones before may still be on their way.
        self._carried.add(key.get_secret_value().encode())
        self.standing.clear()


class Gateway(Protocol):
    """Who knows whether a key is good."""

    async def check_key(self, key: SecretStr) -> None:
        """Return for a good one.

        Raises:
            KeyRefusedError: for any other.
            GatewayError: when there is no definite answer.
        """


async def follow(path: Path, credential: Credential, gateway: Gateway) -> None:
    """Take over each new key of the file that the gateway accepts; never ends."""
    seen = credential.key.get_secret_value()
    deciding: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as group, aclosing(_looks(path.parent)) as looks:
        async for _ in looks:
            found = _read(path)
            if found == seen:
                continue
            seen = found
            if deciding is not None:
                deciding.cancel()
            deciding = group.create_task(_decide(found, credential, gateway))


async def _decide(found: str, credential: Credential, gateway: Gateway) -> None:
    """Ask until there is a definite answer on what the file holds, and act on it."""
    credential.new_key_refused = False
    if found == credential.key.get_secret_value():
        logger.info("the key's file holds the key in use again")
        return
    if not is_key(found):
        credential.new_key_refused = True
        logger.warning("the key's file is missing, empty or holds no key: the key in use is kept")
        return
    key, pause = SecretStr(found), _FIRST_PAUSE_SECONDS
    while True:
        try:
            await gateway.check_key(key)
        except KeyRefusedError as error:
            credential.new_key_refused = True
            logger.warning("the new key is refused (%s): the key in use is kept", error)
            return
        except GatewayError as error:
            seconds = max(pause, error.retry_after or 0.0)
            logger.warning("the gateway cannot tell of the new key (%s): asked again in %g s", error, seconds)
            await asyncio.sleep(seconds)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            credential.replace(key)
            logger.info("the new key is accepted: requests carry it from now on")
            return


async def _looks(folder: Path) -> AsyncGenerator[None, None]:
    """Each time that it is worth to look into the folder: after every change, and every second anyway.

    A change before the watch stands, or to a file that is written in place behind a link, is no event.
    """
    # Only who has a file needs it; pyright misses trio, one of the two kinds of `stop_event`.
    from watchfiles import awatch  # noqa: PLC0415 (see above)  # pyright: ignore[reportUnknownVariableType]

    yield
    try:
        milliseconds = round(_LOOK_SECONDS * 1000)
        changes = awatch(
            folder, recursive=False, watch_filter=None, rust_timeout=milliseconds, yield_on_timeout=True
        )
        async with aclosing(changes):
            async for _ in changes:
                yield
    except (OSError, RuntimeError) as error:
        # A node can run out of inotify watches.
        logger.warning("%s cannot be watched (%s): looked into every second", folder, type(error).__name__)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        yield


def _read(path: Path) -> str:
    try:
        return trimmed(path.read_bytes())
    except OSError:
        return ""

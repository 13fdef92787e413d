"""Every status that any test makes the operator write, and what is wrong with them."""

import asyncio
import json
import os
import ssl
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from support import kstatus
from support.assistants import GROUP, PLURAL, VERSION

BY_HAND: Final = f"{GROUP}/status-by-hand"
"""The label of objects whose status a test writes itself; such are not recorded."""

_PATH: Final = f"/apis/{GROUP}/{VERSION}/{PLURAL}"
_PAUSE_SECONDS: Final = 0.1
_LAST_LOOK_SECONDS: Final = 1
_PATIENCE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, when it was seen, and which test was running.

    Of those with the same `series` none was left out, so that each can be compared with the one before it.
    """

    obj: dict[str, Any]
    seen: datetime
    test: str
    series: str | None

    def __str__(self) -> str:
        metadata = self.obj["metadata"]
        return f"{metadata['namespace']}/{metadata['name']} during {self.test}"


class Recorder:
    """Versions of ChatAssistants, from any thread."""

    def __init__(self, *, by_hand: bool = False) -> None:
        self._by_hand = by_hand
        self._versions: list[Version] = []

    def record(self, obj: dict[str, Any], series: str | None = None) -> None:
        """Keep a version."""
        if self._by_hand or BY_HAND not in obj["metadata"].get("labels", {}):
            test = os.environ.get("PYTEST_CURRENT_TEST", "no test").rpartition(" (")[0] or "no test"
            self._versions.append(Version(obj, datetime.now(UTC), test, series))

    def __len__(self) -> int:
        return len(self._versions)

    def problems(self) -> list[str]:
        """What is wrong with all that was recorded; each thing once for an object and a test."""
        versions = list(self._versions)
        found = [f"{each}: {text}" for each in versions for text in kstatus.violations(each.obj, each.seen)]
        series: dict[tuple[str, str], dict[int, Version]] = defaultdict(dict)
        for each in versions:
            if each.series is not None:
                metadata = each.obj["metadata"]
                series[each.series, metadata["uid"]][int(metadata["resourceVersion"])] = each
        for chain in series.values():
            ordered = [chain[version] for version in sorted(chain)]
            steps = kstatus.history_violations(each.obj for each in ordered)
            found += [f"{ordered[-1]}: {text}" for text in steps]
        return list(dict.fromkeys(found))


_ALL: Final = Recorder()


def record(obj: dict[str, Any], series: str | None = None) -> None:
    """Keep a version for this process's `problems`."""
    _ALL.record(obj, series)


def problems() -> list[str]:
    """What is wrong with all that this process recorded."""
    return _ALL.problems()


class _GoneError(Exception):
    """The API server no longer has the versions since the one that was seen last."""


class Watcher:
    """Records each version of the ChatAssistants of all namespaces, in a thread of its own.

    It lives through restarts of the API server. Where that has forgotten versions, a new series begins.
    """

    def __init__(self, server: str, ca_file: Path, token: str, recorder: Recorder = _ALL) -> None:
        self._url = server + _PATH
        self._ca_file = ca_file
        self._headers = {"Authorization": f"Bearer {token}"}
        self._record = recorder.record
        self._listed = threading.Event()
        self._gaps = 0
        self._version = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="statuses", daemon=True)

    def start(self) -> None:
        """Begin; from here on no version is missed."""
        self._thread.start()
        assert self._listed.wait(_PATIENCE_SECONDS), f"{self._url} could not be listed"

    def stop(self) -> None:
        """End, with every version recorded that was written before this call."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._following.cancel)
            self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(self._ca_file)))
        async with aiohttp.ClientSession(connector=connector, headers=self._headers) as session:
            self._following = asyncio.create_task(self._follow(session))
            await asyncio.wait([self._following])
            if not self._following.cancelled():
                self._following.result()
            with suppress(aiohttp.ClientError, TimeoutError, _GoneError):
                await self._watch(session, seconds=_LAST_LOOK_SECONDS)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        """List and watch for ever; listed anew only when versions were missed."""
        while True:
            try:
                if not self._version:
                    await self._list(session)
                await self._watch(session)
            except _GoneError:
                self._version = ""
                self._gaps += 1
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _list(self, session: aiohttp.ClientSession) -> None:
        async with session.get(self._url, raise_for_status=True) as response:
            listed = await response.json()
        for item in listed["items"]:
            self._record(item, self._series)
        self._version = listed["metadata"]["resourceVersion"]
        self._listed.set()

    async def _watch(self, session: aiohttp.ClientSession, seconds: int | None = None) -> None:
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": self._version}
        if seconds is not None:
            query["timeoutSeconds"] = str(seconds)
        timeout = aiohttp.ClientTimeout(total=None if seconds is None else seconds + _PATIENCE_SECONDS)
        async with session.get(self._url, params=query, timeout=timeout) as response:
            if response.status == 410:
                raise _GoneError
            response.raise_for_status()
            async for event in _events(response):
                if event["type"] == "ERROR":
                    raise _GoneError
                if event["type"] in {"ADDED", "MODIFIED"}:
                    self._record(event["object"], self._series)
                self._version = event["object"]["metadata"]["resourceVersion"]

    @property
    def _series(self) -> str:
        return f"{self._url} {self._gaps}"


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The events of a watch; a line may be longer than aiohttp's own limit."""
    pending = b""
    async for chunk in response.content.iter_any():
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)

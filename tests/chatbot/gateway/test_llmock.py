"""`llmock`, a gateway that breaks on demand and judges its client by what it saw on the wire."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatassistant_chatbot.errors import GatewayError
from support.processes import free_port, start, stop
from support.raw_gateway import client_of
from support.waiting import eventually


class Llmock:
    """A running llmock."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "llmock.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        program = Path(sys.executable).with_name("llmock")
        command = [program, "serve", "--host", "127.0.0.1", "--port", self.url.rpartition(":")[2]]
        self.process: subprocess.Popen[bytes] = start(
            [*command, "--log-level", "warning", "--stream-chunk-delay-ms", "20"],
            self._log,
            {"PATH": os.environ["PATH"]},
        )
        eventually(self._is_there, "llmock serves")

    def reset(self) -> None:
        """Forget what was asked, and what was to be broken."""
        self._control("POST", "reset", {})

    def behave(self, *behaviors: dict[str, Any]) -> None:
        """Break the next requests."""
        self._control("POST", "scenario", {"behaviors": list(behaviors)})

    @property
    def verdict(self) -> dict[str, Any]:
        """What it says of its client."""
        return self._control("GET", "verdict")

    def _control(self, method: str, route: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_llmock/{route}", data, method=method)  # noqa: S310 (our own http URL)
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
            answer: dict[str, Any] = json.loads(response.read())
            return answer

    def _is_there(self) -> bool:
        assert self.process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return bool(self._control("GET", "scenario"))
        except OSError as error:
            raise AssertionError(str(error)) from None


@pytest.fixture(scope="module")
def _llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmock]:
    llmock = Llmock(tmp_path_factory.mktemp("llmock"))
    yield llmock
    stop(llmock.process)


@pytest.fixture
def llmock(_llmock: Llmock) -> Llmock:
    _llmock.reset()
    return _llmock


def fail(status: int, times: int | None = 1, retry_after: float = 0.2) -> dict[str, Any]:
    return {"type": "fail", "status": status, "times": times, "retry_after": retry_after}


def broken(kind: str, after: int) -> dict[str, Any]:
    return {"type": "stream_fault", "kind": kind, "after_chunks": after, "stall_seconds": 30}


async def ask(llmock: Llmock, *, stream: bool) -> list[int]:
    """What an application gets that asks once more when it is told of an error, after the wait that it is told of."""
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    ).encode()
    statuses: list[int] = []
    async with client_of(f"{llmock.url}/v1", timeout=4) as client:
        while len(statuses) < 2 and statuses[-1:] != [200]:
            try:
                if stream:
                    async for _ in await client.stream(body, "r"):
                        pass
                else:
                    await client.complete(body, "r")
                statuses.append(200)
            except GatewayError as error:
                statuses.append(error.status)
                await asyncio.sleep(error.retry_after or 0.3)
    return statuses


def assert_praised(llmock: Llmock, attempts: int) -> None:
    verdict = llmock.verdict
    assert verdict["findings"] == []
    assert verdict["passed"]
    assert verdict["attempts"] == attempts


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("behaviors", "statuses", "attempts"),
    [
        ([], [200], 1),
        ([fail(429)], [200], 2),
        ([fail(503, retry_after=0.8)], [200], 2),
        ([fail(500)], [200], 2),
        ([fail(502, times=2)], [200], 3),
        ([fail(529, times=2)], [200], 3),
        ([fail(408)], [200], 2),
        ([fail(503), fail(500)], [200], 3),
        ([{"type": "delay", "seconds": 1.0}], [200], 1),
    ],
    ids=str,
)
async def test_what_passes(
    llmock: Llmock, behaviors: list[dict[str, Any]], statuses: list[int], attempts: int, stream: bool
) -> None:
    if behaviors:
        llmock.behave(*behaviors)
    assert await ask(llmock, stream=stream) == statuses
    assert_praised(llmock, attempts)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_does_not_pass_is_told_at_once(llmock: Llmock, status: int, stream: bool) -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": %s}'
    llmock.behave(fail(status, times=None))
    async with client_of(f"{llmock.url}/v1", timeout=2) as client:
        with pytest.raises(GatewayError) as failed:
            await (client.stream(body % b"true", "r") if stream else client.complete(body % b"false", "r"))
    assert failed.value.status == status
    assert_praised(llmock, 1)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_an_outage_is_no_reason_for_a_storm(llmock: Llmock, stream: bool) -> None:
    llmock.behave(fail(503, times=None))
    assert await ask(llmock, stream=stream) == [503, 503]
    assert llmock.verdict["passed"]
    assert llmock.verdict["attempts"] == 6


@pytest.mark.parametrize(
    ("kind", "after", "statuses", "attempts"),
    [
        *[
            (kind, after, [502, 200], 2)
            for kind in ("disconnect", "truncate", "malformed")
            for after in (1, 2, 4)
        ],
        *[(kind, 0, [200], 2) for kind in ("disconnect", "truncate", "malformed")],
        ("stall", 0, [504, 200], 2),
        ("stall", 1, [504, 200], 2),
        ("stall", 3, [504, 200], 2),
    ],
)
async def test_streams_that_break(
    llmock: Llmock, kind: str, after: int, statuses: list[int], attempts: int
) -> None:
    llmock.behave(broken(kind, after))
    assert await ask(llmock, stream=True) == statuses
    assert_praised(llmock, attempts)

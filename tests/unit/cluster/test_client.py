"""The client over real HTTP, and how it logs in."""

import asyncio
import base64
import gc
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from chatassistant_operator.cluster import login as login_module
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import (
    ConflictError,
    ExpiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnreachableError,
)
from chatassistant_operator.cluster.kinds import CONFIG_MAP, DEPLOYMENT
from chatassistant_operator.cluster.login import LoginError, login

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}}


@asynccontextmanager
async def api_server(handler: Handler) -> AsyncGenerator[str, None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def kubeconfig(path: Path, server: str, **user: Any) -> Path:
    content = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "mine"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@asynccontextmanager
async def client(handler: Handler, tmp_path: Path, **options: Any) -> AsyncGenerator[Client, None]:
    async with api_server(handler) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server, token="secret-token")))
            access = login()
        async with access.session() as session:
            yield Client(session, access.server, **options)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, InvalidError),
        (429, TooManyRequestsError),
        (500, ServerError),
        (503, ServerError),
    ],
)
async def test_each_status_is_an_error_of_its_own(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        body = {"kind": "Status", "code": status, "reason": "Because", "message": "the server's own words"}
        return web.json_response(body, status=status)

    async with client(answer, tmp_path) as subject:
        with pytest.raises(error, match="the server's own words") as caught:
            await subject.get(CONFIG_MAP, "n", "x")
        assert "secret-token" not in str(caught.value)
        assert "/api/v1/namespaces/n/configmaps/x" in str(caught.value)


async def test_every_writer_waits_as_long_as_the_server_asks(tmp_path: Path) -> None:
    asked: list[float] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(time.monotonic())
        if len(asked) == 1:
            return web.json_response({"message": "slow down"}, status=429, headers={"Retry-After": "1"})
        return web.json_response(await request.json(), status=201)

    async with client(answer, tmp_path) as subject:
        with pytest.raises(TooManyRequestsError) as caught:
            await subject.apply(CONFIG_MAP, MANIFEST)
        assert caught.value.retry_after == 1
        applied = await subject.apply(CONFIG_MAP, MANIFEST)
    assert applied.created
    assert asked[1] - asked[0] >= 0.99


async def test_no_more_writes_at_once_than_allowed(tmp_path: Path) -> None:
    running, most = 0, 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.json_response(await request.json())

    async with client(answer, tmp_path, writes=3) as subject:
        await asyncio.gather(*(subject.apply(CONFIG_MAP, MANIFEST) for _ in range(12)))
    assert most == 3


async def test_nothing_is_sent_by_who_may_not_write(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.json_response({})

    def forbid() -> None:
        raise PermissionError

    async with client(answer, tmp_path, may_write=forbid) as subject:
        with pytest.raises(PermissionError):
            await subject.apply(CONFIG_MAP, MANIFEST)
    assert asked == []


async def test_a_watch_that_is_cut_in_the_middle_of_an_event(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        whole = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "a" * 100_000}}}).encode()
        await response.write(whole + b"\n" + whole[:50])
        await response.write_eof()
        return response

    async with client(answer, tmp_path) as subject:
        events = subject.events(DEPLOYMENT, None, {})
        assert (await anext(events))["type"] == "ADDED"
        with pytest.raises(UnreachableError, match="middle of an event"):
            await anext(events)


async def test_a_watch_that_is_told_to_start_over(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            text=json.dumps({"type": "ERROR", "object": {"code": 410, "message": "gone"}}) + "\n"
        )

    async with client(answer, tmp_path) as subject:
        with pytest.raises(ExpiredError):
            await anext(subject.events(DEPLOYMENT, None, {"resourceVersion": "1"}))


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    async with client(answer, tmp_path) as subject:
        subject._server = "http://127.0.0.1:1"
        with pytest.raises(UnreachableError):
            await subject.get(CONFIG_MAP, "n", "x")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"tokenFile": "token"}, "Bearer from-a-file"),
        ({"username": "me", "password": "word"}, f"Basic {base64.b64encode(b'me:word').decode()}"),
        ({}, None),
    ],
)
def test_credentials_of_a_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, str], expected: str | None
) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", "http://127.0.0.1:1", **user)))
    access = login()
    assert access.headers().get("Authorization") == expected
    assert access.namespace == "mine"


def test_a_token_that_changes_on_disk_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("old", encoding="utf-8")
    monkeypatch.setenv(
        "KUBECONFIG", str(kubeconfig(tmp_path / "config", "http://127.0.0.1:1", tokenFile=str(token)))
    )
    monkeypatch.setattr(login_module, "_TOKEN_SECONDS", 0.0)
    access = login()
    assert access.headers()["Authorization"] == "Bearer old"
    token.write_text("new", encoding="utf-8")
    assert access.headers()["Authorization"] == "Bearer new"


def test_as_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("pods-token", encoding="utf-8")
    (tmp_path / "namespace").write_text("system\n", encoding="utf-8")
    monkeypatch.setattr(login_module, "_SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(login_module.ssl, "create_default_context", lambda **_: True)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    access = login()
    assert (access.server, access.namespace) == ("https://[fd00::1]:6443", "system")
    assert access.headers() == {"Authorization": "Bearer pods-token"}


def test_a_plugin_is_run_by_the_official_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "of-a-plugin"},
    }
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n", encoding="utf-8")
    plugin.chmod(0o755)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Never",
    }
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", "http://127.0.0.1:1", exec=command)))
    assert login().headers()["Authorization"] == "Bearer of-a-plugin"


def test_nobody_to_log_in_as(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(LoginError, match="nowhere"):
        login()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", "http://127.0.0.1:1")))
    with pytest.raises(LoginError, match="kubectl config get-contexts"):
        login("elsewhere")


async def test_what_was_decided_while_leading_is_not_sent_after(tmp_path: Path) -> None:
    """A process that is stopped between the decision and the send goes on with the send."""
    arrived: list[str] = []
    leads = True

    async def answer(request: web.Request) -> web.Response:
        arrived.append(request.method)
        return web.json_response({})

    def may_write() -> None:
        if not leads:
            raise PermissionError

    def lose() -> None:
        nonlocal leads
        leads = False

    async with client(answer, tmp_path, may_write=may_write) as subject:
        await subject.apply(CONFIG_MAP, MANIFEST)
        for write in (
            lambda: subject.apply(CONFIG_MAP, MANIFEST),
            lambda: subject.delete(CONFIG_MAP, "n", "x"),
        ):
            leads = True
            # What is due in the loop before the request's body is, as a connection stands ready.
            task = asyncio.create_task(write())
            asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, lose)
            with pytest.raises((UnreachableError, PermissionError)):
                await task
    assert arrived == ["PATCH"]


async def test_a_write_whose_sender_is_cancelled_is_waited_for(tmp_path: Path) -> None:
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        arrived.set()
        await answered.wait()
        return web.json_response(await request.json(), status=201)

    async with client(answer, tmp_path) as subject:
        sender = asyncio.create_task(subject.apply(CONFIG_MAP, MANIFEST))
        await arrived.wait()
        sender.cancel()
        await asyncio.wait([sender])
        finish = asyncio.create_task(subject.finish())
        done, _ = await asyncio.wait([finish], timeout=0.1)
        assert not done
        answered.set()
        await asyncio.wait_for(finish, 1.0)


async def test_a_write_that_is_refused_when_its_sender_has_gone_is_no_defect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        arrived.set()
        await answered.wait()
        return web.json_response({"reason": "AlreadyExists"}, status=409)

    async with client(answer, tmp_path) as subject:
        sender = asyncio.create_task(subject.apply(CONFIG_MAP, MANIFEST))
        await arrived.wait()
        sender.cancel()
        await asyncio.wait([sender])
        left = [each for each in asyncio.all_tasks() if "Client._request" in str(each)]
        assert len(left) == 1
        answered.set()
        await asyncio.wait(left)
        # What is never asked for its exception says so when it is collected.
        left.clear()
        del sender
        gc.collect()
    assert caplog.records == []

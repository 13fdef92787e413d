"""`kubectl-assistant run`: ChatAssistants with no cluster."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from chatassistant_operator.cli.table import HEADINGS, row
from chatassistant_operator.local.access import Access
from chatassistant_operator.local.cluster import LocalCluster
from chatassistant_operator.local.edits import edits
from chatassistant_operator.local.manifests import ManifestError, Manifests, load
from chatassistant_operator.local.run import Options, Watcher, running
from chatassistant_operator.observed import Manifest
from chatassistant_operator.ports import Key
from chatassistant_operator.settings import Settings

# What will not change while the files do not.
_MAY_PASS: Final = frozenset({"RolloutProgressing", "Pending", "NotChecked"})
_READY_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 300.0


def run(
    files: Annotated[
        list[Path], typer.Argument(help="Manifests: ChatAssistants, their Secrets and ConfigMaps.")
    ],
    ask: Annotated[str | None, typer.Option(help="Ask this once, print the answer, end.")] = None,
    secret: Annotated[list[str] | None, typer.Option(metavar="NAME=KEY", help="A Secret's API key.")] = None,
    port: Annotated[int, typer.Option(help="The first chatbot's port; 0 for any free one.")] = 0,
    openrouter: Annotated[
        str | None, typer.Option(metavar="URL", help="Use this gateway and allow it.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Follow edits of the files: chatbots restart as the edit needs it."
        ),
    ] = False,
) -> None:
    """Run ChatAssistants on this machine, with no cluster: the operator's own reconcile, chatbots as processes.

    With OPENROUTER_API_KEY set, or a Secret given, they talk to OpenRouter; else to a stand-in for it. With --watch an
    edit that is not valid is told with its place, and what ran before goes on; addresses and tokens stay.

    Exit status: 0 after an answer or SIGTERM; 1 when an assistant to be asked does not become ready; 2 for a file or an
    option that cannot be used.
    """
    if watch and ask is not None:
        raise typer.BadParameter("--ask ends with the answer, so there is nothing to --watch.")
    try:
        settings = Settings()
        manifests = load(files)
        secrets = dict(_pair(each) for each in secret or [])
    except (ManifestError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    session = _Session(manifests, quiet=ask is not None)
    edits = session.edits(files) if watch else None
    raise typer.Exit(asyncio.run(session.run(settings, Options(openrouter, secrets, port, edits), ask)))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ManifestError("--secret wants NAME=KEY.")
    return name, value


def _key(assistant: Manifest) -> Key:
    return assistant["metadata"]["namespace"], assistant["metadata"]["name"]


class _Session:
    """What is on the screen, and what is waited for."""

    def __init__(self, manifests: Manifests, *, quiet: bool) -> None:
        self._manifests = manifests
        # An answer that is piped on should be alone on standard output.
        self._console = Console(stderr=quiet, soft_wrap=True, highlight=False)
        self._errors = Console(stderr=True, soft_wrap=True, highlight=False)
        self._shown: dict[Key, Manifest] = {}
        self._introduced: set[Key] = set()
        self._printed_heading = False
        self._changed = asyncio.Event()
        self._live: Live | None = None

    async def run(self, settings: Settings, options: Options, ask: str | None) -> int:
        """Run until there is an answer or a signal; gives the exit status."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        watcher = Watcher(self._show, self._log, lambda text: self._console.print(text, markup=False))
        with contextlib.ExitStack() as screen:
            if self._console.is_terminal:
                self._live = screen.enter_context(Live(console=self._console, auto_refresh=False))
            async with running(
                self._manifests, settings.policy, settings.defaults, options, watcher
            ) as cluster:
                working = asyncio.ensure_future(self._work(cluster, ask))
                waiting = asyncio.ensure_future(ended.wait())
                await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if not working.done():
                    working.cancel()
                    return 0
                return working.result()

    async def edits(self, files: list[Path]) -> AsyncGenerator[Manifests, None]:
        """The manifests after each edit, and words about it."""
        async for manifests in edits(files, self._refuse):
            self._manifests = manifests
            keys = list(map(_key, manifests.assistants))
            for gone in self._shown.keys() - set(keys):
                del self._shown[gone]
            self._introduced &= set(keys)
            self._console.print(
                f"The files have changed: {', '.join(name for _, name in keys)}.", markup=False
            )
            yield manifests

    def _refuse(self, error: ManifestError) -> None:
        self._errors.print(f"{error}\nThat edit is not used; what ran before it goes on.", markup=False)

    async def _work(self, cluster: LocalCluster, ask: str | None) -> int:
        """Ask each assistant in turn, once it is ready; or say where each answers, as long as this runs."""
        if ask is None:
            await self._introduce_all(cluster)
        for key in map(_key, self._manifests.assistants):
            problem = await self._until_ready(key)
            url = cluster.url(key)
            if problem or url is None:
                self._errors.print(f"{key[1]} is not ready: {problem}", markup=False)
                return 1
            if not await self._ask(url, cluster.access(key), ask or ""):
                return 1
        return 0

    async def _introduce_all(self, cluster: LocalCluster) -> NoReturn:
        while True:
            self._changed.clear()
            for key in self._shown.keys() - self._introduced:
                url = cluster.url(key)
                if url is not None and self._cells(key)["READY"] == "True":
                    self._introduced.add(key)
                    self._introduce(key, url, cluster.access(key))
            await self._changed.wait()

    def _cells(self, key: Key) -> dict[str, str]:
        return dict(zip(HEADINGS, row(self._shown[key], datetime.now(UTC)), strict=True))

    async def _until_ready(self, key: Key) -> str | None:
        """Wait until an assistant is ready, or cannot become so; gives what stands in the way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                while True:
                    cells = self._cells(key) if key in self._shown else {}
                    if cells.get("READY") == "True":
                        return None
                    if cells and cells["REASON"] not in _MAY_PASS:
                        return f"{cells['REASON']}: {cells['MESSAGE']}"
                    self._changed.clear()
                    await self._changed.wait()
        return f"nothing within {_READY_SECONDS:.0f} s"

    async def _ask(self, url: str, access: Access | None, question: str) -> bool:
        """Ask once and print the answer."""
        body = {"messages": [{"role": "user", "content": question}]}
        headers = access.header if access else {}
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, headers=headers) as client:
            answer = (await client.post(f"{url}/v1/chat/completions", json=body)).json()
        if "error" in answer:
            self._errors.print(answer["error"]["message"], markup=False)
            return False
        sys.stdout.write(f"{answer['choices'][0]['message']['content']}\n")
        sys.stdout.flush()
        return True

    def _introduce(self, key: Key, url: str, access: Access | None) -> None:
        """Say where it answers, with the command that asks it; a token that was made for this run is told here only."""
        note = header = ""
        if access is not None and access.made:
            note = "  Its access token was made for this run:\n"
            header = f" -H 'Authorization: Bearer {access.token}'"
        elif access is not None:
            note = f"  With the token of the Secret {access.secret} as ACCESS_TOKEN:\n"
            header = ' -H "Authorization: Bearer $ACCESS_TOKEN"'
        body = '{"messages": [{"role": "user", "content": "Hello"}]}'
        self._console.print(
            f"\n{key[1]} answers at {url}/v1\n{note}"
            f"  curl {url}/v1/chat/completions{header} -H 'Content-Type: application/json' -d '{body}'\n",
            markup=False,
        )

    def _show(self, assistant: Manifest) -> None:
        """Show a new status: a table that changes in place, or a line for each change."""
        key, now = _key(assistant), datetime.now(UTC)
        before, self._shown[key] = self._shown.get(key), assistant
        self._changed.set()
        if before is not None and row(before, now) == row(assistant, now):
            return
        if self._live is not None:
            table = Table(*HEADINGS, box=None, pad_edge=False, header_style="bold")
            for each in self._shown.values():
                table.add_row(*row(each, now))
            self._live.update(table, refresh=True)
            return
        widths = (16, 8, 24, 32, 9, 5, 36)
        for cells in (HEADINGS,) * (not self._printed_heading) + (row(assistant, now),):
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
            self._console.print(" ".join([*padded, *cells[len(widths) :]]).rstrip(), markup=False)
        self._printed_heading = True

    def _log(self, name: str, line: str) -> None:
        self._errors.print(f"[{name}] {line}", markup=False)

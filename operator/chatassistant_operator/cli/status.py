"""`kubectl-assistant status`: what there is of ChatAssistants, how it is, and what to do."""

import asyncio
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from chatassistant_operator.cli.connection import Connection, connected
from chatassistant_operator.cli.described import describe, text_of
from chatassistant_operator.cli.failure import ExitStatus, told
from chatassistant_operator.cli.options import AllNamespaces, Context, Format, MaybeName, Namespace, Output
from chatassistant_operator.cli.output import show
from chatassistant_operator.cli.owned import Seen, follow, read

# Several changes of one moment are shown once.
_MOMENT_SECONDS: Final = 0.1
# Lines that are piped on are whole.
_ENDLESS: Final = 10_000


def status(
    name: MaybeName = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    output: Output = Format.TABLE,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, with each change.")] = False,
) -> None:
    """Show what ChatAssistants own as a tree, their conditions with what to do, and their last roll-outs.

    It lists ChatAssistants, and of what they own the kinds that its user may list (with --watch, also watch); what may
    not be listed is named. -o json and yaml print {items: [{name, namespace, ready, reason,
    model, url, conditions, owned, history}], notReadable}.

    Exit status: 0 when all that is shown is Ready; 1 when something is not, or there is no such ChatAssistant; 3 when the
    cluster cannot be reached, or refuses; 130 after Ctrl-C.
    """
    with told():
        all_ready = asyncio.run(_status(name, namespace, all_namespaces, context, output, watch))
    raise typer.Exit(ExitStatus.DONE if all_ready else ExitStatus.NO)


async def _status(
    name: str | None,
    namespace: str | None,
    all_namespaces: bool,
    context: str | None,
    output: Format,
    watch: bool,
) -> bool:
    async with connected(context, namespace) as connection:
        if watch:
            await _watch(connection, name, all_namespaces, output)
        data = _data(await read(connection, name, all_namespaces=all_namespaces))
        _print(data, output, connection.namespace if not all_namespaces else None)
        return all(item["ready"] == "True" for item in data["items"])


async def _watch(connection: Connection, name: str | None, all_namespaces: bool, output: Format) -> None:
    place = connection.namespace if not all_namespaces else None
    console, last = Console(highlight=False), None
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    is_table = output is Format.TABLE
    async with aclosing(follow(connection, name, all_namespaces=all_namespaces)) as states:
        if live and is_table:
            live.start()
        try:
            async for seen in states:
                data = _data(seen)
                if data == last:
                    continue
                if live and is_table:
                    live.update(_text(data, place), refresh=True)
                else:
                    _print(data, output, place)
                last = data
                await asyncio.sleep(_MOMENT_SECONDS)
        finally:
            if live and is_table:
                live.stop()


def _data(seen: Seen) -> dict[str, Any]:
    refused = [{"kind": kind.name, "message": words} for kind, words in seen.refused.items()]
    items = [describe(each, seen) for each in seen.assistants]
    return {"items": items, **({"notReadable": refused} if refused else {})}


def _print(data: dict[str, Any], output: Format, namespace: str | None) -> None:
    if output is not Format.TABLE:
        if output is Format.YAML:
            sys.stdout.write("---\n")
        show(data, output, (), ())
    else:
        console = Console(highlight=False)
        console = console if console.is_terminal else Console(highlight=False, width=_ENDLESS)
        console.print(_text(data, namespace))
    sys.stdout.flush()


def _text(data: dict[str, Any], namespace: str | None) -> RenderableType:
    now = datetime.now(UTC)
    parts: list[RenderableType] = []
    for item in data["items"]:
        parts += [Text()] if parts else []
        parts.append(text_of(item, now))
    if not parts:
        where = f"in namespace {namespace!r}" if namespace else "in the cluster"
        parts.append(Text(f"There is no ChatAssistant {where}: `kubectl assistant init` writes one."))
    for each in data.get("notReadable", []):
        parts.append(Text(f"Not shown, as a right is missing: {each['kind']} ({each['message']})", "yellow"))
    return Group(*parts)

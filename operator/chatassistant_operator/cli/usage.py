"""`kubectl-assistant usage`: what assistants were asked, and what it cost."""

import asyncio
import sys
from decimal import Decimal
from typing import Any, Final

from chatassistant_operator.cli.connection import connected
from chatassistant_operator.cli.failure import told
from chatassistant_operator.cli.options import AllNamespaces, Context, Format, MaybeName, Namespace, Output
from chatassistant_operator.cli.output import show
from chatassistant_operator.observed import Manifest

_HEADINGS: Final = (
    "NAMESPACE",
    "NAME",
    "DAY",
    "REQUESTS",
    "PROMPT",
    "COMPLETION",
    "USD",
    "CACHED",
    "SAVED",
    "BUDGET",
)


def usage(
    name: MaybeName = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what was asked on the last finished day (UTC): completions, tokens of prompts and answers, cost in USD.

    CACHED is how many completions more the cache gave, and SAVED what those had cost when they were fresh, in USD.
    BUDGET is how much of today's spec.budget.dailyUSD is spent, told from 50 percent on. -o json and yaml print
    {items: [{namespace, name, usage}]}, where usage is the ChatAssistant's status.usage. It needs the right to get, or
    list, ChatAssistants.

    Exit status: 0; 1 when there is no such ChatAssistant; 3 when the cluster cannot be reached, or refuses.
    """
    with told():
        found = asyncio.run(_read(name, namespace, all_namespaces, context))
        items = [_item(each) for each in found]
        skip = 0 if all_namespaces else 1
        show({"items": items}, output, _HEADINGS[skip:], (_row(each)[skip:] for each in items))
        if output is Format.TABLE and not any(each["usage"] for each in items):
            sys.stderr.write("Nothing is told yet: pods tell of a day (UTC) when it is over.\n")


async def _read(
    name: str | None, namespace: str | None, all_namespaces: bool, context: str | None
) -> list[Manifest]:
    async with connected(context, namespace) as connection:
        return await connection.assistants(name, all_namespaces=all_namespaces)


def _item(assistant: Manifest) -> dict[str, Any]:
    metadata = assistant["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "usage": assistant.get("status", {}).get("usage", {}),
    }


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    used: dict[str, Any] = item["usage"]
    percent = used.get("budgetPercent")
    figures = ("requests", "promptTokens", "completionTokens", "usd", "cachedRequests", "savedUsd")
    cells = (_figure(used.get(each)) for each in figures)
    return (
        item["namespace"],
        item["name"],
        used.get("day", "-"),
        *cells,
        "-" if percent is None else f"{percent} %",
    )


def _figure(value: object) -> str:
    """For people: amounts of money have no zeros at their end."""
    return "-" if value is None else f"{Decimal(str(value)).normalize():f}"

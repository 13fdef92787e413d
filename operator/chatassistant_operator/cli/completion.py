"""Names of ChatAssistants for the shell to complete."""

import asyncio
from typing import Final

import typer

# Whoever presses Tab waits for it.
_SECONDS: Final = 2.0


def complete_name(context: typer.Context, incomplete: str) -> list[str]:
    """The names in the namespace that the line gives so far; none where the cluster does not answer in time."""
    try:
        return asyncio.run(_names(context, incomplete))
    except Exception:  # noqa: BLE001 (a shell that completes has no place for errors)
        return []


async def _names(context: typer.Context, incomplete: str) -> list[str]:
    from chatassistant_operator.cli.connection import connected  # noqa: PLC0415 (only those who press Tab need it)

    given = context.params
    async with (
        asyncio.timeout(_SECONDS),
        connected(given.get("context"), given.get("namespace")) as connection,
    ):
        found = await connection.assistants(None, all_namespaces=bool(given.get("all_namespaces")))
    names = (each["metadata"]["name"] for each in found)
    return sorted({name for name in names if name.startswith(incomplete)})

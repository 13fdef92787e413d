"""`kubectl-assistant suspend` and `resume`: an assistant without pods, and with them again."""

import asyncio
import sys

from chatassistant_operator.cli.connection import FIELD_MANAGER, connected
from chatassistant_operator.cli.failure import told
from chatassistant_operator.cli.options import Context, Name, Namespace
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT


def suspend(name: Name, namespace: Namespace = None, context: Context = None) -> None:
    """Have a ChatAssistant run no pods and check nothing, until it is resumed; nothing of it is deleted.

    It needs the right to patch the ChatAssistant. Where Git has the manifest, set spec.suspend there: what is only in
    the cluster may be set back.

    Exit status: 0 when it is so; 1 when there is no such ChatAssistant; 3 when the cluster cannot be reached, or refuses.
    """
    with told():
        sys.stdout.write(asyncio.run(_set(name, namespace, context, suspended=True)) + "\n")


def resume(name: Name, namespace: Namespace = None, context: Context = None) -> None:
    """Have a suspended ChatAssistant run again.

    It needs the right to patch the ChatAssistant. Where Git has the manifest, remove spec.suspend there, too.

    Exit status: 0 when it is so; 1 when there is no such ChatAssistant; 3 when the cluster cannot be reached, or refuses.
    """
    with told():
        sys.stdout.write(asyncio.run(_set(name, namespace, context, suspended=False)) + "\n")


async def _set(name: str, namespace: str | None, context: str | None, *, suspended: bool) -> str:
    """Set spec.suspend, or leave it to its default; gives what to say."""
    async with connected(context, namespace) as connection:
        before = await connection.assistant(name)
        if bool(before["spec"].get("suspend")) is suspended:
            return f"{name} is {'suspended' if suspended else 'not suspended'} already."
        patch = {"spec": {"suspend": True if suspended else None}}
        await connection.client.merge(CHAT_ASSISTANT, connection.namespace, name, patch, FIELD_MANAGER)
    if suspended:
        return f"{name} is suspended: its pods end. `kubectl assistant resume {name}` has it run again."
    return f"{name} is resumed: `kubectl assistant status {name} --watch` shows it start."

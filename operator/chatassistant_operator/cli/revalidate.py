"""`kubectl-assistant revalidate`: have Secret, key and model checked at once, and say what came of it."""

import asyncio
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.cli.connection import FIELD_MANAGER, Connection, connected
from chatassistant_operator.cli.failure import ExitStatus, told
from chatassistant_operator.cli.options import Context, Format, Name, Namespace, Output
from chatassistant_operator.cli.output import show
from chatassistant_operator.cli.watching import changes_of, within
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT
from chatassistant_operator.observed import Manifest

_TOLD: Final = ("Ready", "CredentialsValid", "ModelAvailable")


def revalidate(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    output: Output = Format.TABLE,
    wait: Annotated[bool, typer.Option(help="Wait for the verdict.")] = True,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait.")] = 60.0,
) -> None:
    """Have the Secret read, and key and model asked about, at once; wait for the verdict and show it.

    It sets the annotation chatassistant.dev/validate-at, and waits until status.lastHandledValidateAt has its value. It
    needs the rights to patch ChatAssistants, and to get and watch them. -o json and yaml print {conditions}: Ready,
    CredentialsValid and ModelAvailable as in the status.

    Exit status: 0 when key and model are good, or with --no-wait; 1 when they are not, nobody could tell, there is no
    verdict in time, or no such ChatAssistant; 3 when the cluster cannot be reached, or refuses.
    """
    with told():
        assistant = asyncio.run(_revalidate(name, namespace, context, timeout if wait else None))
        if assistant is None:
            sys.stdout.write(
                f"{name} is being checked: `kubectl assistant status {name}` shows what comes of it.\n"
            )
            return
        conditions = _conditions(assistant)
        rows = [(each["type"], each["status"], each["reason"], each["message"]) for each in conditions]
        show({"conditions": conditions}, output, ("CONDITION", "STATUS", "REASON", "MESSAGE"), rows)
    good = all(each["status"] == "True" for each in conditions if each["type"] != "Ready")
    raise typer.Exit(ExitStatus.DONE if good else ExitStatus.NO)


async def _revalidate(
    name: str, namespace: str | None, context: str | None, seconds: float | None
) -> Manifest | None:
    """Ask for a check; gives the ChatAssistant after it, None where it is not waited for."""
    async with connected(context, namespace) as connection:
        await connection.assistant(name)
        patch = wish()
        await connection.client.merge(CHAT_ASSISTANT, connection.namespace, name, patch, FIELD_MANAGER)
        if seconds is None:
            return None
        late = (
            f"{name} was not checked within {seconds:g} s. `kubectl get pods -A -l "
            "app.kubernetes.io/name=chatassistant-operator` shows whether an operator runs."
        )
        async with within(seconds, late):
            return await _handled(connection, name, patch)


async def _handled(connection: Connection, name: str, patch: dict[str, Any]) -> Manifest | None:
    stamp = patch["metadata"]["annotations"][names.VALIDATE_AT_ANNOTATION]
    async with aclosing(changes_of(connection, name)) as states:
        async for state in states:
            if state.get("status", {}).get("lastHandledValidateAt") == stamp or _is_invalid(state):
                return state
    return None


def _is_invalid(assistant: Manifest) -> bool:
    """Whether the operator does not understand it: then nothing is ever checked."""
    said: list[dict[str, Any]] = assistant.get("status", {}).get("conditions", [])
    return any(each["reason"] == Reason.INVALID_SPEC for each in said)


def wish() -> dict[str, Any]:
    """The change of a ChatAssistant that has it checked at once."""
    stamp = datetime.now(UTC).isoformat()
    return {"metadata": {"annotations": {names.VALIDATE_AT_ANNOTATION: stamp}}}


def _conditions(assistant: Manifest) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = assistant["status"].get("conditions", [])
    return [each for each in conditions if each["type"] in _TOLD]

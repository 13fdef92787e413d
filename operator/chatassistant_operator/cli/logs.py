"""`kubectl-assistant logs`: what the pods of a ChatAssistant print."""

import asyncio
import re
import sys
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from chatassistant_operator.api import names
from chatassistant_operator.cli.connection import Connection, connected
from chatassistant_operator.cli.failure import CommandError, told
from chatassistant_operator.cli.options import Context, Name, Namespace
from chatassistant_operator.cli.pod_logs import has_log, lines, restarts, waits_for
from chatassistant_operator.cli.watching import watch
from chatassistant_operator.cluster.errors import InvalidError, NotFoundError
from chatassistant_operator.cluster.kinds import POD
from chatassistant_operator.observed import Manifest

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _seconds(text: str) -> int:
    """The seconds of a duration as kubectl takes it, `1h30m`."""
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(each or 0) for each in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not total:
        raise typer.BadParameter(f"{text!r} is no duration: give one such as 90s, 10m or 1h30m.")
    return total


Since = Annotated[
    int | None,
    typer.Option("--since", metavar="DURATION", parser=_seconds, help="Only lines that are not older: 10m."),
]


def logs(  # noqa: PLR0913, PLR0917 (each is an option)
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines, of pods that come later, too.")
    ] = False,
    since: Since = None,
    tail: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only the last N lines of each pod.")
    ] = None,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the containers that ended before the present ones.")
    ] = False,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Begin each line with its time.")] = False,
) -> None:
    """Print the logs of all pods of a ChatAssistant; where there are several, lines begin with the pod's name.

    It needs the rights to list pods and to get pods/log; with --follow also to watch pods.

    Exit status: 0 when there was a log; 1 when there is none, or no such ChatAssistant; 2 for an option that cannot be
    used; 3 when the cluster cannot be reached, or refuses; 130 after Ctrl-C.
    """
    if follow and previous:
        raise typer.BadParameter("--previous containers have ended: there is nothing to --follow.")
    wanted = {"follow": follow or None, "previous": previous or None, "timestamps": timestamps or None}
    numbers = {"sinceSeconds": since, "tailLines": tail}
    parameters = {key: str(value).lower() for key, value in (wanted | numbers).items() if value is not None}
    with told():
        asyncio.run(_logs(name, namespace, context, parameters))


async def _logs(name: str, namespace: str | None, context: str | None, parameters: dict[str, str]) -> None:
    async with connected(context, namespace) as connection:
        assistant = await connection.assistant(name)
        printer = _Printer(connection, parameters)
        if "follow" in parameters:
            await printer.follow(name)
        else:
            await printer.print(assistant)


@dataclass
class _Printer:
    """Prints the logs of pods."""

    connection: Connection
    parameters: dict[str, str]
    prefixed: bool = False
    begun: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    async def print(self, assistant: Manifest) -> None:
        """Print what there is, pod after pod."""
        name = assistant["metadata"]["name"]
        pods, _ = await self.connection.client.list(POD, self.connection.namespace, _selector(name))
        if not pods:
            raise CommandError(_no_pods(assistant))
        self.prefixed = len(pods) > 1
        printed = [await self._tell(each, self.parameters) for each in pods]
        if not any(printed):
            raise CommandError(
                f"None of the pods of {name} has such a log: `kubectl assistant status {name}` shows them."
            )

    async def follow(self, name: str) -> None:
        """Print what there is and what comes, of the pods that come, too, until cancelled."""
        states = watch(self.connection.client, POD, self.connection.namespace, _selector(name))
        coming = asyncio.create_task(anext(states))
        tails: set[asyncio.Task[bool]] = set()
        try:
            while True:
                done, _ = await asyncio.wait({coming, *tails}, return_when=asyncio.FIRST_COMPLETED)
                if coming in done:
                    tails |= self._begin(coming.result())
                    coming = asyncio.create_task(anext(states))
                for tail in tails & done:
                    tail.result()
                tails -= done
        finally:
            for task in (coming, *tails):
                task.cancel()
            await asyncio.gather(coming, *tails, return_exceptions=True)

    def _begin(self, pods: list[Manifest]) -> set[asyncio.Task[bool]]:
        """Follow each container that has started since."""
        self.prefixed = self.prefixed or len(pods) > 1
        tails: set[asyncio.Task[bool]] = set()
        for pod in pods:
            uid, start = pod["metadata"]["uid"], restarts(pod)
            if has_log(pod) and (uid, start) not in self.begun:
                again = any(each == uid for each, _ in self.begun)
                self.begun.add((uid, start))
                # A container that is started anew is told from its beginning.
                past = {"sinceSeconds", "tailLines"} if again else set[str]()
                parameters = {key: each for key, each in self.parameters.items() if key not in past}
                tails.add(asyncio.create_task(self._tell(pod, parameters)))
        return tails

    async def _tell(self, pod: Manifest, parameters: dict[str, str]) -> bool:
        """Print a pod's log; gives whether there was one."""
        name, query = pod["metadata"]["name"], {"container": names.CONTAINER, **parameters}
        try:
            async with aclosing(lines(self.connection, self.connection.namespace, name, query)) as found:
                async for line in found:
                    sys.stdout.write(f"[{name}] {line}\n" if self.prefixed else f"{line}\n")
                    sys.stdout.flush()
        except (InvalidError, NotFoundError):
            why = "no container ended before" if "previous" in parameters else waits_for(pod)
            sys.stderr.write(f"[{name}] no log: {why}\n")
            return False
        return True


def _selector(name: str) -> dict[str, str]:
    return {"labelSelector": f"{names.NAME_LABEL}={name}"}


def _no_pods(assistant: Manifest) -> str:
    name = assistant["metadata"]["name"]
    if assistant["spec"].get("suspend"):
        return f"{name} is suspended and has no pods: `kubectl assistant resume {name}` has it run again."
    return f"{name} has no pods: `kubectl assistant status {name}` says why."

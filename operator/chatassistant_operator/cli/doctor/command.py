"""`kubectl-assistant doctor`: why an assistant does not answer."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from chatassistant_operator.cli.connection import FIELD_MANAGER, Connection, connected
from chatassistant_operator.cli.doctor import CHAIN, QUESTION, Looked, walk
from chatassistant_operator.cli.doctor.finding import Fix, State
from chatassistant_operator.cli.doctor.gathering import Wishes, again, ask, snapshots
from chatassistant_operator.cli.doctor.report import Report, item_of, print_report
from chatassistant_operator.cli.doctor.snapshot import Snapshot
from chatassistant_operator.cli.failure import ExitStatus, told
from chatassistant_operator.cli.options import AllNamespaces, Context, Format, MaybeName, Namespace, Output
from chatassistant_operator.cli.output import show
from chatassistant_operator.cluster.errors import ClusterError
from chatassistant_operator.cluster.login import LoginError
from chatassistant_operator.observed.named import Unreadable

# How long a change may take until it is seen in the operator's word, and how often that is looked at.
_PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 1.0


def doctor(  # noqa: PLR0913, PLR0917 (what a person may choose)
    name: MaybeName = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the gateway from here, too, with the key of the Secret.")
    ] = False,
    question: Annotated[
        bool, typer.Option(help="Ask the assistant a question at the end; it costs a few tokens.")
    ] = True,
    fix: Annotated[
        bool, typer.Option("--fix", help="Offer the cures that harm nothing, and ask first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fix: do not ask.")] = False,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    output: Output = Format.TABLE,
) -> None:
    """Say why an assistant does not answer: walk from the kubeconfig to a real question, up to the first broken link.

    The links: API server, CRD, ChatAssistant, your rights, the operator, its rights, spec and policy, Secret, key, model,
    NetworkPolicy, DNS, image, pods, the key in them, tools, a question. With the broken one stands the command that
    mends it. Nothing is run in a pod, and no key is printed.

    It needs `get` on ChatAssistants; with `get` on Secrets and Deployments, `list` on pods and NetworkPolicies, and
    `get` and `create` on pods/portforward it sees more, and says what it could not see. --fix needs `patch` on what it
    mends: it has a suspended assistant run again, has key and model checked at once, takes quotes off a key.

    -o json and yaml print a list of {namespace, name, broken, links: [{link, state, message, cure}]}, with `broken`
    the first broken link or null, and `state` one of Ok, Warning, Unknown, Broken, NotLookedAt.

    Exit status: 0 when no link is broken; 1 when one is; 2 for an option that cannot be used; 3 when the cluster
    cannot be reached.
    """
    with told():
        visit = _Visit(Wishes(live, question), fix=fix, yes=yes, form=output)
        raise typer.Exit(asyncio.run(visit.run(name, namespace, context, all_namespaces=all_namespaces)))


class _Visit:
    """One run of the command."""

    def __init__(self, wishes: Wishes, *, fix: bool, yes: bool, form: Format) -> None:
        self._wishes = wishes
        self._fix = fix
        self._yes = yes
        self._form = form

    async def run(
        self, name: str | None, namespace: str | None, context: str | None, *, all_namespaces: bool
    ) -> ExitStatus:
        """Look at all that are meant; gives the exit status."""
        items: list[dict[str, Any]] = []
        try:
            async with connected(context, namespace) as connection:
                meant = snapshots(connection, name, all_namespaces=all_namespaces, wishes=self._wishes)
                async for report in self._reports(connection, meant):
                    self._show(report)
                    items.append(item_of(report))
        except LoginError as error:
            trouble = Snapshot(namespace or "", name or "*", Unreadable(str(error)), datetime.now(UTC))
            report = Report(trouble, tuple(walk(trouble)))
            self._show(report)
            items.append(item_of(report))
        if self._form is not Format.TABLE:
            show(items, self._form, (), ())
        elif not items:
            sys.stderr.write("There are no ChatAssistants here: `kubectl get chat -A` lists what there is.\n")
        if any(each["broken"] == CHAIN[0].name for each in items):
            return ExitStatus.CLUSTER
        return ExitStatus.NO if any(each["broken"] for each in items) else ExitStatus.DONE

    async def _reports(self, connection: Connection, meant: AsyncIterator[Snapshot]) -> AsyncIterator[Report]:
        async for seen in meant:
            report = await _look(connection, seen)
            if self._fix:
                report = await self._mend(connection, report)
            yield report

    async def _mend(self, connection: Connection, report: Report) -> Report:
        """Offer the fixes of a report one after the other, and look again after each that was made."""
        offered: set[str] = set()
        while True:
            fixes = [each.finding.fix for each in report.looked if each.finding.fix]
            wanted = next((each for each in fixes if each.question not in offered), None)
            if wanted is None:
                return report
            offered.add(wanted.question)
            self._show(report)
            if self._agreed(wanted):
                report = await self._made(connection, report, wanted)

    def _agreed(self, fix: Fix) -> bool:
        if self._yes:
            sys.stderr.write(f"{fix.question} Yes.\n")
            return True
        return sys.stdin.isatty() and typer.confirm(fix.question, err=True)

    async def _made(self, connection: Connection, report: Report, fix: Fix) -> Report:
        """The report after a fix: as soon as it is another one, or when it will not become one."""
        seen = report.seen
        try:
            await connection.client.merge(fix.kind, seen.namespace, fix.name, fix.patch, FIELD_MANAGER)
        except ClusterError as error:
            # What is said of a Secret may repeat what it was shown.
            why = type(error).__name__ if fix.kind.name == "Secret" else str(error)
            sys.stderr.write(f"That was not done: {why}\n")
            return report
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            changed = await again(connection, seen, self._wishes)
            now = Report(changed, tuple(walk(changed)))
            if now.broken != report.broken or asyncio.get_running_loop().time() > deadline:
                return await _look(connection, changed)

    def _show(self, report: Report) -> None:
        if self._form is Format.TABLE:
            print_report(report)


async def _look(connection: Connection, seen: Snapshot) -> Report:
    """Walk; a question is asked only where nothing before it is broken."""
    looked: tuple[Looked, ...] = tuple(walk(seen))
    before = [each for each in looked if each.link is not QUESTION]
    if seen.may_ask and not any(each.finding.state is State.BROKEN for each in before):
        seen = await ask(connection, seen)
        looked = tuple(walk(seen))
    return Report(seen, looked)

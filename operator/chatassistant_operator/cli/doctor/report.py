"""What the doctor tells: as data, and as text for people."""

import shutil
import sys
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from chatassistant_operator.cli.doctor import Looked
from chatassistant_operator.cli.doctor.finding import State
from chatassistant_operator.cli.doctor.snapshot import Snapshot

_MARKS: Final = {
    State.OK: ("ok", "green"),
    State.WARNING: ("warning", "yellow"),
    State.UNKNOWN: ("unknown", "yellow"),
    State.BROKEN: ("BROKEN", "bold red"),
    State.NOT_LOOKED_AT: ("-", "dim"),
}
_ENDLESS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen of an assistant, and what was found at each link."""

    seen: Snapshot
    looked: tuple[Looked, ...]

    @property
    def broken(self) -> str | None:
        """The name of the first broken link."""
        names = (each.link.name for each in self.looked if each.finding.state is State.BROKEN)
        return next(names, None)


def item_of(report: Report) -> dict[str, Any]:
    """One item of what `doctor -o json` prints."""
    return {
        "namespace": report.seen.namespace,
        "name": report.seen.name,
        "broken": report.broken,
        "links": [
            {
                "link": each.link.name,
                "state": str(each.finding.state),
                "message": each.finding.message,
                "cure": each.finding.cure,
            }
            for each in report.looked
        ],
    }


def print_report(report: Report) -> None:
    """Print the chain: a line for each link, words where there is something to say, and the cure as a command."""
    # Not rich's own size: that of a dumb terminal would be 80 columns, whatever it is.
    columns, lines = shutil.get_terminal_size()
    width = columns if sys.stdout.isatty() else _ENDLESS
    console = Console(highlight=False, markup=False, emoji=False, width=width, height=lines)
    console.print(Text(f"{report.seen.namespace}/{report.seen.name}", "bold"))
    for each in report.looked:
        word, style = _MARKS[each.finding.state]
        console.print(Text.assemble("  ", (f"{word:<8}", style), each.link.title))
        if each.finding.state is State.NOT_LOOKED_AT:
            continue
        console.print(
            Padding(
                Text(each.finding.message, "" if each.finding.state is not State.OK else "dim"),
                (0, 0, 0, 10),
                expand=False,
            )
        )
        if each.finding.cure and each.finding.state is not State.OK:
            console.print(Padding(Text("What to do:", "bold"), (0, 0, 0, 10), expand=False))
            # As it is, without wrapping, so that it can be pasted.
            console.print(Text(each.finding.cure, "cyan"), soft_wrap=True)

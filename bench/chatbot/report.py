"""The tables and the goals; neither decides a test."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from statistics import median
from typing import Final, NamedTuple

from bench.chatbot.measure import Figures

AT: Final = 16
"""The number of connections that the goals speak of."""

Rounds = Mapping[str, Sequence[Figures]]
_MOST_GROWTH_MB: Final = 4.0


class Column(NamedTuple):
    """A title, the figure below it, and how that is written."""

    title: str
    figure: str
    form: str


class Goal(NamedTuple):
    """What is to be reached, what was, and whether that is enough."""

    text: str
    figure: float
    met: bool


def tables(rounds: Rounds, connections: Sequence[int], streams: int) -> str:
    """Medians of the rounds, a line for each that was compared."""
    start = [
        Column("ready s", "ready_s", ".2f"),
        Column("idle MB", "idle_mb", ".0f"),
        Column("end MB", "end_mb", ".0f"),
        Column("us/chunk", "chunk_us", ".0f"),
        Column("first ms", "first_ms", ".1f"),
        Column(f"{streams} last x", "stretch", ".2f"),
        Column("gap p99 ms", "gap_ms", ".0f"),
        Column("cut", "cut", ".0f"),
        Column("failed", "failed", ".0f"),
    ]
    parts = [_table("start and streams", rounds, start)]
    for each in connections:
        columns = [
            Column("a second", f"rps@{each}", ".0f"),
            Column("p50 ms", f"p50@{each}", ".2f"),
            Column("p99 ms", f"p99@{each}", ".2f"),
            Column("CPU us", f"cpu@{each}", ".0f"),
        ]
        parts.append(_table(f"requests, c={each}", rounds, columns, f"rps@{each}"))
    return "\n\n".join(parts)


def _table(title: str, rounds: Rounds, columns: Sequence[Column], compared: str = "") -> str:
    """With a figure, when one is named, as a multiple of the floor's and of ours."""
    others = [name for name in ("asgi", "ours") if compared and name in rounds]
    rows = [[title, *(each.title for each in columns), *(f"x {name}" for name in others)]]
    for name, figures in rounds.items():
        cells = [f"{median(each[column.figure] for each in figures):{column.form}}" for column in columns]
        rows.append([name, *cells, *(f"{ratio(rounds, name, other, compared):.2f}" for other in others)])
    return "\n".join(f"{first:18}" + "".join(f"{cell:>12}" for cell in rest) for first, *rest in rows)


def lines(measured: Mapping[str, Figures]) -> str:
    """A line for each thing that was measured once."""
    told = {
        title: ", ".join(f"{name} {value:.2f}" for name, value in each.items())
        for title, each in measured.items()
    }
    return "\n".join(f"{title}: {text}" for title, text in told.items() if text)


def ratio(rounds: Rounds, one: str, other: str, figure: str) -> float:
    """One's figure as a multiple of the other's: the median of rounds in which both had the same machine."""
    pairs = zip(rounds[one], rounds[other], strict=True)
    return median(mine[figure] / theirs[figure] if theirs[figure] else inf for mine, theirs in pairs)


def goals(rounds: Rounds, hour: Figures | None, slow: Mapping[str, Figures]) -> Iterator[Goal]:
    """Those of which enough was measured."""
    if "ours" not in rounds:
        return
    least = {"portkey": 1.5, "litellm": 25.0, "asgi": 0.5}
    for other, multiple in least.items():
        if other in rounds and f"rps@{AT}" in rounds["ours"][0]:
            reached = ratio(rounds, "ours", other, f"rps@{AT}")
            yield Goal(
                f"requests a second at c={AT}, at least {multiple:g}x {other}", reached, reached >= multiple
            )
    ours = {figure: median(each[figure] for each in rounds["ours"]) for figure in rounds["ours"][0]}
    yield Goal("paced streams at most 1.10x their length", ours["stretch"], ours["stretch"] <= 1.10)  # noqa: PLR2004
    if "asgi" in rounds:
        chunk = ratio(rounds, "ours", "asgi", "chunk_us")
        yield Goal("CPU a chunk at most 2x that of passing bytes through", chunk, chunk <= 2)  # noqa: PLR2004
    yield Goal("idle below 80 MB", ours["idle_mb"], ours["idle_mb"] < 80)  # noqa: PLR2004
    yield Goal("ready within 2 s", ours["ready_s"], ours["ready_s"] <= 2)  # noqa: PLR2004
    if hour:
        grown = hour["last_mb"] - hour["first_mb"]
        yield Goal(
            f"MB grown over an hour's requests, at most {_MOST_GROWTH_MB:g}", grown, grown <= _MOST_GROWTH_MB
        )
    if {"ours", "asgi"} <= slow.keys():
        each, floor = (_kb_a_reader(slow[name]) for name in ("ours", "asgi"))
        met = each <= 2 * floor and not slow["ours"]["failed"]
        yield Goal(
            "memory a slow reader at most 2x that of passing bytes through, none cut", each / floor, met
        )


def _kb_a_reader(figures: Figures) -> float:
    return (figures["peak_mb"] - figures["before_mb"]) * 1024 / max(1, figures["answered"])

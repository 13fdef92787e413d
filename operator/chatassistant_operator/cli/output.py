"""Data on standard output: a table for people, JSON or YAML for programs."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

import orjson
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from chatassistant_operator.cli.options import Format

_ENDLESS: Final = 10_000
_NARROW: Final = 60


def show(data: object, form: Format, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print data: `data` itself as JSON or YAML, else `rows` below `headings`.

    Lines that are piped on are whole; those of a terminal fit it, and where it is too narrow for columns each cell gets
    a line.
    """
    match form:
        case Format.JSON:
            sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
        case Format.YAML:
            sys.stdout.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
        case Format.TABLE:
            lines = list(rows)
            width = None if sys.stdout.isatty() else _ENDLESS
            console = Console(highlight=False, markup=False, emoji=False, width=width)
            columns = zip(headings, *lines, strict=True)
            wanted = sum(1 + max(map(cell_len, column)) for column in columns)
            if console.width < _NARROW and wanted > console.width:
                for cells in lines:
                    console.print(_block(headings, cells), "")
            else:
                console.print(_table(headings, lines))


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for cells in lines:
        table.add_row(*cells)
    return table


def _block(headings: Sequence[str], cells: Sequence[str]) -> Table:
    """One line of a table, from top to bottom; what is empty is left out."""
    block = Table(box=None, pad_edge=False, show_header=False)
    block.add_column(style="bold")
    block.add_column(overflow="fold")
    for heading, cell in zip(headings, cells, strict=True):
        if cell:
            block.add_row(heading, cell)
    return block

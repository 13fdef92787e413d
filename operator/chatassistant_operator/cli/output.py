"""Data on standard output: a table for people, JSON or YAML for programs."""

import sys
from collections.abc import Iterable, Sequence

import orjson
import yaml
from rich.console import Console
from rich.table import Table

from chatassistant_operator.cli.options import Format


def show(data: object, form: Format, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print data: `data` itself as JSON or YAML, else `rows` below `headings`."""
    match form:
        case Format.JSON:
            sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
        case Format.YAML:
            sys.stdout.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
        case Format.TABLE:
            table = Table(*headings, box=None, pad_edge=False, header_style="bold")
            for cells in rows:
                table.add_row(*cells)
            # Lines that are piped on are whole; those of a terminal fit it.
            console = Console(highlight=False, markup=False, emoji=False)
            console.print(table, soft_wrap=not console.is_terminal)

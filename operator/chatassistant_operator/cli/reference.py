"""The page of all commands, made of what `--help` says."""

import typer
from typer.cli import get_docs_for_click

from chatassistant_operator.cli import commands
from chatassistant_operator.cli.failure import ExitStatus


def page(note: str) -> str:
    """Every command with its arguments and options, as Markdown."""
    lines = [
        f"<!-- {note} -->",
        "# kubectl assistant",
        "",
        "`pip install '.[cli]'` brings `kubectl-assistant`, which kubectl finds as `kubectl assistant`.",
        "",
        "| exit status | meaning |",
        "|---|---|",
        *(f"| {status.value} | {status.meaning} |" for status in ExitStatus),
        "| 130 | ended by Ctrl-C |",
        "",
    ]
    for name, command in commands():
        full = f"kubectl assistant {name}"
        text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name=full), name=full)
        lines.append(text.replace("\n## ", "\n### ").replace("# `kubectl", "## `kubectl", 1).strip() + "\n")
    return "\n".join(lines)

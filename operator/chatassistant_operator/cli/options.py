"""The options that several commands have, as kubectl names them."""

from enum import StrEnum
from typing import Annotated

import typer

from chatassistant_operator.cli.completion import complete_name


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The ChatAssistant's name.", autocompletion=complete_name)
]
MaybeName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help="A ChatAssistant's name; all without it.", autocompletion=complete_name
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NAMESPACE", help="The namespace; the context's without it."),
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look in all namespaces.")]
Context = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="CONTEXT", help="The kubeconfig's context; the current one without it."
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How data is printed.")]

"""`kubectl-assistant`: ChatAssistants on the command line; kubectl finds it as `kubectl assistant`."""

import typer

from chatassistant_operator.cli.run import run

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.command()(run)


@app.callback()
def _root() -> None:
    """ChatAssistants on the command line."""


def main() -> None:
    """The console script."""
    app()

"""`kubectl-assistant`: ChatAssistants on the command line; kubectl finds it as `kubectl assistant`."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class _Command(NamedTuple):
    """Where a command is, and what it is for."""

    module: str
    function: str
    help: str


_COMMANDS: Final = {
    "chat": _Command("chat", "chat", "Talk to an assistant in this terminal."),
    "doctor": _Command("doctor.command", "doctor", "Say why an assistant does not answer, and what to do."),
    "init": _Command("init", "init", "Write a manifest."),
    "logs": _Command("logs", "logs", "Print the logs of an assistant's pods."),
    "models": _Command("models", "app", "Show the models that there are."),
    "resume": _Command("suspend", "resume", "Have a suspended assistant run again."),
    "revalidate": _Command("revalidate", "revalidate", "Have key and model checked at once."),
    "run": _Command("run", "run", "Run assistants on this machine, with no cluster."),
    "status": _Command("status", "status", "Show what assistants own, how they are, and what to do."),
    "support-bundle": _Command(
        "bundle", "support_bundle", "Pack what helps to find a fault, without secrets."
    ),
    "suspend": _Command("suspend", "suspend", "Have an assistant run no pods until it is resumed."),
    "token": _Command("access_token", "token", "Print or rotate the token that callers show."),
    "usage": _Command("usage", "usage", "Show tokens, cost, and what the cache saved."),
    "validate": _Command("validate", "validate", "Find what is wrong in manifests, with no cluster."),
}


class _Lazy(TyperGroup):
    """Imports a command when it is called, and not for a list of all: that takes a second less."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (click's)
        """The commands' names."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (click's)
        """What a list of commands shows."""
        command = _COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=command.help) if command else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, _imported(name) if found is not None and name is not None else found, rest


def _imported(name: str) -> Any:
    module, function, _ = _COMMANDS[name]
    target: Any = getattr(import_module(f"chatassistant_operator.cli.{module}"), function)
    if not isinstance(target, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(target)
        target = alone
    command = get_command(target)
    command.name = name
    return command


def commands() -> Iterator[tuple[str, Any]]:
    """All commands by their names."""
    for name in _COMMANDS:
        yield name, _imported(name)


app = typer.Typer(cls=_Lazy, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """ChatAssistants on the command line."""


def main() -> None:
    """The console script."""
    app()

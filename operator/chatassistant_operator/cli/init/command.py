"""`kubectl-assistant init`: asks what a ChatAssistant needs, and writes its manifest."""

import asyncio
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from chatassistant_operator.cli.failure import CommandError, ExitStatus, told
from chatassistant_operator.cli.init.manifest import Answers, flaws, manifest
from chatassistant_operator.cli.options import Context, Namespace
from chatassistant_operator.local.documents import STDIN

_DEFAULTS: Final = Answers()
_QUESTIONS: Final = (
    ("name", "Name", "metadata.name"),
    ("namespace", "Namespace", "metadata.namespace"),
    ("model", "Model (`kubectl-assistant models` lists them)", "spec.model.name"),
    ("prompt", "System prompt (Enter for none)", "spec.systemPrompt"),
)
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="Where the manifest goes; NAME.yaml without it, - for standard output.",
    ),
]


def init(  # noqa: PLR0913, PLR0917 (one for each option)
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The ChatAssistant's name.", show_default=False)
    ] = None,
    namespace: Namespace = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The model; without it openrouter/free, which costs nothing."),
    ] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="The system prompt.")] = None,
    secret: Annotated[
        str, typer.Option(metavar="NAME", help="The Secret with the API key.")
    ] = _DEFAULTS.secret,
    file: File = None,
    create_secret: Annotated[
        bool,
        typer.Option(
            "--create-secret",
            help="Read the API key, from the terminal without echo or from standard input, and make the Secret.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file without asking.")] = False,
    context: Context = None,
) -> None:
    """Write a ChatAssistant's manifest, in about ten lines. In a terminal it asks for what is not given.

    Exit status: 0 when it is written, and the Secret is made if it was to be, or the command for it is told where there
    is no cluster; 1 when the Secret or its namespace stands in the way; 2 for an answer, a key or a file that cannot be
    used; 3 when the cluster refuses.
    """
    with told():
        asks = sys.stdin.isatty() and sys.stdout.isatty()
        given = {"name": name, "namespace": namespace, "model": model, "prompt": prompt}
        answers: Answers = replace(
            _DEFAULTS, secret=secret, **{key: value for key, value in given.items() if value}
        )
        if asks:
            answers = _ask(answers, {key for key, value in given.items() if value is not None})
        wrong = flaws(answers)
        if wrong:
            raise CommandError("\n".join(wrong), ExitStatus.USAGE)
        path = file or Path(f"{answers.name}.yaml")
        _spare(path, asks=asks, force=force)
        if asks and not create_secret:
            create_secret = typer.confirm("Make the Secret with your API key now?", default=True)
        _finish(answers, path, context, asks=asks, create_secret=create_secret)


def _ask(answers: Answers, given: set[str]) -> Answers:
    """Ask for what was not given, again and again while it cannot be used."""
    for key, words, field in _QUESTIONS:
        if key in given:
            continue
        default: str = getattr(answers, key)
        tried, wrong = answers, [""]
        while wrong:
            said: str = typer.prompt(words, default=default, show_default=bool(default))
            tried = replace(answers, **{key: said.strip()})
            wrong = flaws(tried, field)
            for each in wrong:
                _say(each)
        answers = tried
    return answers


def _spare(path: Path, *, asks: bool, force: bool) -> None:
    """Let no file be overwritten that somebody may want."""
    if path == STDIN or force or not path.exists():
        return
    if not asks or not typer.confirm(f"{path} is there already. Overwrite it?"):
        raise CommandError(
            f"{path} is there already and was left as it is: name another with --file, or add --force.",
            ExitStatus.USAGE,
        )


def _finish(answers: Answers, path: Path, context: str | None, *, asks: bool, create_secret: bool) -> None:
    """Read the key, write the manifest, make the Secret, say what comes next."""
    # Only who makes a Secret waits for the import of what talks to the cluster.
    from chatassistant_operator.cli.init import secret as secrets  # noqa: PLC0415

    key = secrets.read_key() if create_secret else None
    if path == STDIN:
        sys.stdout.write(manifest(answers))
    else:
        try:
            path.write_text(manifest(answers), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", ExitStatus.USAGE) from None
        _say(f"{path} is written.")
    steps = [f"kubectl assistant chat {answers.name} -n {answers.namespace}"]
    if path != STDIN:
        steps.insert(0, f"kubectl apply -f {shlex.quote(str(path))}")
    why_not = asyncio.run(secrets.put(answers, key, context, asks=asks)) if key else ""
    if why_not is None:
        _say(f"The Secret {answers.secret} in {answers.namespace} has the key.")
    else:
        if why_not:
            _say(f"No cluster, so no Secret was made: {why_not}")
        steps.insert(0, secrets.create_command(answers))
        if answers.namespace != _DEFAULTS.namespace:
            steps.insert(0, f"kubectl create namespace {answers.namespace}  # unless it is there")
    _say("\n".join(["Next:", *(f"  {step}" for step in steps)]))
    if path != STDIN:
        _say(f"Or with no cluster: kubectl assistant run {shlex.quote(str(path))}")


def _say(text: str) -> None:
    """What is for people, apart from a manifest on standard output."""
    typer.echo(text, err=True)

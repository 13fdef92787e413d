"""`kubectl-assistant validate`: what the API server and the operator would say of files."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import explain
from chatassistant_operator.checks.policy import denials
from chatassistant_operator.cli.failure import CommandError, ExitStatus, told
from chatassistant_operator.cli.validate.formats import Report, ReportFormat, written
from chatassistant_operator.local.documents import (
    Document,
    ManifestError,
    Problem,
    Severity,
    field_path,
    files,
    read,
)
from chatassistant_operator.local.manifests import typed
from chatassistant_operator.local.problems import problems as problems_of
from chatassistant_operator.openrouter.errors import masked
from chatassistant_operator.settings import PREFIX, Settings

# What a file of something else has.
_OTHERS: Final = frozenset({"yaml", "object"})
Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Also ask the gateway for key and model. The key is that of the Secret in the files, else "
        "OPENROUTER_API_KEY.",
    ),
]


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Manifests, folders of them, or - for standard input."),
    ],
    output: Annotated[
        ReportFormat, typer.Option("--output", "-o", help="How problems are printed.")
    ] = ReportFormat.TEXT,
    live: Live = False,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="With --live, ask this gateway and allow it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    ignore_others: Annotated[
        bool,
        typer.Option("--ignore-others", help="Pass over files that hold no ChatAssistant, as a hook does."),
    ] = False,
) -> None:
    """Validate manifests: schema, rules, unknown fields and policy, with the place of each problem; needs no cluster.

    The policy is the operator's default one, and what it forbids a warning, unless CHATASSISTANT_POLICY__… variables
    say what the operator's settings are.

    Exit status: 0 when all is valid, warnings apart; 1 when something is not; 2 for a file or an option that cannot be
    used.
    """
    with told():
        try:
            report = _report(paths, ignore_others=ignore_others)
            policy = Settings().policy
        except ManifestError as error:
            raise CommandError(str(error), ExitStatus.USAGE) from None
        except ValidationError as error:
            raise CommandError("\n".join(explain(error)), ExitStatus.USAGE) from None
        problems = [*report.problems, *_forbidden(report, policy)]
        if live:
            from chatassistant_operator.cli.validate.live import asked  # noqa: PLC0415 (the gateway's client is slow to import)

            key = os.environ.get("OPENROUTER_API_KEY", "")
            problems += asyncio.run(asked(report, policy, gateway, key))
        if strict:
            problems = [replace(each, severity=Severity.ERROR) for each in problems]
        report = replace(report, problems=tuple(sorted(problems, key=lambda each: (each.file, each.place))))
        sys.stdout.write(written(report, output))
        if output is ReportFormat.TEXT:
            sys.stderr.write(report.summary)
        if not report.valid:
            raise typer.Exit(ExitStatus.NO)


def _report(paths: list[Path], *, ignore_others: bool) -> Report:
    """What files say by themselves.

    Raises:
        ManifestError: for a file that cannot be read, or when there is no ChatAssistant in any.
    """
    problems: list[Problem] = []
    documents: list[Document] = []
    found = files(paths)
    for path, named in found:
        inside, wrong = read(path)
        others = ignore_others or not named
        if not others or any(each.is_assistant for each in inside):
            problems += wrong
        elif not inside:
            problems += (each for each in wrong if each.rule not in _OTHERS)
        documents += inside
    assistants = [each for each in documents if each.is_assistant]
    if not assistants and not problems and not ignore_others:
        raise ManifestError("None of the files holds a ChatAssistant.")
    flaws = {id(each): problems_of(each) for each in assistants}
    return Report(
        problems=(*problems, *(problem for each in flaws.values() for problem in each)),
        files=tuple(str(path) for path, _ in found),
        assistants=tuple(assistants),
        sound=tuple((each, typed(each)) for each in assistants if not flaws[id(each)]),
        others=tuple(each for each in documents if not each.is_assistant),
    )


def _forbidden(report: Report, policy: Policy) -> Iterator[Problem]:
    """What the operator's policy does not allow."""
    known = any(name.startswith(f"{PREFIX}POLICY__") for name in os.environ)
    severity = Severity.ERROR if known else Severity.WARNING
    whose = "the operator's policy" if known else "the operator's default policy"
    for document, assistant in report.sound:
        for field, value, setting in denials(assistant, policy):
            message = (
                f"{whose} does not allow {masked(value)!r}: change it, or have whoever runs the operator allow it in "
                f"its setting policy.{setting}"
            )
            # Of labels and annotations the value is an entry's name, and leads to it.
            path = (*field_path(field), value)
            yield document.problem(path, "policy", message, field, severity)

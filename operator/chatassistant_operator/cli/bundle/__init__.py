"""`kubectl-assistant support-bundle`: what somebody needs to see who helps, and nothing that they must not see."""

import asyncio
import io
import os
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from chatassistant_operator.cli.bundle.collecting import Collector, Wanted
from chatassistant_operator.cli.connection import connected
from chatassistant_operator.cli.failure import CommandError, ExitStatus, told
from chatassistant_operator.cli.options import AllNamespaces, Context, MaybeName, Namespace

_README: Final = """\
A support bundle of kubectl-assistant, made {time}.

NAMESPACE/NAME/    a ChatAssistant, its status with what to do, what it owns, its events, and its pods' logs
operator/          the operator's Deployment with its settings, its pods and their logs
versions.yaml      of kubectl-assistant, Kubernetes and the CRD
not-readable.txt   what the user who made this may not read, if anything

Left out: the values of Secrets, ConfigMaps, annotations and environment variables (other than the operator's settings),
arguments of containers, systemPrompt and faq. Wherever they occurred, values of the assistants' Secrets that this user
may read, and whatever looks like a key, a token or a password, are replaced by [removed].

At spec.observability.logLevel Debug the chatbot's logs hold what users wrote and what models answered: look before
you pass it on, or make the bundle with --no-logs.
"""


def support_bundle(
    name: MaybeName = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Where to write it; a new file here without it.")
    ] = None,
    logs: Annotated[bool, typer.Option(help="With the logs of chatbots and operator.")] = True,
) -> None:
    """Write what is needed to find a fault into one .tar.gz, without Secrets, keys, tokens, prompts and FAQ.

    In it are ChatAssistants, what they own, events, logs, the operator's settings and logs, and versions, as far as
    the user may read them; what may not be read is named. Secrets are read, where that is allowed, only to take their
    values out of everything else. The file's name is printed.

    Exit status: 0 when it is written; 1 when there is no such ChatAssistant; 2 when the file cannot be written; 3 when the
    cluster cannot be reached, or refuses to show ChatAssistants.
    """
    with told():
        now = datetime.now(UTC)
        collector = asyncio.run(_collect(namespace, context, Wanted(name, all_namespaces, logs)))
        path = file or Path(f"chatassistant-{now:%Y%m%d-%H%M%S}.tar.gz")
        try:
            _write(path, _files(collector, now), now)
        except OSError as error:
            raise CommandError(
                f"{path} cannot be written: {error.strerror}. Name another with --file.", ExitStatus.USAGE
            ) from None
    if collector.missing:
        sys.stderr.write(
            f"{len(collector.missing)} things could not be read: not-readable.txt in it says which, and why.\n"
        )
    sys.stdout.write(f"{path}\n")


async def _collect(namespace: str | None, context: str | None, wanted: Wanted) -> Collector:
    async with connected(context, namespace) as connection:
        collector = Collector(connection, wanted)
        await collector.collect()
        return collector


def _files(collector: Collector, now: datetime) -> dict[str, str]:
    files = {"README.txt": _README.format(time=now.isoformat(timespec="seconds")), **collector.files}
    if collector.missing:
        files["not-readable.txt"] = "".join(f"{each}\n" for each in dict.fromkeys(collector.missing))
    return files


def _write(path: Path, files: dict[str, str], now: datetime) -> None:
    """Write the archive, for its user alone to read."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    folder = path.name.removesuffix(".tar.gz")
    with os.fdopen(opened, "wb") as target, tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(now.timestamp()), 0o600
            archive.addfile(entry, io.BytesIO(content))

"""A namespace with an operator for several tests, and people with few rights in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from support.assistants import Assistants
from support.command_line import CommandLine
from support.control_plane import ControlPlane
from support.operators import OperatorProcess

_numbers = count(1)


@contextmanager
def scene(plane: ControlPlane, gateway: str, folder: Path, **settings: str) -> Iterator[Assistants]:
    """The ChatAssistants of a fresh namespace, which an operator watches."""
    namespace = f"scene-{next(_numbers)}"
    plane.kubectl("create", "namespace", namespace)
    operator = OperatorProcess(plane, namespace, gateway, folder / "operator", settings)
    try:
        yield Assistants(plane, namespace, gateway)
    finally:
        operator.stop()
        plane.kubectl("delete", "namespace", namespace, "--wait=false")
    assert "Traceback" not in operator.log, operator.log


def user(assistants: Assistants, folder: Path, *rules: str) -> CommandLine:
    """The command line of somebody who has just these rights, each `verbs resources`."""
    name = f"user-{next(_numbers)}"
    assistants.kubectl("create", "serviceaccount", name)
    for rule in rules:
        verbs, _, resources = rule.partition(" ")
        role, subject = f"{name}-{next(_numbers)}", f"--serviceaccount={assistants.namespace}:{name}"
        assistants.kubectl("create", "role", role, f"--verb={verbs}", f"--resource={resources}")
        assistants.kubectl("create", "rolebinding", role, f"--role={role}", subject)
    token = assistants.plane.create_token(assistants.namespace, name)
    return CommandLine(assistants.plane, assistants.namespace, folder / name, token)

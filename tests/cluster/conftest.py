"""What tests of the command line have in common: a namespace with an operator, the assistant `todo`, and a terminal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.command_line import CommandLine
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.scenes import scene
from support.waiting import eventually


@pytest.fixture(scope="module")
def new_scene(
    kubernetes: ControlPlane,
    node: NodeStandIn,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Assistants]]:
    """Gives fresh namespaces, each with an operator of these settings, until the end of the module."""
    with ExitStack() as scenes:

        def make(**settings: str) -> Assistants:
            folder = tmp_path_factory.mktemp("scene")
            return scenes.enter_context(scene(kubernetes, _gateway_process.base_url, folder, **settings))

        yield make


@pytest.fixture(scope="module")
def todo(new_scene: Callable[..., Assistants]) -> Assistants:
    """The assistant `todo`, ready; a module may have one of its own kind."""
    assistants = new_scene()
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 1, "the pod is counted")
    return assistants


@pytest.fixture
def cli(kubernetes: ControlPlane, todo: Assistants, gateway: GatewayProcess, tmp_path: Path) -> CommandLine:
    """The command line in the namespace of `todo`, with nothing wrong at the gateway."""
    return CommandLine(kubernetes, todo.namespace, tmp_path)

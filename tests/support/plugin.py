"""What every test gets: no road out of this machine, and the real things to test against."""

import functools
import ipaddress
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from chatassistant_operator import status
from support import statuses
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.kubernetes.build import MissingToolError
from support.node import NodeStandIn, chatbot_commands
from support.operators import OperatorProcess


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse a connection or a look-up that leaves this machine, in any library and any thread."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
        if isinstance(host, str) and not _is_loopback(host):
            raise RuntimeError(f"a test tried to reach {host}: tests talk to this machine only")
    if event == "socket.getaddrinfo":
        host = arguments[0]
        if host not in {None, "", "localhost", b"localhost"} and not _is_loopback(host):
            raise RuntimeError(f"a test tried to look up {host!r}: tests talk to this machine only")


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else str(host)).is_loopback
    except ValueError:
        return False


sys.addaudithook(_guard)


def _record_summaries() -> None:
    """Have every status that a test has made in this process recorded, as those on API servers are."""
    summarise = status.summarise

    @functools.wraps(summarise)
    def recorded(*arguments: Any) -> Any:
        summary, again = summarise(*arguments)
        if summary is not None:
            told = arguments[0].model_copy(update={"status": summary})
            statuses.record(told.model_dump(by_alias=True, exclude_none=True, mode="json"))
        return summary, again

    status.summarise = recorded


_record_summaries()


def missing(what: str) -> NoReturn:
    """Skip a test that needs what is not here; on CI that is a failure, or nobody would notice."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write golden files anew")


@pytest.fixture(scope="session", autouse=True)
def _every_status_is_true() -> Iterator[None]:
    """Holds every status that any test has brought about to kstatus's rules."""
    yield
    problems = statuses.problems()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real control plane with the CRD installed."""
    try:
        plane = ControlPlane(tmp_path_factory.mktemp("kubernetes"))
    except MissingToolError as error:
        missing(str(error))
    try:
        plane.start()
        watcher = statuses.Watcher(plane.server, plane.ca_file, plane.admin_token)
        watcher.start()
        yield plane
        watcher.stop()
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def node(kubernetes: ControlPlane) -> Iterator[NodeStandIn]:
    """Runs the pods of all namespaces as plain processes."""
    stand_in = NodeStandIn(kubernetes, chatbot_commands())
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def namespace(kubernetes: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace that only lets pods in which keep to the restricted Pod Security Standard."""
    name = f"test-{os.getpid()}-{abs(hash(request.node.nodeid)) % 10**8}-{os.urandom(2).hex()}"
    kubernetes.kubectl("create", "namespace", name)
    kubernetes.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubernetes.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def _gateway_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    yield process
    process.stop()


@pytest.fixture
def gateway(_gateway_process: GatewayProcess) -> GatewayProcess:
    """The stand-in for OpenRouter as a process, with nothing wrong and nothing counted yet."""
    _gateway_process.reset()
    return _gateway_process


@pytest.fixture
def start_operator(
    kubernetes: ControlPlane, namespace: str, gateway: GatewayProcess, tmp_path: Path
) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts the operator as a process that watches the test's namespace; gives a way to start more."""
    started: list[OperatorProcess] = []

    def start(**settings: str) -> OperatorProcess:
        folder = tmp_path / f"operator-{len(started)}"
        process = OperatorProcess(kubernetes, namespace, gateway.base_url, folder, settings)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()
        assert "Traceback" not in process.log, process.log


@pytest.fixture
def operator(start_operator: Callable[..., OperatorProcess]) -> OperatorProcess:
    """The operator, watching the test's namespace."""
    return start_operator()


@pytest.fixture
def assistants(
    kubernetes: ControlPlane, namespace: str, gateway: GatewayProcess, node: NodeStandIn
) -> Assistants:
    """Applies ChatAssistants and reads what became of them, with kubectl and the official client."""
    return Assistants(kubernetes, namespace, gateway.base_url)

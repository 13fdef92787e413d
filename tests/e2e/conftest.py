"""The whole cluster that these tests share. They run by `make e2e` only."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.cluster.machine import process
from deploy.cluster.machine.obstacles import obstacle

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.footprint import footprint
from support.whole_cluster import Team, WholeCluster, make


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """They need minutes, root and packages, and so are not among the ordinary tests."""
    return None if "e2e" in config.option.markexpr else True


@pytest.fixture(scope="session")
def cluster() -> Iterator[WholeCluster]:
    """The cluster; removed after the tests, with nothing left of it, but not when it ran before."""
    why_not = obstacle()
    if why_not:
        pytest.skip(f"this machine cannot be a whole cluster: {why_not}")
    ran_before = process.is_running()
    if not ran_before:
        make("prepare")
        # What one that was cut off has left is no trace of this one.
        make("down")
    before = footprint()
    make("up")
    yield WholeCluster()
    if not ran_before:
        make("down")
        assert footprint() == before


@pytest.fixture
def team(cluster: WholeCluster, request: pytest.FixtureRequest) -> Iterator[Team]:
    """A namespace of its own, under the restricted Pod Security Standard."""
    name = f"e2e-{abs(hash(request.node.nodeid)) % 10**8}-{os.urandom(2).hex()}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    team = Team(cluster, name)
    team.give_key(ACCEPTED.token)
    team.start_client()
    yield team
    cluster.control("DELETE", "")
    cluster.kubectl("delete", "namespace", name, "--wait=false")

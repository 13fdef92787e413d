"""Parts of the cluster are lost; assistants go on."""

import os
import signal
from pathlib import Path

import pytest
from deploy.cluster.installation import NAMESPACE

from support.waiting import eventually
from support.whole_cluster import CLIENT, Client, Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_all_operators_are_killed_at_once(team: Team) -> None:
    team.apply(rateLimit={"requests": 1_000_000})
    team.wait_until_ready()
    callers = Client(team, "todo", "--callers=2")
    callers.wait_for_an_answer()
    words = ("-n", NAMESPACE, "-l", "app.kubernetes.io/instance=chatassistant-operator")
    team.cluster.kubectl("delete", "pod", *words, "--grace-period=0", "--force")
    team.apply("another")
    team.wait_until_ready("another")
    assert callers.end()["failures"] == []


def test_containerd_is_killed(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    killed = _containerd()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: _containerd() not in {0, killed}, "containerd runs again", 30)
    words = ("exec", CLIENT, "--", "python", "-c", "print('here')")
    eventually(lambda: team.kubectl(*words, check=False), "it answers the kubelet", 60)
    assert "Hello" in team.ask("Hello")
    team.apply("another")
    team.wait_until_ready("another")
    assert team.condition("Ready")["status"] == "True"


def _containerd() -> int:
    """The number of the cluster's containerd; 0 for none."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text(encoding="utf-8").split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if words[0].endswith("containerd") and any("chatassistant/cluster" in each for each in words[1:]):
            return int(folder.name)
    return 0

"""A release follows another, and is taken back, while callers are being answered."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml
from deploy.cluster.folders import CHARTS, STATE
from deploy.cluster.installation import NAMESPACE

from support.waiting import eventually
from support.whole_cluster import Client, Team, WholeCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_CHART: Final = CHARTS / "chatassistant-operator"
_RELEASE: Final = "chatassistant-operator"
_EARLIER: Final = "0.0.9"
_MANY: Final = {"requests": 1_000_000}
_SLOW: Final = {"route": "/chat/completions", "token_seconds": 0.3}


@pytest.fixture
def earlier(cluster: WholeCluster, tmp_path: Path) -> Iterator[Path]:
    """The chart of a release before the present one, whose images differ by their tags."""
    chart = tmp_path / _RELEASE
    shutil.copytree(_CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    about |= {"version": _EARLIER, "appVersion": _EARLIER}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    for name in ("operator", "chatbot"):
        cluster.tag_image(name, _EARLIER)
    yield chart
    _install(cluster, _CHART)


def _install(cluster: WholeCluster, chart: Path, *settings: str) -> None:
    """Install a release as `make cluster` installs the present one, but for some settings."""
    values = (f"--values={STATE}/values.json", *(f"--set={each}" for each in settings))
    cluster.helm("upgrade", _RELEASE, str(chart), *values, "--wait", "--timeout=3m")


def _images(cluster: WholeCluster, namespace: str, label: str) -> set[str]:
    pods = cluster.get("pods", "-n", namespace, "-l", label)["items"]
    return {each["spec"]["containers"][0]["image"] for each in pods}


def _wait_for_operators(cluster: WholeCluster, *, earlier: bool) -> None:
    """Wait until all are of the release before, or none is."""

    def are_of_it() -> bool:
        images = _images(cluster, NAMESPACE, f"app.kubernetes.io/instance={_RELEASE}")
        return {image.endswith(f":{_EARLIER}") for image in images} == {earlier}

    eventually(are_of_it, "only one release's operators run", 90)


def test_an_upgrade_rolls_no_chatbot_and_cuts_no_stream(team: Team, earlier: Path) -> None:
    cluster = team.cluster
    _install(cluster, earlier, "image.tag=")
    _wait_for_operators(cluster, earlier=True)
    team.apply(replicas=2, rateLimit=_MANY)
    team.wait_until_ready()
    words = ("deployment", "todo", "-n", team.namespace)
    before, template = set(team.pods()), cluster.get(*words)["spec"]["template"]
    cluster.control("POST", "", _SLOW)
    callers = Client(team, "todo", "--callers=10")
    callers.wait_for_an_answer()
    for step in ("upgrade", "rollback", "upgrade again"):
        if step == "rollback":
            cluster.helm("rollback", _RELEASE, "--wait", "--timeout=3m")
        else:
            _install(cluster, _CHART)
        _wait_for_operators(cluster, earlier=step == "rollback")
        # It has seen all that there was, and works.
        team.apply("another", systemPrompt=f"After the {step}.")
        team.wait_until_ready("another")
    assert set(team.pods()) == before
    assert cluster.get(*words)["spec"]["template"] == template
    met = callers.end()
    assert met["failures"] == []
    assert len(met["answers"]) > 20


def test_a_release_with_another_chatbot_rolls_it_and_cuts_no_stream(team: Team, earlier: Path) -> None:
    _install(team.cluster, earlier, "image.tag=", "chatbotImage.tag=")
    _wait_for_operators(team.cluster, earlier=True)
    # What nobody asked for rolls once the gateway has been asked in its time.
    team.apply(replicas=2, rateLimit=_MANY, validation={"intervalSeconds": 30})
    team.wait_until_ready()
    (image,) = _images(team.cluster, team.namespace, "chatassistant.dev/name=todo")
    assert image.endswith(f":{_EARLIER}")
    before = set(team.pods())
    team.cluster.control("POST", "", _SLOW)
    callers = Client(team, "todo", "--callers=10")
    callers.wait_for_an_answer()
    _install(team.cluster, _CHART)
    eventually(lambda: not before & set(team.pods()), "all pods are new", 480)
    team.wait_until_ready()
    met = callers.end()
    assert met["failures"] == []
    assert len(met["answers"]) > 20

"""The operator's account, with just the rights that the chart gives it."""

import functools
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from chatassistant_operator.chart.rendered import helm
from support.control_plane import ControlPlane

CHART: Final = Path(__file__).parents[2] / "deploy/helm/chatassistant-operator"
ACCOUNT: Final = "chatassistant-operator"
_PLACEHOLDER: Final = "the-namespace"
_KINDS: Final = frozenset({"ServiceAccount", "Role", "RoleBinding"})


def rendered(namespace: str, *values: str) -> list[dict[str, Any]]:
    """The chart's objects, released into a namespace."""
    command = [helm(), "template", ACCOUNT, str(CHART), f"--namespace={namespace}", "--skip-tests"]
    given = [f"--set={each}" for each in values]
    done = subprocess.run([*command, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@functools.cache
def _account() -> str:
    """What makes the account of an operator that watches its own namespace, which stands as a placeholder."""
    objects = rendered(_PLACEHOLDER, f"namespaces={{{_PLACEHOLDER}}}")
    return yaml.safe_dump_all([each for each in objects if each["kind"] in _KINDS])


def give_rights(plane: ControlPlane, namespace: str, server: str | None = None) -> str:
    """Make the account and its Roles in a namespace, which the operator is in and watches; gives its kubeconfig.

    By that it reaches the API server at `server`, where one is given.
    """
    plane.kubectl("apply", "-f", "-", stdin=_account().replace(_PLACEHOLDER, namespace))
    return plane.kubeconfig_for(plane.create_token(namespace, ACCOUNT), server)

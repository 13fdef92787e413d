"""The operator as it was installed: by its chart, whoever has applied that."""

import json
import subprocess
from pathlib import Path
from typing import Final

import yaml

from chatassistant_operator.chart.rendered import NAMESPACE, helm
from chatassistant_operator.settings import PREFIX
from support.control_plane import ControlPlane
from support.operators import OperatorProcess
from support.rights import ACCOUNT, CHART

CRDS: Final = CHART.with_name("chatassistant-crds")
_CLUSTER_WIDE: Final = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
# What a process on this machine cannot have as the container has it.
_OTHER: Final = ("health_port", "metrics_port", "policy__allowed_gateways")


def operator(plane: ControlPlane, gateway: str, folder: Path) -> OperatorProcess:
    """Run the operator with the account and the settings that its Deployment has, as its pod would be.

    It talks to the stand-in for OpenRouter, too, at the URL `gateway`.
    """
    found = plane.kubectl("get", "deployment", ACCOUNT, "-n", NAMESPACE, "-o", "json").stdout
    pod = json.loads(found)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    settings = {each["name"].removeprefix(PREFIX).lower(): each["value"] for each in container["env"]}
    for each in _OTHER:
        del settings[each]
    kubeconfig = folder / "kubeconfig-of-the-release"
    token = plane.create_token(NAMESPACE, pod["serviceAccountName"])
    kubeconfig.write_text(plane.kubeconfig_for(token), encoding="utf-8")
    settings |= {"kubeconfig": str(kubeconfig), "report_interval_seconds": "1"}
    return OperatorProcess(plane, NAMESPACE, gateway, folder / "operator", settings)


def let_helm_have_the_crd(plane: ControlPlane) -> None:
    """Have the chart of the CRDs be installed as where there is no CRD yet: tests always have one."""
    done = subprocess.run(
        [helm(), "template", CRDS.name, str(CRDS)], capture_output=True, text=True, check=True
    )
    (crd,) = yaml.safe_load_all(done.stdout)
    crd["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    crd["metadata"]["annotations"] |= {
        "meta.helm.sh/release-name": CRDS.name,
        "meta.helm.sh/release-namespace": "default",
    }
    options = ("--server-side", "--force-conflicts", "--field-manager=helm")
    plane.kubectl("apply", *options, "-f", "-", stdin=json.dumps(crd))


def remove(plane: ControlPlane, *namespaces: str) -> None:
    """Remove what was installed, but the CRD, and namespaces with all that is in them."""
    plane.kubectl(
        "delete", _CLUSTER_WIDE, "-l", f"app.kubernetes.io/instance={ACCOUNT}", "--ignore-not-found"
    )
    plane.kubectl("delete", "secrets", "-n", "default", "-l", "owner=helm", "--ignore-not-found")
    for namespace in (NAMESPACE, *namespaces):
        # The pods of the operator's Deployment run nowhere: nobody would end them before their grace period is over.
        plane.kubectl(
            "delete", "deployments", "--all", "-n", namespace, "--cascade=foreground", "--wait=false"
        )
        plane.kubectl("delete", "pods", "--all", "-n", namespace, "--force", "--grace-period=0")
    plane.kubectl("delete", "namespaces", NAMESPACE, *namespaces, "--ignore-not-found", "--timeout=90s")

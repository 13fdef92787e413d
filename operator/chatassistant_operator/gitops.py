"""What GitOps tools are told of ChatAssistants, in files that they take."""

from textwrap import indent
from typing import Final

from chatassistant_operator.api import names

HEALTH: Final = {
    f"{names.GROUP}_{names.KIND}": "deploy/argocd/health.lua",
    "argoproj.io_Application": "deploy/argocd/application-health.lua",
}
"""Which file says how well an object is, by its group and kind as Argo CD writes them."""


def argocd_patch(checks: dict[str, str]) -> str:
    """The patch of Argo CD's ConfigMap that has it judge objects by Lua, as YAML.

    Source: Argo CD's operator manual, "Resource Health", custom health checks.

    Args:
        checks: The Lua of each group and kind.
    """
    entries = "".join(
        f"  resource.customizations.health.{kind}: |\n{indent(lua, '    ')}" for kind, lua in checks.items()
    )
    return f"""\
# Made by `make generate` from the Lua beside it; do not edit.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
{entries}"""

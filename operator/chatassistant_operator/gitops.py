"""What GitOps tools are told of ChatAssistants, in files that they take."""

from textwrap import indent

from chatassistant_operator.api import names


def argocd_patch(lua: str) -> str:
    """The patch of Argo CD's ConfigMap that has it judge ChatAssistants by this Lua, as YAML.

    Source: Argo CD's operator manual, "Resource Health", custom health checks.
    """
    return f"""\
# Made by `make generate` from deploy/argocd/health.lua; do not edit.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
  resource.customizations.health.{names.GROUP}_{names.KIND}: |
{indent(lua, "    ")}"""

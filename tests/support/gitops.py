"""What Argo CD and Flux make of an object: the health checks in deploy/ run on it as those tools run them."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import celpy
import yaml
from celpy.adapter import json_to_cel
from lupa import lua51

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
HEALTH_LUA: Final = {
    "ChatAssistant": DEPLOY / "argocd" / "health.lua",
    "Application": DEPLOY / "argocd" / "application-health.lua",
}
FLUX: Final = DEPLOY / "flux" / "assistants.yaml"

# Argo CD runs Lua 5.1 and opens no more than base, table, package and a few functions of os (util/lua/lua.go).
_CLOSED: Final = ("string", "math", "io", "debug", "coroutine", "python")


class Health(NamedTuple):
    """What Argo CD shows."""

    status: str
    message: str


def argocd(obj: dict[str, Any]) -> Health:
    """Argo CD's health: Healthy, Suspended, Progressing or Degraded."""
    if obj["metadata"].get("deletionTimestamp"):
        return Health(
            "Progressing", "Pending deletion"
        )  # Before any custom check (gitops-engine, health.go).
    lua, check = _lua(obj["kind"])
    lua.globals().obj = lua.table_from(obj, recursive=True)
    health = check()
    return Health(health["status"], health["message"])


def flux(obj: dict[str, Any]) -> str:
    """Flux's outcome: Current, Failed or InProgress, or Unknown, on which it waits as well.

    Source: fluxcd/pkg, runtime/cel/status_evaluator.go.
    """
    status = obj.get("status")
    if status is None:
        return (
            "Unknown"  # To cel-go an absent variable is an error, even inside has(); celpy is more lenient.
        )
    observed = status.get("observedGeneration")
    if observed is not None and observed != obj["metadata"]["generation"]:
        return "InProgress"
    variables = {name: json_to_cel(value) for name, value in obj.items()}
    for outcome, program in _programs().items():
        if program.evaluate(variables):
            return outcome
    return "InProgress"


def expressions() -> dict[str, str]:
    """The health check expressions, by their names in the Kustomization."""
    (kustomization,) = (
        each for each in yaml.safe_load_all(FLUX.read_text("utf-8")) if each["kind"] == "Kustomization"
    )
    (checks,) = kustomization["spec"]["healthCheckExprs"]
    return {name: checks[name] for name in ("inProgress", "failed", "current")}


@cache
def _lua(kind: str) -> tuple[Any, Any]:
    lua = lua51.LuaRuntime(register_eval=False)
    lua.execute("getmetatable('').__index = nil")
    for name in _CLOSED:
        lua.globals()[name] = None
    return lua, lua.globals().loadstring(HEALTH_LUA[kind].read_text("utf-8"))


@cache
def _programs() -> dict[str, celpy.Runner]:
    environment = celpy.Environment()
    return {
        name[0].upper() + name[1:]: environment.program(environment.compile(expression))
        for name, expression in expressions().items()
    }

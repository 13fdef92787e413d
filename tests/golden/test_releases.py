"""What each release wrote, kept as files: an upgrade rolls no pods unless the changelog says so, and the CRD only grows.

Those of the present version follow `make test ARGS="-k golden --update-goldens"` until it is released.
"""

import copy
import importlib.metadata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatassistant_operator import checks, desired
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Manifest
from golden.test_manifests import CASES, LENIENT
from support.crd_growth import shrunk
from support.situations import GOOD, body

ROOT = Path(__file__).parents[2]
RELEASES = Path(__file__).parent / "releases"
CRD = ROOT / "crds/chatassistants.chatassistant.dev.yaml"
PRESENT = importlib.metadata.version("chatassistant")
KEPT = sorted({PRESENT, *(each.name for each in RELEASES.iterdir())})
# How a line of the changelog begins that tells of a rollout.
ROLLS = "- Rolls all pods"


def _changes() -> str:
    """What the changelog says of the present version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return next(each for each in text.split("\n## ") if each.startswith(PRESENT))


@pytest.fixture(autouse=True)
def _kept(request: pytest.FixtureRequest) -> None:
    """Have the present version's files follow what it writes, as long as it is not released."""
    if not request.config.getoption("--update-goldens"):
        return
    assert "(unreleased)" in _changes().splitlines()[0], f"{PRESENT} is released: raise the version first"
    folder = RELEASES / PRESENT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crd.yaml").write_text(CRD.read_text(encoding="utf-8"), encoding="utf-8")
    for name, (spec, _) in CASES.items():
        assistant = body(**spec)
        written = [assistant, *_written(name, assistant)]
        text = yaml.safe_dump_all(written, sort_keys=False, width=110, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _written(name: str, assistant: Manifest) -> tuple[Manifest, ...]:
    """What this version writes for a release's ChatAssistant, in the world of the case of this name."""
    subject, seen = ChatAssistant.parse(assistant), replace(GOOD, policy=LENIENT, **CASES[name][1])
    return desired.build(subject, seen, tuple(checks.run(subject, seen).values())).manifests


def _deployment(manifests: tuple[Manifest, ...]) -> Manifest:
    (found,) = (each for each in manifests if each["kind"] == "Deployment")
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("release", KEPT)
def test_golden_of_a_release(release: str, name: str) -> None:
    path = RELEASES / release / f"{name}.yaml"
    if release != PRESENT and not path.exists():
        pytest.skip(f"{release} had no such case")
    assistant, *before = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    now = _written(name, assistant)
    if release == PRESENT:
        assert list(now) == before, "--update-goldens writes what is kept of the present version anew"
        return
    old, new = _deployment(tuple(before)), _deployment(now)
    assert new["spec"]["selector"] == old["spec"]["selector"], "the API server lets nobody change it"
    lost = {_named(each) for each in before} - {_named(each) for each in now}
    assert all(kind == "ConfigMap" for kind, _ in lost), f"nobody would remove {lost}"
    if new["spec"]["template"] != old["spec"]["template"]:
        assert ROLLS in _changes(), f"pods of {release} roll, and the changelog does not say so"


def _named(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _crd(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("release", KEPT)
def test_golden_crd_only_grows(release: str) -> None:
    assert shrunk(_crd(RELEASES / release / "crd.yaml"), _crd(CRD)) == []


def _spec(crd: dict[str, Any]) -> dict[str, Any]:
    (version,) = crd["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


SHRUNK: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a field is gone": lambda spec: spec.pop("image"),
    "another type": lambda spec: spec["replicas"].update(type="string"),
    "a lower maximum": lambda spec: spec["replicas"].update(maximum=1),
    "a higher minimum": lambda spec: spec["replicas"].update(minimum=1),
    "a new maximum": lambda spec: spec["systemPrompt"].update(maxLength=3),
    "a field is required": lambda spec: spec["model"].update(required=["fallbacks"]),
    "a value is gone": lambda spec: spec["credentials"]["properties"]["delivery"]["enum"].pop(),
    "another default": lambda spec: spec["replicas"].update(default=2),
    "a new rule": lambda spec: spec["model"].update(
        {"x-kubernetes-validations": [{"rule": "size(self.name) < 9", "message": "short"}]}
    ),
}
GROWN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a new field": lambda spec: spec.update(invented={"type": "string", "maxLength": 3}),
    "a higher maximum": lambda spec: spec["replicas"].update(maximum=10**6),
    "a new value": lambda spec: spec["credentials"]["properties"]["delivery"]["enum"].append("Other"),
    "a rule of a new field": lambda spec: spec["model"].update(
        properties={**spec["model"]["properties"], "invented": {"type": "string"}},
        **{"x-kubernetes-validations": [{"rule": "self.invented != self.name", "message": "other"}]},
    ),
}


@pytest.mark.parametrize("what", SHRUNK)
def test_a_crd_that_shrinks_is_noticed(what: str) -> None:
    crd = _crd(CRD)
    SHRUNK[what](_spec(changed := copy.deepcopy(crd)))
    assert len(shrunk(crd, changed)) == 1


@pytest.mark.parametrize("what", GROWN)
def test_a_crd_that_grows_is_let_be(what: str) -> None:
    crd = _crd(CRD)
    GROWN[what](_spec(changed := copy.deepcopy(crd)))
    assert shrunk(crd, changed) == []

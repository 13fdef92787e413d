"""What the manifests of Argo CD and Flux refer to is there: sources, paths, charts, values, Secrets."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.chart.rendered import helm
from support.gitops_tools import checkout, secret_of
from support.guides import ROOT, commands
from support.samples import DEPLOY, documents, manifests

OBJECTS: Final = [
    each
    for folder in ("argocd", "flux", "samples/gitops")
    for file in manifests(DEPLOY / folder)
    for each in documents(file)
]
CHART: Final = DEPLOY / "helm/chatassistant-operator"
TEAM_VALUES: Final = DEPLOY / "samples/multi-tenant/values.yaml"


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in OBJECTS if each["kind"] == kind]


def by_name(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in of_kind(kind)}


def source_of(spec: dict[str, Any]) -> Path:
    """Where a Flux object's source is."""
    repository = by_name(spec["sourceRef"]["kind"])[spec["sourceRef"]["name"]]
    return checkout(ROOT, repository["spec"]["url"])


def charts() -> list[tuple[str, Path, str, dict[str, Any]]]:
    """Each chart that is installed: release, folder, namespace, values."""
    found = []
    for each in of_kind("Application"):
        spec = each["spec"]
        if "helm" in spec["source"]:
            folder = checkout(ROOT, spec["source"]["repoURL"]) / spec["source"]["path"]
            values = spec["source"]["helm"].get("valuesObject", {})
            found.append(
                (spec["source"]["helm"]["releaseName"], folder, spec["destination"]["namespace"], values)
            )
    for each in of_kind("HelmRelease"):
        spec = each["spec"]
        folder = source_of(spec["chart"]["spec"]) / spec["chart"]["spec"]["chart"]
        found.append((spec["releaseName"], folder, spec["targetNamespace"], spec.get("values", {})))
    return found


@pytest.mark.parametrize(("release", "folder", "namespace", "values"), charts())
def test_charts_take_their_values(release: str, folder: Path, namespace: str, values: dict[str, Any]) -> None:
    assert yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))["name"] == release
    command = [helm(), "template", release, str(folder), f"--namespace={namespace}", "--values=-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert namespace in by_name("Namespace")
    assert set(values.get("namespaces", ())) <= set(by_name("Namespace"))


def test_both_tools_install_the_same() -> None:
    releases = [
        (release, folder.resolve(), namespace, values) for release, folder, namespace, values in charts()
    ]
    assert len(releases) == 4
    assert all(releases.count(each) == 2 for each in releases)


def test_the_values_for_two_teams_are_the_charts() -> None:
    command = [helm(), "template", "x", str(CHART), f"--values={TEAM_VALUES}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    roles = [each["metadata"]["namespace"] for each in objects if each["kind"] == "Role"]
    assert {"team-a", "team-b"} < set(roles)


def test_the_teams_differ_by_their_names_only() -> None:
    texts = [
        (DEPLOY / f"samples/multi-tenant/{each}.yaml").read_text("utf-8") for each in ("team-a", "team-b")
    ]
    assert texts[0].replace("team-a", "team-b") == texts[1]


def test_paths_are_there() -> None:
    for each in of_kind("Application"):
        source = each["spec"]["source"]
        assert list((checkout(ROOT, source["repoURL"]) / source["path"]).glob("*.yaml")), source
    for each in of_kind("Kustomization"):
        assert list((source_of(each["spec"]) / each["spec"]["path"]).glob("*.yaml")), each["metadata"]


def test_what_waits_waits_for_something_that_is_there() -> None:
    for kind in ("Kustomization", "HelmRelease"):
        present = by_name(kind)
        for each in present.values():
            assert {needed["name"] for needed in each["spec"].get("dependsOn", [])} <= set(present)
    waves = {
        (each["kind"], each["metadata"]["name"]): int(
            each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]
        )
        for file in manifests(DEPLOY / "argocd/apps")
        for each in documents(file)
    }
    order = [name for _, name in sorted(waves, key=lambda each: waves[each])]
    assert order[2:] == ["chatassistant-crds", "chatassistant-operator", "assistants"]
    assert len(set(waves.values())) == 4


def test_no_difference_is_ignored() -> None:
    assert "ignoreDifferences" not in str(OBJECTS)
    assert all("ignore" not in each["spec"]["driftDetection"] for each in of_kind("HelmRelease"))


@pytest.mark.parametrize("kind", ["ExternalSecret", "SealedSecret"])
def test_the_secret_is_as_the_assistant_wants_it(kind: str) -> None:
    (made_of,) = of_kind(kind)
    (manifest,) = of_kind("ChatAssistant")
    server = {"uid": "1", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    metadata = {**manifest["metadata"], **server}
    assistant = ChatAssistant.parse({**manifest, "metadata": metadata})
    wanted = assistant.spec.credentials.api_key_secret_ref
    secret = secret_of(made_of, "x")
    assert (secret["metadata"]["name"], set(secret["stringData"])) == (wanted.name, {wanted.key})
    assert secret["metadata"]["namespace"] == manifest["metadata"]["namespace"]


def test_the_namespaces_of_both_tools_are_the_same() -> None:
    namespaces = of_kind("Namespace")
    assert len(namespaces) == 2 * len(by_name("Namespace"))
    assert all(
        each["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
        for each in namespaces
    )


@pytest.mark.parametrize(
    "page",
    [
        "deploy/argocd/README.md",
        "deploy/flux/README.md",
        "docs/gitops.md",
        "deploy/samples/multi-tenant/README.md",
    ],
)
def test_guides_use_what_a_test_can_run(page: str) -> None:
    blocks = commands(page)
    assert blocks
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        assert line.split(maxsplit=1)[0] in {"kubectl", "helm"} or line.startswith("team_a="), line
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(blocks), "every command is in a block of sh, which a test runs"

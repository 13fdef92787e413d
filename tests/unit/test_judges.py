"""What others' tools say of what is installed on a cluster; each exception has its reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatassistant_operator.chart.rendered import helm
from support.plugin import missing

ROOT = Path(__file__).parents[2]
RENDERED = [
    ROOT / "deploy/kustomize/operator/operator.yaml",
    ROOT / "deploy/kustomize/namespaced/operator.yaml",
]
BESIDE = Path(sys.executable).parent

CHECKOV = {
    "CKV_K8S_11": "a limit of CPU throttles the operator just when it has much to do; requests keep it fair",
    "CKV_K8S_15": "an image by its full version does not change, and nodes must start it while the registry is away",
    "CKV_K8S_38": "the operator talks to the API server: its account's token is what for it is there",
    "CKV_K8S_43": "a digest can be given as a value; a release's tag reads better",
}
POLICY_GUARD = {
    "PG-RBAC-003": "get and create on Secrets: what the operator is for; the admission policy narrows them",
    "PG-CTR-007": "CHATASSISTANT_SECRET_INTERVAL_SECONDS is a number of seconds",
    "PG-IMG-002": "a digest can be given as a value",
    "PG-WRK-005": "a PriorityClass is the cluster's to name; it can be given as a value",
    "PG-WRK-007": "topologySpreadConstraints do what it asks of podAntiAffinity",
}


@pytest.mark.parametrize("chart", ["chatassistant-crds", "chatassistant-operator"])
def test_helm(chart: str) -> None:
    command = [helm(), "lint", "--strict", str(ROOT / "deploy/helm" / chart)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("release", [f"1.{minor}" for minor in range(31, 38)])
def test_kubernetes_schemas(release: str) -> None:
    command = [str(BESIDE / "kubernetes-validate"), "-k", release, "--strict", *map(str, RENDERED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkov() -> None:
    checkov = BESIDE.parent / "checkov/bin/checkov"
    if not checkov.exists():
        missing("There is no checkov: run the tests by `make test`.")
    files = [argument for each in RENDERED for argument in ("--file", str(each))]
    command = [checkov, *files, "--framework=kubernetes", "--skip-download", "--output=json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {each["check_id"] for each in failed} == set(CHECKOV)


@pytest.mark.parametrize("file", RENDERED, ids=lambda file: file.parent.name)
def test_policy_guard(file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [
        str(BESIDE / "policy-guard"),
        "scan",
        "--level=restricted",
        "--format=json",
        f"--output={report}",
    ]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    violations = json.loads(report.read_text("utf-8"))["violations"]
    assert {each["rule_id"] for each in violations} == set(POLICY_GUARD)

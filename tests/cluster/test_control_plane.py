"""The control plane that tests run against has what they need of it."""

import json
import os

import pytest

from support.control_plane import ControlPlane
from support.deployments import Deployments
from support.kubernetes.build import MissingToolError, control_plane
from support.waiting import eventually


def test_the_version_that_was_asked_for(kubernetes: ControlPlane) -> None:
    told = json.loads(kubernetes.kubectl("version", "-o", "json").stdout)
    asked = f"v{os.environ.get('KUBERNETES', '')}"
    assert {told[each]["gitVersion"].startswith(asked) for each in ("clientVersion", "serverVersion")} == {
        True
    }


def test_a_version_that_nobody_has_pinned() -> None:
    with pytest.raises(
        MissingToolError, match=r"KUBERNETES=1\.30 is not pinned here: choose 1\.34, 1\.36, 1\.37"
    ):
        control_plane("1.30")


def test_a_quota_that_leaves_no_room(kubernetes: ControlPlane, namespace: str) -> None:
    deployments = Deployments(kubernetes, namespace)
    deployments.put("ResourceQuota", "none", spec={"hard": {"pods": "0"}})

    def is_known() -> bool:
        quota = json.loads(deployments.kubectl("get", "resourcequota", "none", "-o", "json"))
        return bool(quota.get("status", {}).get("hard") == {"pods": "0"})

    eventually(is_known, "the controller has counted")
    deployments.apply("example.com/never-ready:1")

    def failure() -> str:
        deployment = json.loads(deployments.kubectl("get", "deployment", "todo", "-o", "json"))
        conditions = {each["type"]: each for each in deployment.get("status", {}).get("conditions", [])}
        return str(conditions.get("ReplicaFailure", {}).get("message", ""))

    assert "exceeded quota: none" in eventually(failure, "the Deployment says why")


def test_a_service_accounts_token(kubernetes: ControlPlane, namespace: str) -> None:
    kubernetes.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    token = kubernetes.create_token(namespace, "robot")
    who = kubernetes.kubectl("--token", token, "auth", "whoami", "-o", "json")
    user = json.loads(who.stdout)["status"]["userInfo"]["username"]
    assert user == f"system:serviceaccount:{namespace}:robot"

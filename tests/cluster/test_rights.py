"""What the operator's account may do, and what it may not although RBAC alone would let it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatassistant_operator.api import names
from chatassistant_operator.chart.files import lease_rules, rules
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.operators import OperatorProcess
from support.optional_kinds import installed
from support.rights import ACCOUNT, give_rights, rendered
from support.waiting import eventually

IMAGE = "ghcr.io/chatassistant-dev/chatbot:1"


@pytest.fixture
def as_operator(kubernetes: ControlPlane, namespace: str, tmp_path: Path) -> Callable[..., str]:
    """Does something with the operator's account; gives what kubectl says."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(give_rights(kubernetes, namespace), encoding="utf-8")

    def act(*arguments: str, stdin: dict[str, Any] | None = None) -> str:
        given = json.dumps(stdin) if stdin else None
        done = kubernetes.kubectl(
            f"--kubeconfig={kubeconfig}", "-n", namespace, *arguments, stdin=given, check=False
        )
        return done.stdout + done.stderr

    return act


@pytest.fixture
def admission_policy(kubernetes: ControlPlane, namespace: str) -> None:
    """The chart's ValidatingAdmissionPolicy, in force."""
    objects = [
        each
        for each in rendered(namespace, f"namespaces={{{namespace}}}")
        if each["kind"].startswith("ValidatingAdmissionPolicy")
    ]
    kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))


def owner(kubernetes: ControlPlane, namespace: str) -> dict[str, Any]:
    """A ChatAssistant, as its children name it."""
    manifest = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "todo"},
        "spec": {"credentials": {"apiKeySecretRef": {"name": "key"}}},
    }
    made = kubernetes.kubectl(
        "create", "-n", namespace, "-o", "json", "-f", "-", stdin=json.dumps(manifest)
    ).stdout
    uid = json.loads(made)["metadata"]["uid"]
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": "todo",
        "uid": uid,
        "controller": True,
    }


def secret(name: str, owners: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "ownerReferences": owners, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, **more}


def deployment(owners: list[dict[str, Any]], **pod: Any) -> dict[str, Any]:
    labels = {"app": "x"}
    container = {
        "name": "chatbot",
        "image": pod.pop("image", IMAGE),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {
        "containers": [container],
        "securityContext": security,
        "automountServiceAccountToken": False,
        **pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "todo", "ownerReferences": owners},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


@pytest.mark.usefixtures("admission_policy")
def test_no_other_accounts_token_can_be_minted(
    kubernetes: ControlPlane, namespace: str, as_operator: Callable[..., str]
) -> None:
    """By RBAC alone, `create` and `get` on Secrets are enough for that."""
    owners = [owner(kubernetes, namespace)]
    account = {"kubernetes.io/service-account.name": "default"}
    minted = secret(
        "todo-access",
        owners,
        type="kubernetes.io/service-account-token",
        metadata={"annotations": account},
    )

    def is_refused() -> bool:
        said = as_operator("create", "-f", "-", stdin=minted)
        as_operator("delete", "secret", "todo-access")
        kubernetes.kubectl("-n", namespace, "delete", "secret", "todo-access", "--ignore-not-found")
        return "access tokens only" in said

    eventually(is_refused, "the policy is in force")
    for refused in (
        secret("stolen", owners),
        secret("todo-access", []),
        secret("todo-access", [{**owners[0], "apiVersion": "apps/v1", "kind": "Deployment"}]),
    ):
        said = as_operator("create", "-f", "-", stdin=refused)
        assert "ValidatingAdmissionPolicy" in said, said
    assert "created" in as_operator("create", "-f", "-", stdin=secret("todo-access", owners))


@pytest.mark.usefixtures("admission_policy")
def test_only_allowed_images_run(
    kubernetes: ControlPlane, namespace: str, as_operator: Callable[..., str]
) -> None:
    owners = [owner(kubernetes, namespace)]
    other = deployment(owners, image="example.com/miner:1")

    def is_refused() -> bool:
        said = as_operator("create", "-f", "-", stdin=other)
        kubernetes.kubectl("-n", namespace, "delete", "deployment", "todo", "--ignore-not-found")
        return "images of policy.allowedImages only" in said

    eventually(is_refused, "the policy is in force")
    for refused in (
        deployment(owners, image=f"{IMAGE.partition(':')[0]}-of-somebody-else:1"),
        deployment(owners, automountServiceAccountToken=True),
        deployment([]),
    ):
        said = as_operator("create", "-f", "-", stdin=refused)
        assert "ValidatingAdmissionPolicy" in said, said
    assert "created" in as_operator("create", "-f", "-", stdin=deployment(owners))


def test_what_rbac_refuses(namespace: str, as_operator: Callable[..., str]) -> None:
    for refused in (
        ("get", "secrets"),
        ("delete", "secret", "any"),
        ("get", "secret", "any", "-n", "kube-system"),
        ("get", "chatassistants", "-n", "default"),
        ("auth", "can-i", "create", "pods", "--subresource=exec"),
        ("auth", "can-i", "get", "pods", "--subresource=log"),
        ("auth", "can-i", "patch", "secrets"),
        ("auth", "can-i", "update", "chatassistants"),
    ):
        said = as_operator(*refused)
        assert "Forbidden" in said or said.startswith("no"), (refused, said)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            "view",
            [("get", "chatassistants")],
            [("create", "chatassistants"), ("update", "chatassistants/scale")],
        ),
        (
            "edit",
            [("create", "chatassistants"), ("delete", "chatassistants"), ("update", "chatassistants/scale")],
            [("update", "chatassistants/status")],
        ),
        ("admin", [("create", "chatassistants")], [("patch", "chatassistants/status")]),
    ],
)
def test_the_namespaces_own_roles_take_assistants_in(
    kubernetes: ControlPlane,
    namespace: str,
    role: str,
    may: list[tuple[str, str]],
    may_not: list[tuple[str, str]],
) -> None:
    roles = [each for each in rendered(namespace) if each["kind"] == "ClusterRole"]
    aggregated = [each for each in roles if "aggregate-to" in str(each["metadata"]["labels"])]
    kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(aggregated))
    kubernetes.kubectl("-n", namespace, "create", "serviceaccount", role)
    subject = f"--serviceaccount={namespace}:{role}"
    kubernetes.kubectl("-n", namespace, "create", "rolebinding", role, f"--clusterrole={role}", subject)

    def can(verb: str, resource: str) -> bool:
        user = f"--as=system:serviceaccount:{namespace}:{role}"
        plural, _, subresource = resource.partition("/")
        kind = f"{plural}.{names.GROUP}"
        more = [f"--subresource={subresource}"] if subresource else []
        done = kubernetes.kubectl("auth", "can-i", verb, kind, *more, "-n", namespace, user, check=False)
        return done.stdout.strip() == "yes"

    for verb, resource in may:
        eventually(lambda verb=verb, resource=resource: can(verb, resource), f"{role} may {verb} {resource}")
    for verb, resource in may_not:
        assert not can(verb, resource), (verb, resource)


def test_each_right_is_used_and_no_other(
    kubernetes: ControlPlane,
    namespace: str,
    assistants: Assistants,
    start_operator: Callable[..., OperatorProcess],
) -> None:
    """An assistant's life with all kinds of children; the API server's audit says what it took."""
    everything = {
        "replicas": 2,
        "ingress": {"host": "todo.example.com"},
        "httpRoute": {"parentRefs": [{"name": "public"}]},
        "observability": {"serviceMonitor": True, "prometheusRule": True},
    }
    nothing: dict[str, Any] = {"ingress": None, "httpRoute": None, "observability": None, "replicas": 1}
    granted = {
        (rule["apiGroups"][0], rule["resources"][0], verb)
        for rule in (*rules(), *lease_rules())
        for verb in rule["verbs"]
    }
    with installed(kubernetes):
        operator = start_operator(policy__allowed_service_types='["ClusterIP"]')
        assistants.put_key(ACCEPTED.token)
        assistants.apply(**everything)
        assistants.wait_for("Ready")
        assistants.apply(**{**nothing, "autoscaling": {"maxReplicas": 2}, "systemPrompt": "Another one."})
        assistants.wait_for("Ready")
        assistants.apply(
            **nothing, networkPolicy={"enabled": False}, autoscaling=None, systemPrompt="A third one."
        )

        assistants.wait_for("Ready")
        # Nobody can roll back to the first revisions any more, so their configuration goes, too.
        assistants.kubectl("delete", "replicasets", "-l", f"{names.NAME_LABEL}=todo")

        def nothing_is_spare() -> bool:
            used = kubernetes.uses(namespace, ACCOUNT)
            # An API server that streams no lists is asked for them (1.33 and before).
            used |= {(group, resource, "list") for group, resource, verb in used if verb == "watch"}
            assert granted - used == set(), "what the operator does not need"
            return True

        eventually(nothing_is_spare, "every right was used", timeout=90)
    assert "forbidden" not in operator.log.lower()

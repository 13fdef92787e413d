"""The Secrets that pods read beside the API key's: when the access token is made, and what makes pods roll."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator import checks, desired
from chatassistant_operator.api import names
from chatassistant_operator.asking.references import other_secret_of
from chatassistant_operator.observed import Children, Manifest, Observed
from chatassistant_operator.observed.gateway import KeyRefused
from chatassistant_operator.observed.named import Absent, OtherSecret, OtherSecretReading, Unreadable
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, assistant

GIVEN = {"access": {"tokenSecretRef": {"name": "mine"}}}
REDIS = {"store": {"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}}}
URL = "http://todo:8000/mcp"
OPEN: dict[str, Any] = {"access": {"mode": "None"}}


def secret(use: str, entry: str, revision: str = "1") -> OtherSecret:
    return OtherSecret(frozenset({entry}), {names.USE_LABEL: use}, revision=revision)


def applied(spec: dict[str, Any], seen: Observed) -> dict[str, Manifest]:
    """The manifests by kind."""
    subject = assistant(**spec)
    plan = desired.build(subject, seen, tuple(checks.run(subject, seen).values()))
    copied: list[Manifest] = json.loads(json.dumps(plan.manifests))
    return {each["kind"]: each for each in copied}


def running(spec: dict[str, Any], token: OtherSecretReading | None = PENDING, **seen: Any) -> Observed:
    """The world after the first roll-out."""
    return replace(
        GOOD,
        children=Children(applied(spec, replace(GOOD, **seen))["Deployment"]),
        access_token=token,
        **seen,
    )


def made(spec: dict[str, Any] | None = None, seen: Observed = GOOD) -> OtherSecret:
    """The Secret that is made, as it is read later."""
    manifest = applied(spec or {}, seen)["Secret"]
    assert "data" not in manifest, "what is pure draws no token"
    return other_secret_of({**manifest, "data": {"token": "eA=="}})


def annotations(manifests: dict[str, Manifest]) -> dict[str, str]:
    found: dict[str, str] = manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    return found


def variables(manifests: dict[str, Manifest]) -> dict[str, Any]:
    container = manifests["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("valueFrom", {}).get("secretKeyRef") for each in container["env"]}


@pytest.mark.parametrize("token", [None, PENDING, Absent(), Unreadable("secrets is forbidden.")])
def test_it_is_made_with_the_first_pods(token: OtherSecretReading | None) -> None:
    manifests = applied({}, replace(GOOD, access_token=token))
    secret, (kind, *_) = manifests["Secret"], reversed(manifests)
    assert kind == "Deployment", "pods come last"
    assert (secret["metadata"]["name"], secret["type"], secret["immutable"]) == (
        "todo-access",
        "Opaque",
        True,
    )
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["controller"], "blockOwnerDeletion" in owner) == (True, False)
    assert variables(manifests)["ACCESS_TOKEN"] == {"name": "todo-access", "key": "token"}
    revision = secret["metadata"]["annotations"][names.TOKEN_REVISION_ANNOTATION]
    assert annotations(manifests)[names.TOKEN_REVISION_ANNOTATION] == revision


@pytest.mark.parametrize(
    "token", [PENDING, made(), Unreadable("secrets is forbidden.")], ids=["unread", "read", "unreadable"]
)
def test_what_is_there_is_neither_made_again_nor_rolled_to(token: OtherSecretReading) -> None:
    seen = running({}, token)
    manifests = applied({}, seen)
    assert "Secret" not in manifests
    assert manifests["Deployment"] == seen.children.deployment


def test_one_that_was_deleted_is_made_anew_and_rolled_to() -> None:
    seen = running({}, Absent())
    manifests = applied({}, seen)
    again = made({}, seen)
    assert again.annotations != made().annotations
    assert annotations(manifests) != annotations({"Deployment": seen.children.deployment or {}})
    later = replace(seen, children=Children(manifests["Deployment"]), access_token=again)
    assert applied({}, later)["Deployment"] == manifests["Deployment"], "once"
    assert "Secret" not in applied({}, later)


def test_it_is_made_anew_even_while_nothing_may_roll() -> None:
    seen = replace(running({}, Absent()), key=KeyRefused(401, "User not found."))
    manifests = applied({}, seen)
    assert "Secret" in manifests, "a pod that restarts needs one"
    assert annotations(manifests) == annotations({"Deployment": seen.children.deployment or {}})


def test_nothing_is_made_where_the_policy_forbids_the_spec() -> None:
    assert "Secret" not in applied({"image": "example.com/evil:1"}, GOOD)


@pytest.mark.parametrize(
    "spec",
    [OPEN, {**GIVEN}, {"access": {"mode": "OIDC", "oidc": {"issuer": "https://a.example", "audience": "a"}}}],
)
def test_nothing_is_made_where_none_is_wanted(spec: dict[str, Any]) -> None:
    manifests = applied(spec, replace(GOOD, secrets={"mine": secret("access", "token")}))
    assert "Secret" not in manifests
    assert names.TOKEN_REVISION_ANNOTATION not in annotations(manifests)
    assert variables(manifests).get("ACCESS_TOKEN") in (None, {"name": "mine", "key": "token"})


@pytest.mark.parametrize(
    ("before", "seen"), [(OPEN, {}), (GIVEN, {"secrets": {"mine": secret("access", "token")}})]
)
def test_who_wants_one_only_now_gets_one(before: dict[str, Any], seen: dict[str, Any]) -> None:
    manifests = applied({}, running(before, PENDING, **seen))
    assert "Secret" in manifests
    assert names.TOKEN_REVISION_ANNOTATION in annotations(manifests)


@pytest.mark.parametrize(
    ("spec", "name", "use", "entry", "annotation", "variable"),
    [
        (GIVEN, "mine", "access", "token", names.ACCESS_REVISION_ANNOTATION, "ACCESS_TOKEN"),
        (REDIS | OPEN, "redis", "store", "url", names.STORE_REVISION_ANNOTATION, "STORE_URL"),
    ],
    ids=["token", "store"],
)
def test_pods_roll_to_another_version_of_a_secret_that_is_given(
    spec: dict[str, Any], name: str, use: str, entry: str, annotation: str, variable: str
) -> None:
    seen = running(spec, None, secrets={name: secret(use, entry, "1")})
    first = applied(spec, seen)
    assert first["Deployment"] == seen.children.deployment
    assert variables(first)[variable] == {"name": name, "key": entry}
    assert annotations(first)[annotation] == "1"
    other = applied(spec, replace(seen, secrets={name: secret(use, entry, "2")}))
    assert annotations(other)[annotation] == "2"
    for reading in (PENDING, Absent(), Unreadable("forbidden")):
        kept = applied(spec, replace(seen, secrets={name: reading}))
        assert kept["Deployment"] == seen.children.deployment, "what cannot be read rolls nothing"
    denied = applied(spec, replace(seen, secrets={name: replace(secret(use, entry, "3"), labels={})}))
    assert denied["Deployment"]["spec"]["template"] == first["Deployment"]["spec"]["template"]
    for reading in (PENDING, Absent()):
        assert "Deployment" not in applied(spec, replace(GOOD, secrets={name: reading}))


def test_pods_roll_to_another_version_of_any_secret_with_headers() -> None:
    def read(*revisions: str) -> dict[str, OtherSecretReading]:
        hosts = {names.HOSTS_ANNOTATION: "todo:8000"}
        return {
            f"s{number}": replace(secret("tools", "bearer", revision), annotations=hosts)
            for number, revision in enumerate(revisions)
        }

    refs = [{"name": f"s{number}", "key": "bearer"} for number in range(2)]
    headers = [{"name": f"X-{ref['name']}", "secretKeyRef": ref} for ref in reversed(refs)]
    spec = OPEN | {"tools": {"mcpServers": [{"name": "todo", "url": URL, "headersFrom": headers}]}}
    annotation = names.TOOLS_REVISION_ANNOTATION
    seen = running(spec, None, secrets=read("1", "2"))
    said = {annotations(applied(spec, seen))[annotation]}
    for revisions in (("3", "2"), ("1", "3"), ("2", "1")):
        said.add(annotations(applied(spec, replace(seen, secrets=read(*revisions))))[annotation])
    assert len(said) == 4, "each Secret counts"
    for reading in (PENDING, Absent(), Unreadable("forbidden")):
        kept = applied(spec, replace(seen, secrets=read("3") | {"s1": reading}))
        assert kept["Deployment"] == seen.children.deployment, "what cannot be read rolls nothing"
    plain = {"tools": {"mcpServers": [{"name": "todo", "url": URL}]}}
    assert annotation not in annotations(applied(OPEN | plain, GOOD)), "pods without headers stay as they are"


def test_only_redis_needs_the_uid() -> None:
    seen = replace(GOOD, secrets={"redis": secret("store", "url")})
    configs = [json.loads(applied(spec, seen)["ConfigMap"]["data"]["config.json"]) for spec in ({}, REDIS)]
    assert [each.get("uid") for each in configs] == [None, "11111111-2222-3333-4444-555555555555"]
    assert [each.get("store") for each in configs] == [None, {"type": "Redis"}]

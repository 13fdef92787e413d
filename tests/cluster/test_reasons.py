"""Every reason brought about on a real API server, and its cure followed until the assistant is ready again.

One operator serves all of them: each has a name, a Secret and a key of its own.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chatassistant_operator.api.guide import GUIDE
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.chart.files import lease_rules, rules
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.tool_servers import ToolServerProcess
from support.waiting import eventually

_numbers = count(1)
PAID = "openai/gpt-5-mini"


class Subject:
    """One ChatAssistant with a Secret and a key of its own."""

    def __init__(self, assistants: Assistants, gateway: GatewayProcess, folder: Path) -> None:
        number = next(_numbers)
        self.assistants, self.gateway = assistants, gateway
        self.folder = folder
        self.name, self.secret = f"case-{number}", f"secret-{number}"
        self.token = f"sk-or-v1-{number:064x}"
        self.gateway.put_key(token=self.token, name=self.name)

    def key(self, **facts: Any) -> None:
        """Change what the gateway knows of the key."""
        self.gateway.put_key(token=self.token, **facts)

    def put_secret(self, value: str | None = None) -> None:
        self.assistants.put_key(self.token if value is None else value, self.secret)

    def apply(self, **spec: Any) -> None:
        self.assistants.apply(self.name, credentials={"apiKeySecretRef": {"name": self.secret}}, **spec)

    def start(self, **spec: Any) -> None:
        """A Secret and an assistant."""
        self.put_secret()
        self.apply(**spec)

    def run(self, **spec: Any) -> None:
        """The same, ready."""
        self.start(**spec)
        self.wait("Ready")

    def wait(self, reason: str, type_: str = "Ready", timeout: float = 30.0) -> dict[str, Any]:
        return self.assistants.wait_for(reason, type_, self.name, timeout)

    def look(self) -> None:
        """Have it checked at once, as the guide says."""
        stamp = f"chatassistant.dev/validate-at={datetime.now(UTC).timestamp()}"
        self.assistants.kubectl("annotate", "chat", self.name, stamp, "--overwrite")

    def deployment(self, patch: dict[str, Any]) -> None:
        """Patch the Deployment, as somebody else would."""
        self.assistants.kubectl("patch", "deployment", self.name, "--type=strategic", "-p", json.dumps(patch))

    def follow(self, message: str, **variables: str) -> None:
        """Run the command that a message gives, in a shell, to the letter."""
        (command,) = re.findall(r"`(kubectl [^`]*)`", message)
        plane = self.assistants.plane
        kubectl = plane.kubectl_path
        script = f'kubectl() {{ "{kubectl}" --kubeconfig="{plane.kubeconfig}" "$@"; }}\n{command}\n'
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", **variables}
        done = subprocess.run(
            ["/bin/bash", "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shared_namespace(kubernetes: ControlPlane) -> Iterator[str]:
    name = f"reasons-{next(_numbers)}"
    kubernetes.kubectl("create", "namespace", name)
    kubernetes.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubernetes.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def shared_operator(
    kubernetes: ControlPlane,
    shared_namespace: str,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    folder = tmp_path_factory.mktemp("reasons") / "operator"
    settings = {"policy__allowed_images": '["*"]', "policy__allowed_endpoints": '["*"]'}
    settings["policy__allowed_metadata"] = '["example.com/", "Not A Key"]'
    process = OperatorProcess(kubernetes, shared_namespace, _gateway_process.base_url, folder, settings)
    yield process
    process.stop()
    assert "Traceback" not in process.log, process.log


@pytest.fixture
def subject(
    shared_operator: OperatorProcess,
    kubernetes: ControlPlane,
    shared_namespace: str,
    gateway: GatewayProcess,
    node: NodeStandIn,
    tmp_path: Path,
) -> Iterator[Subject]:
    assistants = Assistants(kubernetes, shared_namespace, gateway.base_url)
    each = Subject(assistants, gateway, tmp_path)
    yield each
    assistants.kubectl("delete", "chat", each.name, "--ignore-not-found", "--wait=false")


# CredentialsValid


class BadSecret(NamedTuple):
    id: str
    make: str
    reason: Reason


SECRETS = (
    BadSecret("absent", "", Reason.SECRET_NOT_FOUND),
    BadSecret("no entry", "--from-literal=other=x", Reason.SECRET_KEY_MISSING),
    BadSecret("empty", "--from-literal=api-key=", Reason.KEY_MALFORMED),
    BadSecret("two words", "--from-literal=api-key=a b", Reason.KEY_MALFORMED),
    BadSecret("binary", "--from-file=api-key=BINARY", Reason.KEY_MALFORMED),
)


@pytest.mark.parametrize("bad", SECRETS, ids=lambda bad: bad.id)
def test_a_secret_that_is_no_good(subject: Subject, bad: BadSecret) -> None:
    if bad.make:
        binary = subject.folder / "binary"
        binary.write_bytes(b"\xff\xfe\x00\x01")
        make = bad.make.replace("BINARY", str(binary))
        subject.assistants.kubectl("create", "secret", "generic", subject.secret, make)
    subject.apply()
    condition = subject.wait(bad.reason)
    assert "other" not in condition["message"].replace("another", "")
    assert not subject.assistants.pods(subject.name)
    subject.follow(condition["message"], OPENROUTER_API_KEY=subject.token)
    subject.wait("Ready")


def test_white_space_around_a_key_does_no_harm(subject: Subject) -> None:
    subject.put_secret(f"  {subject.token}\n")
    subject.apply()
    subject.wait("Ready")
    assert subject.assistants.ask("Hello", subject.name)["choices"]


class BadKey(NamedTuple):
    id: str
    facts: dict[str, Any]
    reason: Reason


KEYS = (
    BadKey("unknown", {"known": False}, Reason.KEY_REJECTED),
    BadKey("management", {"management": True}, Reason.MANAGEMENT_KEY),
    BadKey("used up", {"limit": 5, "limit_remaining": 0}, Reason.KEY_LIMIT_REACHED),
)
GOOD_AGAIN = {"known": True, "management": False, "limit": 5, "limit_remaining": 5}


@pytest.mark.parametrize("bad", KEYS, ids=lambda bad: bad.id)
def test_a_key_that_is_no_good(subject: Subject, bad: BadKey) -> None:
    subject.key(**bad.facts)
    subject.start()
    subject.wait(bad.reason)
    assert not subject.assistants.pods(subject.name)
    subject.key(**GOOD_AGAIN)
    subject.look()
    subject.wait("Ready")


def test_an_expired_key_is_told_from_an_unknown_one(subject: Subject) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=15)
    subject.key(expires_at=ends.isoformat())
    subject.run()
    subject.wait("KeyExpiringSoon", "KeyExpiringSoon")
    eventually(lambda: datetime.now(UTC) > ends, "its time is over")
    subject.look()
    condition = subject.wait(Reason.KEY_EXPIRED)
    assert "ended at" in condition["message"]
    assert len(subject.assistants.pods(subject.name)) == 1, "running pods are left alone"
    another = subject.token[:-4] + "beef"
    subject.gateway.put_key(token=another, name=f"{subject.name} again")
    subject.follow(condition["message"], OPENROUTER_API_KEY=another)
    subject.wait("Ready", timeout=70)


def test_an_account_without_credit_is_found_by_a_completion(subject: Subject) -> None:
    subject.key(credit=False)
    subject.start(validation={"mode": "Completion"}, model={"name": PAID})
    condition = subject.wait(Reason.INSUFFICIENT_CREDITS)
    assert "settings/credits" in condition["message"]
    assert not subject.assistants.pods(subject.name)


def test_an_account_without_credit_is_met_by_the_pods(subject: Subject) -> None:
    subject.run(model={"name": PAID})
    subject.key(credit=False)
    with pytest.raises(OSError, match="503"):
        subject.assistants.ask("Hello", subject.name)
    subject.wait(Reason.INSUFFICIENT_CREDITS)
    subject.key(credit=True)
    assert subject.assistants.ask("Hello", subject.name)["choices"]
    subject.wait("Ready")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 503}, Reason.GATEWAY_UNREACHABLE),
        ({"status": 408}, Reason.GATEWAY_UNREACHABLE),
        ({"black_hole": True}, Reason.GATEWAY_UNREACHABLE),
        ({"body": "<html>hello</html>"}, Reason.GATEWAY_UNREACHABLE),
        ({"hang_up": True}, Reason.GATEWAY_UNREACHABLE),
        ({"status": 429}, Reason.RATE_LIMITED),
    ],
    ids=["503", "408", "silence", "HTML", "cut", "429"],
)
def test_a_gateway_that_cannot_tell_says_nothing_against_the_key(
    subject: Subject, fault: dict[str, Any], reason: Reason
) -> None:
    subject.gateway.misbehave(route="/key", **fault)
    subject.start()
    condition = subject.wait(reason, ConditionType.CREDENTIALS_VALID)
    assert condition["status"] == "Unknown"
    ready = subject.wait("Ready")
    assert condition["message"] in ready["message"]
    subject.gateway.reset()
    subject.key(name=subject.name)
    subject.look()
    subject.wait(Reason.KEY_ACCEPTED, ConditionType.CREDENTIALS_VALID, timeout=90)


def test_an_outage_after_a_good_answer_tells_when_that_was(subject: Subject) -> None:
    subject.run()
    subject.gateway.misbehave(route="/key", status=500)
    subject.look()
    condition = subject.wait(Reason.GATEWAY_UNREACHABLE, ConditionType.CREDENTIALS_VALID)
    assert re.search(r"accepted last at 20\d\d-\d\d-\d\dT", condition["message"])
    assert subject.assistants.condition("Ready", subject.name)["status"] == "True"


def test_what_is_nearly_used_up_is_told(subject: Subject) -> None:
    subject.key(limit=100, limit_remaining=5)
    subject.run()
    condition = subject.wait(Reason.CREDITS_LOW, ConditionType.CREDITS_LOW)
    assert "$100" in condition["message"]
    subject.key(limit_remaining=90)
    subject.look()
    eventually(
        lambda: not subject.assistants.condition("CreditsLow", subject.name),
        "the warning goes with its cause",
    )


# ModelAvailable


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"model": {"name": "openai/gpt-5-minni"}}, Reason.MODEL_NOT_FOUND, PAID),
        ({"model": {"fallbacks": ["openai/gpt-5-minni"]}}, Reason.MODEL_NOT_FOUND, "fallbacks[0]"),
        ({"model": {"simpleQueries": {"name": "openai/gpt5"}}}, Reason.MODEL_NOT_FOUND, "simpleQueries"),
        ({"model": {"name": "mistralai/devstral-2512:free"}}, Reason.FREE_VARIANT_ENDED, "mistralai/devstral-2512."),
        ({"model": {"name": PAID, "parameters": {"maxTokens": 900_000}}}, Reason.MAX_TOKENS_TOO_LARGE, "maxTokens"),
        ({"model": {"name": PAID, "provider": {"only": ["nobody"]}}}, Reason.NO_ENDPOINT_FOR_POLICY, "only"),
        ({"model": {"name": PAID, "provider": {"maxPrice": {"prompt": 0}}}}, Reason.NO_ENDPOINT_FOR_POLICY, "maxPrice"),
        (
            {
                "model": {"name": "gryphe/mythomax-l2-13b"},
                "tools": {"mcpServers": [{"name": "todo", "url": "http://127.0.0.1:1/mcp"}]},
            },
            Reason.TOOLS_UNSUPPORTED,
            "cannot call any",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else None,
)  # fmt: skip
def test_a_model_that_cannot_do_it(
    subject: Subject, spec: dict[str, Any], reason: Reason, words: str
) -> None:
    subject.start(**spec)
    condition = subject.wait(reason)
    assert words in condition["message"]
    assert not subject.assistants.pods(subject.name)
    stalled = subject.assistants.condition("Stalled", subject.name)
    assert stalled["reason"] == reason, "only an edit of the spec helps"
    subject.apply(model={"name": PAID})
    subject.wait("Ready")


def test_zero_data_retention_is_asked_for_where_it_is_published(subject: Subject) -> None:
    subject.start(
        model={"name": "google/gemma-4-26b-a4b-it:free", "provider": {"zdr": True, "dataCollection": "deny"}}
    )
    assert "zero data retention" in subject.wait(Reason.NO_ENDPOINT_FOR_POLICY)["message"]


def test_a_completion_that_is_refused(subject: Subject) -> None:
    subject.gateway.misbehave(
        route="/chat/completions", status=400, body={"error": {"code": 400, "message": "Bad seed"}}
    )
    subject.start(validation={"mode": "Completion"}, model={"name": PAID})
    assert "Bad seed" in subject.wait(Reason.COMPLETION_REFUSED)["message"]
    subject.gateway.reset()
    subject.key(name=subject.name)
    subject.apply(validation={"mode": "Completion"}, model={"name": PAID, "parameters": {"seed": 7}})
    subject.wait("Ready")
    (asked,) = [each["body"] for each in subject.gateway.log if each["route"] == "POST /chat/completions"]
    assert (asked["max_tokens"], asked["seed"], asked["model"]) == (1, 7, PAID)


def test_a_catalogue_that_cannot_be_read(subject: Subject) -> None:
    # Another catalogue, so that nothing is known of it yet: the same gateway under another path.
    subject.run()
    subject.gateway.misbehave(route="/models", status=500)
    subject.look()
    condition = subject.wait(Reason.CATALOG_UNAVAILABLE, ConditionType.MODEL_AVAILABLE)
    assert condition["status"] == "Unknown"
    assert subject.assistants.condition("Ready", subject.name)["status"] == "True"
    subject.gateway.reset()
    subject.key(name=subject.name)
    subject.look()
    subject.wait(Reason.MODEL_FOUND, ConditionType.MODEL_AVAILABLE)


def test_a_model_whose_end_is_announced(subject: Subject) -> None:
    subject.run(model={"name": "mistralai/mistral-7b-instruct"})
    assert "2026-12-31" in subject.wait(Reason.MODEL_RETIRING, ConditionType.MODEL_RETIRING)["message"]


# Available


@pytest.mark.parametrize(
    ("image", "reason", "words"),
    [
        ("example.com/crashes:1", Reason.CRASH_LOOPING, "kubectl logs"),
        ("example.com/terminates:1", Reason.CRASH_LOOPING, "It found no API key"),
        ("example.com/out-of-memory:1", Reason.OUT_OF_MEMORY, "256Mi"),
        ("example.com/nowhere:1", Reason.IMAGE_PULL_FAILED, "no such image"),
    ],
)
def test_pods_that_do_not_run(subject: Subject, image: str, reason: Reason, words: str) -> None:
    subject.start(image=image)
    assert words in subject.wait(reason)["message"]
    subject.apply()
    subject.wait("Ready")


def test_new_pods_that_do_not_run_leave_the_old_ones_serving(subject: Subject) -> None:
    subject.run()
    subject.apply(image="example.com/crashes:1")
    ready = subject.wait(Reason.CRASH_LOOPING)
    assert "previous revision serve" in ready["message"]
    subject.wait(Reason.SERVING_PREVIOUS_REVISION, ConditionType.AVAILABLE)
    assert subject.assistants.ask("Hello", subject.name)["choices"]
    subject.apply()
    subject.wait("Ready")
    history = subject.assistants.get(subject.name)["status"]["history"]
    assert history[0]["outcome"] == "Succeeded"
    assert len({each["revision"] for each in history}) == 2


def test_pods_that_no_node_can_run(subject: Subject) -> None:
    subject.start(pod={"nodeSelector": {"disk": "none"}})
    assert "0/1 nodes are available" in subject.wait(Reason.UNSCHEDULABLE)["message"]
    subject.apply()
    subject.wait("Ready")


def test_a_quota_that_leaves_no_room(subject: Subject) -> None:
    quota = ("quota", f"quota-{subject.name}")
    subject.assistants.kubectl("create", *quota, "--hard=requests.ephemeral-storage=0,count/pods=0")
    try:
        eventually(
            lambda: "pods" in subject.assistants.kubectl("get", *quota, "-o", "jsonpath={.status.hard}"),
            "the quota is in force",
        )
        subject.start()
        assert "exceeded quota" in subject.wait(Reason.QUOTA_EXCEEDED)["message"]
    finally:
        subject.assistants.kubectl("delete", *quota)
    subject.wait("Ready", timeout=60)


def test_pods_that_the_namespaces_security_level_refuses(subject: Subject) -> None:
    subject.run()
    subject.deployment({"spec": {"template": {"spec": {"hostNetwork": True}}}})
    assert "violates PodSecurity" in subject.wait(Reason.POD_SECURITY_REJECTED)["message"]
    subject.deployment({"spec": {"template": {"spec": {"hostNetwork": None}}}})
    subject.wait("Ready")


def test_pods_that_never_become_ready(subject: Subject) -> None:
    subject.start(image="example.com/never-ready:1")
    subject.wait(Reason.ROLLOUT_PROGRESSING)
    subject.deployment({"spec": {"progressDeadlineSeconds": 2}})
    subject.wait(Reason.ROLLOUT_FAILED)
    assert subject.assistants.condition("Stalled", subject.name)["status"] == "True"
    history = subject.assistants.get(subject.name)["status"]["history"]
    assert (history[0]["outcome"], history[0]["reason"]) == ("Failed", "RolloutFailed")


# ToolsAvailable


def test_tools(subject: Subject) -> None:
    server = ToolServerProcess(subject.folder / "tools")
    spec = {"mcpServers": [{"name": "todo", "url": server.url, "allowedTools": ["list_tasks"]}]}
    subject.start(tools=spec)
    try:
        subject.wait(Reason.TOOL_SERVER_UNREACHABLE)
        server.start(tools=["add_task"])
        assert "list_tasks" in subject.wait(Reason.TOOL_NOT_FOUND)["message"]
        server.change(tools=["add_task", "list_tasks"])
        subject.wait("Ready", timeout=70)
        subject.wait(Reason.TOOLS_LISTED, ConditionType.TOOLS_AVAILABLE)
        (told,) = subject.assistants.get(subject.name)["status"]["tools"]
        assert told == {"server": "todo", "names": ["list_tasks"]}
    finally:
        server.stop()


def test_a_tools_secret_is_used_only_when_its_owner_says_so(subject: Subject) -> None:
    header = {"name": "Authorization", "secretKeyRef": {"name": f"{subject.name}-tools", "key": "token"}}
    server = {"name": "todo", "url": "http://127.0.0.1:9/mcp", "headersFrom": [header]}
    subject.start(tools={"mcpServers": [server]})
    assert "headersFrom" in subject.wait(Reason.SECRET_NOT_FOUND)["message"]
    subject.assistants.kubectl(
        "create", "secret", "generic", f"{subject.name}-tools", "--from-literal=token=x"
    )
    for part in ("label secret", "annotate secret"):

        def denied(part: str = part) -> dict[str, Any]:
            found = subject.assistants.condition("Ready", subject.name)
            return found if found["reason"] == Reason.POLICY_DENIED and part in found["message"] else {}

        condition = eventually(denied, f"{part} is asked for")
        assert not subject.assistants.pods(subject.name)
        subject.follow(condition["message"])
        subject.look()
    subject.wait(Reason.TOOL_SERVER_UNREACHABLE)
    (pod,) = subject.assistants.pods(subject.name)
    variable = next(each for each in pod.spec.containers[0].env if each.name == "MCP_HEADER_0_0")
    assert variable.value_from.secret_key_ref.name == f"{subject.name}-tools"


# Applied


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("", Reason.SECRET_NOT_FOUND),
        ("--from-literal=token=x", Reason.POLICY_DENIED),
        ("--from-literal=other=x", Reason.SECRET_KEY_MISSING),
    ],
    ids=["absent", "not allowed", "no entry"],
)
def test_a_secret_for_the_access_token_that_is_no_good(subject: Subject, make: str, reason: Reason) -> None:
    name = f"{subject.name}-token"
    if make:
        subject.assistants.kubectl("create", "secret", "generic", name, make)
    if reason is Reason.SECRET_KEY_MISSING:
        subject.assistants.kubectl("label", "secret", name, "chatassistant.dev/use=access")
    subject.start(access={"tokenSecretRef": {"name": name}})
    condition = subject.wait(reason)
    assert not subject.assistants.pods(subject.name)
    subject.follow(condition["message"], ACCESS_TOKEN="open sesame")
    subject.look()
    subject.wait("Ready")


def test_a_suspended_assistant_is_asked_nothing(subject: Subject) -> None:
    subject.run()
    subject.wait(Reason.APPLIED, ConditionType.APPLIED)
    subject.wait(Reason.DEPLOYMENT_AVAILABLE, ConditionType.AVAILABLE)
    subject.apply(suspend=True)
    subject.wait(Reason.SUSPENDED)
    for type_ in (ConditionType.CREDENTIALS_VALID, ConditionType.MODEL_AVAILABLE, ConditionType.AVAILABLE):
        assert subject.assistants.condition(type_, subject.name)["reason"] == Reason.NOT_CHECKED
    asked = subject.gateway.requests
    subject.look()
    subject.apply(suspend=False)
    subject.wait("Ready")
    assert subject.gateway.requests != asked


def test_an_assistant_that_no_operator_has_seen_is_not_ready(
    kubernetes: ControlPlane, namespace: str
) -> None:
    assistants = Assistants(kubernetes, namespace, "http://127.0.0.1:1/api/v1")
    assistants.apply()
    (condition,) = assistants.get()["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("Unknown", Reason.PENDING)


def test_an_object_that_the_api_server_refuses(subject: Subject) -> None:
    subject.start(pod={"annotations": {"Not A Key": "x"}})
    assert "Not A Key" in subject.wait(Reason.APPLY_FAILED)["message"]
    subject.apply()
    subject.wait("Ready")


def test_a_prompt_that_is_not_there(subject: Subject) -> None:
    prompt = f"prompt-{subject.name}"
    subject.start(systemPromptFrom={"configMapKeyRef": {"name": prompt, "key": "p"}})
    subject.wait(Reason.PROMPT_NOT_FOUND)
    subject.assistants.kubectl("create", "configmap", prompt, "--from-literal=p=Answer in rhymes.")
    subject.wait("Ready")


def test_a_policy_that_forbids_it(subject: Subject) -> None:
    subject.start(service={"type": "LoadBalancer"})
    assert "allowedServiceTypes" in subject.wait(Reason.POLICY_DENIED)["message"]
    subject.apply()
    subject.wait("Ready")


def test_a_name_that_somebody_else_has(subject: Subject) -> None:
    subject.assistants.kubectl("create", "serviceaccount", subject.name)
    subject.start()
    condition = subject.wait(Reason.NAME_CONFLICT)
    subject.follow(condition["message"])
    subject.wait("Ready", timeout=60)


def test_a_spec_that_only_another_version_of_the_crd_lets_in(
    subject: Subject, kubernetes: ControlPlane
) -> None:
    name = "chatassistants.chatassistant.dev"
    crd = json.loads(kubernetes.kubectl("get", "crd", name, "-o", "json").stdout)
    path = (
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/validation/properties/mode/enum"
    )
    modes = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    modes = modes["validation"]["properties"]["mode"]["enum"]

    def allow(values: list[str]) -> None:
        patch = json.dumps([{"op": "replace", "path": path, "value": values}])
        kubernetes.kubectl("patch", "crd", name, "--type=json", "-p", patch)

    def accepted() -> bool:
        manifest = subject.assistants.manifest(subject.name, validation={"mode": "Later"})
        return "created" in subject.assistants.kubectl(
            "create", "-f", "-", stdin=json.dumps(manifest), check=False
        )

    allow([*modes, "Later"])
    try:
        eventually(accepted, "the other CRD lets it in")
        condition = subject.wait(Reason.INVALID_SPEC)
        assert "spec.validation.mode" in condition["message"]
        assert subject.assistants.condition("Stalled", subject.name)["status"] == "True"
    finally:
        allow(modes)
    subject.start(validation={"mode": "Catalog"})
    subject.wait("Ready")


def test_a_right_that_the_operator_lacks(
    kubernetes: ControlPlane,
    namespace: str,
    gateway: GatewayProcess,
    node: NodeStandIn,
    start_operator: Callable[..., OperatorProcess],
    tmp_path: Path,
) -> None:
    granted = [each for each in (*rules(), *lease_rules()) if each["resources"] != ["services"]]
    granted.append({"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]})
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "few"},
        "rules": granted,
    }
    assistants = Assistants(kubernetes, namespace, gateway.base_url)
    assistants.kubectl("create", "serviceaccount", "operator")
    assistants.kubectl("create", "-f", "-", stdin=json.dumps(role))
    assistants.kubectl("create", "rolebinding", "few", "--role=few", f"--serviceaccount={namespace}:operator")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        kubernetes.kubeconfig_for(kubernetes.create_token(namespace, "operator")), encoding="utf-8"
    )
    start_operator(kubeconfig=str(kubeconfig))
    gateway.put_key(token="sk-or-v1-" + "f" * 64, name="few rights")
    assistants.put_key("sk-or-v1-" + "f" * 64)
    assistants.apply()
    assert "services" in assistants.wait_for(Reason.FORBIDDEN)["message"]


def test_every_reason_has_a_page_and_is_brought_about_somewhere() -> None:
    assert set(GUIDE) == set(Reason)
    here = Path(__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in here.glob("test_*.py"))
    untold = [
        reason for reason in Reason if f"Reason.{reason.name}" not in text and f'"{reason}"' not in text
    ]
    assert untold == []

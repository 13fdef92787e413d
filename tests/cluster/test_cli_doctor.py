"""`kubectl-assistant doctor`: each link of the chain broken on a real API server, found, and mended by its own words."""

import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pytest
import yaml

from chatassistant_operator.chart.files import lease_rules, rules
from chatassistant_operator.cli.doctor import CHAIN
from chatassistant_operator.cluster.kinds import OPTIONAL
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.command_line import SCRIPT, CommandLine
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.processes import free_port
from support.scenes import scene, user
from support.waiting import eventually

_numbers = count(1)
PAID = "openai/gpt-5-mini"
LINKS = [link.name for link in CHAIN]
CHATS = "get,list chatassistants.chatassistant.dev"
SEES_ALL = (
    CHATS,
    "get secrets",
    "list pods",
    "get deployments.apps",
    "list networkpolicies.networking.k8s.io",
    "get leases.coordination.k8s.io",
    "get,create pods/portforward",
)


class Patient:
    """One ChatAssistant with a Secret and a key of its own, and the doctor that looks at it."""

    def __init__(self, assistants: Assistants, gateway: GatewayProcess, folder: Path) -> None:
        number = next(_numbers)
        self.assistants, self.gateway, self.folder = assistants, gateway, folder
        self.name, self.secret = f"patient-{number}", f"secret-{number}"
        self.token = f"sk-or-v1-{number:064x}"
        self.gateway.put_key(token=self.token, name=self.name)
        self.cli = CommandLine(assistants.plane, assistants.namespace, folder)

    def apply(self, **spec: Any) -> None:
        self.assistants.apply(self.name, credentials={"apiKeySecretRef": {"name": self.secret}}, **spec)

    def start(self, reason: str = "Ready", **spec: Any) -> None:
        """A Secret and an assistant of which the operator says so."""
        self.assistants.put_key(self.token, self.secret)
        self.apply(**spec)
        self.wait(reason)

    def wait(self, reason: str, type_: str = "Ready") -> None:
        self.assistants.wait_for(reason, type_, self.name, timeout=60)

    def links(self, *options: str, cli: CommandLine | None = None, status: int = 1) -> dict[str, Any]:
        """What the doctor says of each link, by name; the key is nowhere in it."""
        done = (cli or self.cli).run("doctor", self.name, "-o", "json", *options)
        assert done.returncode == status, done.stdout + done.stderr
        assert self.token.removeprefix("sk-or-v1-") not in done.stdout + done.stderr
        (item,) = json.loads(done.stdout)
        assert (item["name"], [each["link"] for each in item["links"]]) == (self.name, LINKS)
        return {each["link"]: each for each in item["links"]} | {"broken": item["broken"]}

    def broken(self, link: str, *options: str) -> dict[str, Any]:
        """The broken link, which is this one; those before it hold, those behind it are not looked at."""
        links = self.links(*options)
        assert links["broken"] == link, links
        at = LINKS.index(link)
        assert {links[each]["state"] for each in LINKS[:at]} <= {"Ok", "Warning", "Unknown"}
        assert {links[each]["state"] for each in LINKS[at + 1 :]} <= {"NotLookedAt"}
        found: dict[str, Any] = links[link]
        assert found["state"] == "Broken"
        assert found["cure"].startswith("kubectl "), "the cure is a command"
        return found

    def is_well(self, *options: str) -> dict[str, Any]:
        links = self.links(*options, status=0)
        assert links["broken"] is None
        return links

    def follow(self, cure: str) -> None:
        """Paste the command into a shell."""
        plane = self.assistants.plane
        script = (
            f'kubectl() {{ if [ "$1" = assistant ]; then shift; kubectl-assistant "$@"; else "{plane.kubectl_path}" '
            f'"$@"; fi; }}\n{cure}\n'
        )
        environment = self.cli.environment | {"OPENROUTER_API_KEY": self.token}
        environment["PATH"] = f"{SCRIPT.parent}:{environment['PATH']}"
        done = subprocess.run(
            ["/bin/bash", "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def clinic(
    kubernetes: ControlPlane,
    node: NodeStandIn,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Assistants]:
    folder = tmp_path_factory.mktemp("doctor")
    gateways = json.dumps([_gateway_process.base_url, "http://no-such-host.invalid/api/v1"])
    settings = {"policy__allowed_images": '["*"]', "policy__allowed_endpoints": '["*"]'}
    settings |= {"policy__allowed_gateways": gateways}
    with scene(kubernetes, _gateway_process.base_url, folder, **settings) as assistants:
        yield assistants


@pytest.fixture
def patient(clinic: Assistants, gateway: GatewayProcess, tmp_path: Path) -> Iterator[Patient]:
    each = Patient(clinic, gateway, tmp_path)
    yield each
    clinic.kubectl("delete", "chat", each.name, "--ignore-not-found", "--wait=false")


def test_a_chain_that_holds(patient: Patient) -> None:
    patient.start(model={"name": PAID})
    links = patient.is_well()
    assert {links[each]["state"] for each in LINKS} == {"Ok"}, links
    assert "answered in" in links["Question"]["message"]
    assert "begins with sk-or-" in links["Secret"]["message"]
    asked = [each["body"] for each in patient.gateway.log if "completions" in each["route"]]
    assert [each["max_tokens"] for each in asked] == [16]
    assert patient.is_well("--no-question")["Question"]["state"] == "Unknown"
    live = patient.is_well("--live")
    assert "just now, from here" in live["Key"]["message"]


def test_few_rights_are_enough_and_none_of_them_is_exec(patient: Patient) -> None:
    patient.start()
    doctor = user(patient.assistants, patient.folder, *SEES_ALL)
    links = patient.links(cli=doctor, status=0)
    assert {links[each]["state"] for each in LINKS} == {"Ok"}, links


def test_what_cannot_be_seen_is_said_with_the_right_that_is_missing(patient: Patient) -> None:
    patient.start()
    doctor = user(patient.assistants, patient.folder, CHATS)
    links = patient.links(cli=doctor, status=0)
    rights = links["YourRights"]
    assert rights["state"] == "Warning"
    for each in ("get secrets", "list pods", "get deployments.apps", "create pods/portforward"):
        assert each in rights["message"]
    assert rights["cure"].startswith("kubectl auth can-i get secrets")
    unseen = {each for each in LINKS if links[each]["state"] == "Unknown"}
    assert unseen == {"Secret", "NetworkPolicy", "KeyInPods", "Question"}
    assert links["Key"]["state"] == "Ok", "the operator's word is enough"
    nobody = user(patient.assistants, patient.folder)
    assert patient.links(cli=nobody)["broken"] == "Assistant"


def test_an_api_server_that_cannot_be_reached(patient: Patient, kubernetes: ControlPlane) -> None:
    for text in (
        kubernetes.kubeconfig_for("x", f"https://127.0.0.1:{free_port()}"),
        kubernetes.kubeconfig_for("wrong"),
    ):
        (patient.folder / "kubeconfig").write_text(text, encoding="utf-8")
        assert patient.links(status=3)["broken"] == "ApiServer"
    done = patient.cli.run("doctor", "-o", "json", KUBECONFIG="/nowhere")
    assert (done.returncode, json.loads(done.stdout)[0]["broken"]) == (3, "ApiServer")
    assert "set KUBECONFIG" in json.loads(done.stdout)[0]["links"][0]["message"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster on which nobody else's operator runs."""
    plane = ControlPlane(tmp_path_factory.mktemp("bare"))
    plane.start()
    yield plane
    plane.stop()


def test_no_operator(bare: ControlPlane, gateway: GatewayProcess, tmp_path: Path) -> None:
    patient = Patient(Assistants(bare, "default", gateway.base_url), gateway, tmp_path)
    patient.apply()
    assert "kubectl get pods -A" in patient.broken("Operator")["cure"]
    operator = OperatorProcess(bare, "default", gateway.base_url, tmp_path / "operator", {})
    patient.wait("SecretNotFound")
    assert patient.broken("Secret")
    operator.stop()
    assert "none has renewed its Lease" in patient.broken("Operator")["message"]


def test_no_crd(bare: ControlPlane, tmp_path: Path) -> None:
    bare.kubectl("delete", "crd", "chatassistants.chatassistant.dev")
    cli = CommandLine(bare, "default", tmp_path)

    def without() -> dict[str, Any]:
        done = cli.run("doctor", "todo", "-o", "json")
        (item,) = json.loads(done.stdout)
        assert item["broken"] == "Crd", item
        return dict(item["links"][1])

    assert eventually(without, "the kind is gone")["cure"] == "kubectl apply -f crds/"


def test_an_assistant_that_is_not_there(patient: Patient) -> None:
    assert patient.name in patient.broken("Assistant")["message"]


def _as_words(rule: dict[str, Any]) -> str:
    (group,), (resource,) = rule["apiGroups"], rule["resources"]
    plural, slash, subresource = resource.partition("/")
    return f"{','.join(rule['verbs'])} {plural}{f'.{group}' if group else ''}{slash}{subresource}"


def test_an_operator_that_lacks_rights(
    start_operator: Callable[..., OperatorProcess],
    kubernetes: ControlPlane,
    assistants: Assistants,
    gateway: GatewayProcess,
    tmp_path: Path,
) -> None:
    patient = Patient(assistants, gateway, tmp_path)
    unknown = {each.group for each in OPTIONAL}
    granted = [each for each in (*rules(), *lease_rules()) if not unknown & set(each["apiGroups"])]
    granted = [each for each in granted if each["resources"] != ["secrets"]]
    few = user(assistants, tmp_path, *map(_as_words, granted))
    start_operator(kubeconfig=few.environment["KUBECONFIG"])
    assistants.put_key(patient.token, patient.secret)
    patient.apply()
    patient.wait("Forbidden")
    found = patient.broken("OperatorRights")
    assert "installs its roles anew" in found["message"]
    assert found["cure"].startswith("kubectl auth can-i create secrets")
    # It exits with 1, since the answer is no.
    patient.follow(f"{found['cure']} || true")


def test_a_suspended_assistant_is_resumed(patient: Patient) -> None:
    patient.start("Suspended", suspend=True)
    cure = patient.broken("Spec")["cure"]
    assert cure == f"kubectl assistant resume {patient.name} -n {patient.assistants.namespace}"
    patient.follow(cure)
    patient.wait("Ready")
    patient.is_well()


def test_a_spec_that_the_policy_forbids(patient: Patient) -> None:
    patient.start("PolicyDenied", service={"type": "NodePort"})
    found = patient.broken("Spec")
    assert "policy.allowedServiceTypes" in found["message"]
    assert found["cure"].startswith(f"kubectl edit chat {patient.name}")


class BadSecret(NamedTuple):
    id: str
    make: str
    words: str


SECRETS = (
    BadSecret("absent", "", "There is no Secret"),
    BadSecret("no entry", "--from-literal=other=x", "has no key 'api-key'"),
    BadSecret("empty", "--from-literal=api-key=", "is empty"),
    BadSecret("two lines", "--from-literal=api-key=KEY\nKEY", "holds spaces"),
    BadSecret("quotes", "--from-literal=api-key='KEY'", "stands in quotes"),
    BadSecret("typographic quotes", "--from-literal=api-key=\u201cKEY\u201d", "stands in quotes"),
)


@pytest.mark.parametrize("bad", SECRETS, ids=lambda bad: bad.id)
def test_a_secret_that_is_no_good(patient: Patient, bad: BadSecret) -> None:
    patient.apply()
    patient.wait("SecretNotFound")
    if bad.make:
        make = bad.make.replace("KEY", patient.token)
        patient.assistants.kubectl("create", "secret", "generic", patient.secret, make)
    found = patient.broken("Secret")
    assert bad.words in found["message"]
    patient.follow(found["cure"])
    patient.wait("Ready")
    patient.is_well()


def test_a_key_that_the_gateway_refuses(patient: Patient) -> None:
    patient.gateway.put_key(token=patient.token, known=False)
    patient.start("KeyRejected")
    found = patient.broken("Key")
    assert found["cure"].startswith(f"kubectl patch secret {patient.secret}")


@pytest.mark.parametrize(
    ("reason", "key", "words", "cure"),
    [
        ("ManagementKey", {"management": True}, "no model answers to it", "kubectl patch secret"),
        ("KeyLimitReached", {"limit": 5, "limit_remaining": 0}, "Raise its limit", "kubectl annotate chat"),
    ],
)
def test_a_key_that_is_good_for_nothing(
    patient: Patient, reason: str, key: dict[str, Any], words: str, cure: str
) -> None:
    patient.gateway.put_key(token=patient.token, name=patient.name, **key)
    patient.start(reason)
    for options in ((), ("--live",)):
        found = patient.broken("Key", *options)
        assert words in found["message"]
        assert found["cure"].startswith(cure)


def test_an_account_without_credit(patient: Patient) -> None:
    """Only completions meet it: the gateway accepts the key all the same, also when it is asked from here."""
    patient.gateway.put_key(token=patient.token, name=patient.name, credit=False)
    patient.start(model={"name": PAID})
    found = patient.broken("Question")
    assert found["cure"] == f"kubectl assistant status {patient.name} -n {patient.assistants.namespace}"
    patient.wait("InsufficientCredits")
    for options in ((), ("--live",)):
        assert "https://openrouter.ai/settings/credits" in patient.broken("Key", *options)["message"]


def test_a_key_that_has_gone_bad_is_found_by_asking_from_here(patient: Patient) -> None:
    patient.start()
    patient.gateway.put_key(token=patient.token, known=False)
    assert patient.is_well("--no-question")["Key"]["state"] == "Ok", "the operator has not asked again yet"
    assert "refuses the key" in patient.broken("Key", "--live", "--no-question")["message"]


def test_no_key_is_sent_where_the_operator_does_not_allow_it(patient: Patient) -> None:
    """Who may write a spec could have it sent anywhere by who may read Secrets."""
    patient.start("PolicyDenied", gateway={"baseURL": patient.gateway.base_url + "/elsewhere"})
    before = patient.gateway.requests
    patient.broken("Spec", "--live")
    assert patient.gateway.requests.get("/key", 0) == before.get("/key", 0)


def test_a_key_that_is_not_yet_looked_at_is_hurried(patient: Patient) -> None:
    patient.start()
    another = patient.token[:-4] + "beef"
    patient.gateway.put_key(token=another, name=f"{patient.name} again")
    patient.assistants.put_key(another, patient.secret)
    found = patient.links("--no-question", status=0)["Key"]
    assert found["state"] == "Warning"
    assert "revalidate" in found["cure"]
    done = patient.cli.run("doctor", patient.name, "--fix", "--yes", "--no-question")
    assert done.returncode == 0, done.stderr
    assert "Have Secret, key and model" in done.stderr
    assert patient.links("--no-question", status=0)["Key"]["state"] == "Ok"


def test_a_model_that_is_misspelt(patient: Patient) -> None:
    patient.start("ModelNotFound", model={"name": "openai/gpt-5-minni"})
    for options in ((), ("--live",)):
        found = patient.broken("Model", *options)
        assert PAID in found["message"], "the nearest is suggested"
        assert found["cure"].startswith(f"kubectl edit chat {patient.name}")


@pytest.mark.parametrize(
    ("egress", "words"),
    [
        ([], "keeps the pods from"),
        ([{"ports": [{"port": 443, "protocol": "TCP"}]}], "keeps the pods from"),
        ([{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], "keeps the pods from"),
    ],
    ids=["nothing", "443 only", "elsewhere"],
)
def test_a_network_policy_in_the_way(patient: Patient, egress: list[Any], words: str) -> None:
    # What one policy lets through, no other keeps back.
    patient.start(networkPolicy={"enabled": False})
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"deny-{patient.name}"},
        "spec": {
            "podSelector": {
                "matchExpressions": [
                    {"key": "chatassistant.dev/name", "operator": "In", "values": [patient.name]}
                ]
            },
            "policyTypes": ["Egress"],
            "egress": egress,
        },
    }
    patient.assistants.kubectl("apply", "-f", "-", stdin=json.dumps(policy))
    found = patient.broken("NetworkPolicy")
    assert words in found["message"]
    patient.follow(found["cure"])
    patient.is_well()


def test_a_gateway_whose_name_is_not_found(patient: Patient) -> None:
    patient.start("Ready", gateway={"baseURL": "http://no-such-host.invalid/api/v1"})
    found = patient.broken("Dns")
    assert "no-such-host.invalid" in found["message"]


@pytest.mark.parametrize(
    ("link", "image", "reason", "words", "cure"),
    [
        ("Image", "example.com/nowhere:1", "ImagePullFailed", "no such image", "kubectl describe pods"),
        ("Pods", "example.com/crashes:1", "CrashLooping", "ends again and again", "kubectl logs"),
        ("Pods", "example.com/terminates:1", "CrashLooping", "It found no API key", "kubectl logs"),
        ("Pods", "example.com/out-of-memory:1", "OutOfMemory", "256Mi", "kubectl edit chat"),
        (
            "Pods",
            "example.com/never-ready:1",
            "RolloutProgressing",
            "No pod is ready yet",
            "kubectl get pods",
        ),
    ],
)
def test_pods_that_do_not_run(
    patient: Patient, link: str, image: str, reason: str, words: str, cure: str
) -> None:
    patient.start(reason, image=image)
    found = patient.broken(link)
    assert words in found["message"]
    assert found["cure"].startswith(cure)


def test_pods_that_no_node_can_run(patient: Patient) -> None:
    patient.start("Unschedulable", pod={"nodeSelector": {"disk": "none"}})
    assert "0/1 nodes are available" in patient.broken("Pods")["message"]


def test_a_quota_that_leaves_no_room(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess, tmp_path: Path
) -> None:
    patient = Patient(assistants, gateway, tmp_path)
    assistants.kubectl("create", "quota", "none", "--hard=count/pods=0")
    eventually(
        lambda: "pods" in assistants.kubectl("get", "quota", "none", "-o", "jsonpath={.status.hard}"),
        "the quota is in force",
    )
    patient.start("QuotaExceeded")
    assert patient.broken("Pods")["cure"].startswith("kubectl describe quota")


def test_pods_without_the_key(
    start_operator: Callable[..., OperatorProcess],
    assistants: Assistants,
    gateway: GatewayProcess,
    tmp_path: Path,
) -> None:
    patient = Patient(assistants, gateway, tmp_path)
    operator = start_operator()
    patient.start()
    operator.kill()
    # As somebody else's hand does it, and nobody is there to mend it.
    container = {
        "name": "chatbot",
        "image": "example.com/never-ready:1",
        "env": [{"name": "OPENROUTER_API_KEY", "$patch": "delete"}],
    }
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    assistants.kubectl("patch", "deployment", patient.name, "--type=strategic", "-p", json.dumps(patch))
    eventually(lambda: len(assistants.pods(patient.name)) == 2, "the new pod is there")
    found = patient.broken("KeyInPods")
    assert "is given no API key" in found["message"]
    assert found["cure"].startswith("kubectl rollout restart deployment")


def test_a_tool_server_that_does_not_answer(patient: Patient) -> None:
    server = {"name": "todo", "url": f"http://127.0.0.1:{free_port()}/mcp"}
    patient.start("ToolServerUnreachable", model={"name": PAID}, tools={"mcpServers": [server]})
    found = patient.broken("Tools")
    assert "MCP server 'todo'" in found["message"]


def test_a_question_that_is_not_answered(patient: Patient) -> None:
    patient.start(model={"name": PAID})
    patient.gateway.misbehave(route="/chat/completions", key=patient.name, status=500)
    found = patient.broken("Question")
    assert "The gateway had an internal error" in found["message"]
    assert found["cure"].startswith("kubectl assistant logs")


def _typed(doctor: Any, prompt: str, answer: str) -> None:
    doctor.expect_exact(prompt)
    doctor.sendline(answer)


@pytest.mark.parametrize("columns", [120, 40])
def test_fixes_are_asked_for_one_by_one(patient: Patient, columns: int) -> None:
    patient.apply()
    patient.assistants.kubectl(
        "create", "secret", "generic", patient.secret, f'--from-literal=api-key="{patient.token}"'
    )
    doctor = patient.cli.terminal("doctor", patient.name, "--fix", columns=columns)
    doctor.expect_exact("BROKEN")
    _typed(doctor, "[y/N]", "n")
    doctor.expect(pexpect.EOF)
    doctor.close()
    assert doctor.exitstatus == 1
    doctor = patient.cli.terminal("doctor", patient.name, "--fix", columns=columns, NO_COLOR="1", TERM="dumb")
    _typed(doctor, "[y/N]", "y")
    before = doctor.before
    # The operator may not have looked at the new value yet, which is offered to be hurried.
    while doctor.expect_exact(["[y/N]", pexpect.EOF]) == 0:
        before += doctor.before
        doctor.sendline("y")
    before += doctor.before
    assert "\x1b" not in before
    assert all(len(line) <= columns for line in before.splitlines() if line.startswith("  "))
    patient.wait("Ready")
    patient.is_well()


def test_all_of_a_namespace_and_as_yaml(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess, tmp_path: Path
) -> None:
    assistants.put_key(ACCEPTED.token)
    for each in ("one", "two"):
        assistants.apply(each)
        assistants.wait_for("Ready", name=each)
    assistants.apply("three", credentials={"apiKeySecretRef": {"name": "missing"}})
    assistants.wait_for("SecretNotFound", name="three")
    cli = CommandLine(assistants.plane, assistants.namespace, tmp_path)
    done = cli.run("doctor", "-o", "yaml")
    assert done.returncode == 1
    told = {each["name"]: each["broken"] for each in yaml.safe_load(done.stdout)}
    assert told == {"one": None, "three": "Secret", "two": None}
    table = cli.run("doctor", "three")
    assert table.returncode == 1
    lines = [line.split() for line in table.stdout.splitlines()]
    assert ["BROKEN", "Secret"] in lines
    assert ["-", "Key"] in lines
    assert any(line.startswith("kubectl create secret") for line in table.stdout.splitlines()), "to be pasted"
    everywhere = json.loads(cli.run("doctor", "-A", "--no-question", "-o", "json").stdout)
    assert {(assistants.namespace, each) for each in told} <= {
        (each["namespace"], each["name"]) for each in everywhere
    }

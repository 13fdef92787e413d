"""The sample with two teams: its guide, what each team sees, and what its quota does."""

import json
from collections.abc import Iterator

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED, UNKNOWN
from support import releases
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.guides import Reader, commands
from support.node import NodeStandIn
from support.samples import tree
from support.waiting import eventually

GUIDE = "deploy/samples/multi-tenant/README.md"
TEAMS = ("team-a", "team-b")


class Teams:
    """The platform as the guide has made it, and somebody of each team."""

    def __init__(self, plane: ControlPlane, gateway: str, reader: Reader) -> None:
        self.plane, self.reader = plane, reader
        self.a, self.b = (Assistants(plane, team, gateway) for team in TEAMS)

    def acts(self, team: str, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl says to somebody of a team."""
        done = self.plane.kubectl(
            f"--as={team}-ada", f"--as-group={team}", *arguments, stdin=stdin, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def teams(
    kubernetes: ControlPlane,
    node: NodeStandIn,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Teams]:
    folder, url = tmp_path_factory.mktemp("teams"), _gateway_process.base_url
    _gateway_process.reset()
    releases.let_helm_have_the_crd(kubernetes)
    key = {"OPENROUTER_API_KEY": ACCEPTED.token}
    reader = Reader(kubernetes, tree(folder / "tree", url), folder / "home", **key)
    install, use = commands(GUIDE)
    operator = None
    try:
        reader.run(install)
        operator = releases.operator(kubernetes, url, folder)
        # The role edit takes ChatAssistants in a moment after the chart has brought them.
        can = ("auth", "can-i", "create", "chatassistants", "-n", "team-a", "--as=ada", "--as-group=team-a")
        eventually(lambda: kubernetes.kubectl(*can, check=False).stdout.strip() == "yes", "the team may")
        assert "support   True" in reader.run(use)
        yield Teams(kubernetes, url, reader)
    finally:
        if operator is not None:
            operator.stop()
        releases.remove(kubernetes, *TEAMS)
    assert "Traceback" not in operator.log, operator.log


def test_no_team_sees_the_other(teams: Teams) -> None:
    assert "support" in teams.acts("team-a", "get", "chat", "-n", "team-a")
    for verb, resource in (
        ("get", "chatassistants"),
        ("list", "chatassistants"),
        ("create", "chatassistants"),
        ("get", "secrets"),
        ("list", "pods"),
        ("get", "pods/log"),
        ("list", "events"),
        ("get", "resourcequotas"),
    ):
        for namespace in ("team-b", "chatassistant-system", "default"):
            said = teams.acts("team-a", "auth", "can-i", verb, resource, "-n", namespace)
            assert said.strip().endswith("no"), (verb, resource, namespace)
    assert "Forbidden" in teams.acts("team-a", "get", "chat", "-A")
    assert "Forbidden" in teams.acts("team-b", "get", "chat", "support", "-n", "team-a")
    assert "Forbidden" in teams.acts("team-a", "patch", "quota", "team-a", "-n", "team-a", "-p", "{}")


def test_no_team_has_the_others_key(teams: Teams) -> None:
    teams.b.apply("borrower")
    missing = teams.b.wait_for("SecretNotFound", name="borrower")
    assert "team-b" in missing["message"]
    teams.b.kubectl("delete", "chat", "borrower")


def test_the_policy_holds_for_both(teams: Teams) -> None:
    server = {"name": "elsewhere", "url": "https://tools.example.com/mcp"}
    manifest = teams.b.manifest("forbidden", tools={"mcpServers": [server]})
    teams.acts("team-b", "apply", "-f", "-", stdin=json.dumps(manifest))
    denied = teams.b.wait_for("PolicyDenied", name="forbidden")
    assert "policy.allowedEndpoints" in denied["message"], "which the chart allows when nothing is said"
    teams.b.kubectl("delete", "chat", "forbidden")


def test_a_quota_is_told_by_the_assistant_and_holds_for_one_team(
    teams: Teams, gateway: GatewayProcess
) -> None:
    for each in (teams.a, teams.b):
        each.put_key(ACCEPTED.token)
    teams.a.apply("many", replicas=6)
    told = teams.a.wait_for("QuotaExceeded", name="many", timeout=60)
    assert "team-a" in told["message"]
    teams.b.apply("few", replicas=2)
    teams.b.wait_for("Ready", name="few", timeout=60)
    teams.a.apply("many", replicas=2)
    teams.a.wait_for("Ready", name="many", timeout=60)
    for number in range(4):
        said = teams.a.kubectl(
            "create",
            "-f",
            "-",
            stdin=json.dumps(teams.a.manifest(f"more-{number}", suspend=True)),
            check=False,
        )
    assert "exceeded quota: team-a" in said
    teams.a.kubectl("delete", "chat", "--field-selector=metadata.name!=support")
    teams.b.kubectl("delete", "chat", "--all")


def test_refused_keys_of_one_team_do_not_hold_up_the_other(teams: Teams, gateway: GatewayProcess) -> None:
    teams.a.put_key(UNKNOWN.token, "refused")
    for number in range(4):
        teams.a.apply(f"bogus-{number}", credentials={"apiKeySecretRef": {"name": "refused"}})
    teams.b.put_key(ACCEPTED.token)
    teams.b.apply("honest")
    teams.b.wait_for("Ready", name="honest")
    for number in range(4):
        teams.a.wait_for("KeyRejected", name=f"bogus-{number}")
    teams.a.kubectl("delete", "chat", "--field-selector=metadata.name!=support")
    teams.b.kubectl("delete", "chat", "--all")

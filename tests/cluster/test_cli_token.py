"""`kubectl-assistant token` and `revalidate`."""

import json
import urllib.error
from pathlib import Path

from chatassistant_operator.local.openrouter.situations import ACCEPTED, UNKNOWN
from support.assistants import Assistants
from support.command_line import CommandLine
from support.gateway import GatewayProcess
from support.scenes import user
from support.waiting import eventually

CHAT = "chatassistants.chatassistant.dev"
OIDC = {"mode": "OIDC", "oidc": {"issuer": "https://login.example.com", "audience": "todo"}}


def test_the_token_alone_is_printed_and_rotated(cli: CommandLine, todo: Assistants) -> None:
    before = todo.token()
    result = cli.run("token", "todo")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{before}\n", "")
    rotated = cli.run("token", "todo", "--rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert rotated.stdout == f"{todo.token()}\n"
    assert rotated.stdout != result.stdout
    assert "status todo --watch" in rotated.stderr

    def is_let_in() -> bool:
        try:
            return bool(todo.ask("Hello")["choices"])
        except (StopIteration, urllib.error.URLError):
            return False

    eventually(is_let_in, "the pods know the new token", timeout=60)


def test_tokens_that_are_not_the_operators(cli: CommandLine, todo: Assistants) -> None:
    for name, access in {
        "own": {"tokenSecretRef": {"name": "mine", "key": "word"}},
        "open": {"mode": "None"},
        "oidc": OIDC,
    }.items():
        todo.apply(name, access=access, suspend=True)
    missing = cli.run("token", "own")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"kubectl create secret generic mine -n {todo.namespace} --from-literal=word=" in missing.stderr
    todo.kubectl("create", "secret", "generic", "mine", "--from-literal=word=open sesame")
    assert cli.run("token", "own").stdout == "open sesame\n"
    kept = cli.run("token", "own", "--rotate")
    assert (kept.returncode, kept.stdout) == (1, "")
    # The command that it says does what it says.
    command = kept.stderr.splitlines()[-1].strip()
    assert command.startswith(f"kubectl patch secret mine -n {todo.namespace} -p ")
    patch = command.partition(" -p ")[2].replace("'$(openssl rand -hex 32)'", "other").strip("'")
    todo.kubectl("patch", "secret", "mine", "-p", patch)
    assert cli.run("token", "own").stdout == "other\n"
    assert "needs no token" in cli.run("token", "open").stderr
    told = cli.run("token", "oidc", "--rotate")
    assert told.returncode == 1
    assert "https://login.example.com" in told.stderr


def test_a_right_that_is_missing_is_named(todo: Assistants, tmp_path: Path) -> None:
    reader = user(todo, tmp_path, f"get,watch,list {CHAT}")
    refused = reader.run("token", "todo")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert 'cannot get resource "secrets"' in refused.stderr
    unmoved = reader.run("revalidate", "todo")
    assert unmoved.returncode == 3
    assert 'cannot patch resource "chatassistants"' in unmoved.stderr


def test_revalidate_waits_for_the_fresh_verdict(
    cli: CommandLine, todo: Assistants, gateway: GatewayProcess
) -> None:
    todo.wait_for("KeyAccepted", "CredentialsValid")
    asked = gateway.requests.get("GET /key", 0)
    good = cli.run("revalidate", "todo", "-o", "json")
    assert good.returncode == 0, good.stderr
    assert gateway.requests["GET /key"] == asked + 1, "the verdict is the same, and was asked for anew"
    assert {each["type"]: each["status"] for each in json.loads(good.stdout)["conditions"]} == {
        "Ready": "True",
        "CredentialsValid": "True",
        "ModelAvailable": "True",
    }
    todo.put_key(UNKNOWN.token)
    bad = cli.run("revalidate", "todo")
    assert bad.returncode == 1
    assert "KeyRejected" in bad.stdout
    todo.put_key(ACCEPTED.token)
    mended = cli.run("revalidate", "todo")
    assert (mended.returncode, "KeyAccepted" in mended.stdout) == (0, True)


def test_revalidate_without_an_answer(cli: CommandLine, todo: Assistants, gateway: GatewayProcess) -> None:
    quick = cli.run("revalidate", "todo", "--no-wait")
    assert quick.returncode == 0
    assert "chatassistant.dev/validate-at" in str(todo.get()["metadata"]["annotations"])
    gateway.misbehave(route="/key", status=503)
    unknown = cli.run("revalidate", "todo")
    assert unknown.returncode == 1
    assert "GatewayUnreachable" in unknown.stdout
    # Nobody watches this one.
    elsewhere = CommandLine(todo.plane, "default", cli.folder / "elsewhere")
    unwatched = {**todo.manifest(), "metadata": {"name": "unwatched", "namespace": "default"}}
    todo.plane.kubectl("apply", "-f", "-", stdin=json.dumps(unwatched))
    late = elsewhere.run("revalidate", "unwatched", "--timeout", "1")
    todo.plane.kubectl("delete", "chat", "unwatched", "-n", "default")
    assert late.returncode == 1
    assert "shows whether an operator runs" in late.stderr

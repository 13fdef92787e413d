"""`kubectl-assistant chat` through a port-forward of the real API server, piped and in a real terminal."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.command_line import CommandLine
from support.gateway import GatewayProcess
from support.scenes import user
from support.tool_servers import ToolServerProcess
from support.waiting import eventually

PAID = "openai/gpt-5-mini"
# A long answer that comes slowly, so that there is time to stop it.
SLOW = {"route": "/chat/completions", "token_seconds": 0.3, "says": " ".join(["word"] * 200)}


@pytest.fixture(scope="module")
def todo(
    new_scene: Callable[..., Assistants], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Assistants]:
    """The assistant `todo`, ready, with tools, and with nothing that stands in the way of many questions."""
    tools = ToolServerProcess(tmp_path_factory.mktemp("tools"))
    tools.start()
    assistants = new_scene(policy__allowed_endpoints='["*"]')
    assistants.put_key(ACCEPTED.token)
    assistants.apply(
        model={"name": PAID, "fallbacks": ["google/gemma-4-31b-it"], "parameters": {"maxTokens": 512}},
        cache={"enabled": False},
        rateLimit={"requests": 1000},
        tools={"mcpServers": [{"name": "todo", "url": tools.url}]},
    )
    assistants.wait_for("Ready", timeout=60)
    assistants.wait_for("ToolsListed", "ToolsAvailable", timeout=60)
    yield assistants
    tools.stop()


CHATS = "get chatassistants.chatassistant.dev"
PODS = "list pods"
SECRETS = "get secrets"
FORWARDS = "get,create pods/portforward"


def test_one_question_is_answered_alone_on_standard_output(cli: CommandLine, gateway: GatewayProcess) -> None:
    gateway.misbehave(route="/chat/completions", says="**Two** tasks\n\n- milk")
    asked = cli.run("chat", "todo", "How are you?")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "**Two** tasks\n\n- milk\n", "")
    piped = cli.run("chat", "todo", stdin="How\nare you?\n")
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, "**Two** tasks\n\n- milk\n", "")
    question = [
        each["body"]["messages"][-1]["content"] for each in gateway.log if "completions" in each["route"]
    ]
    assert question == ["How are you?", "How\nare you?\n"]


def test_nothing_asked_is_told(cli: CommandLine) -> None:
    asked = cli.run("chat", "todo", stdin="\n")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "standard input is empty" in asked.stderr


def test_the_users_own_rights_are_enough(todo: Assistants, tmp_path: Path) -> None:
    asked = user(todo, tmp_path, CHATS, PODS, SECRETS, FORWARDS).run("chat", "todo", "Hello")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ((CHATS, PODS, SECRETS), ("get` and `create` on pods/portforward", "--url")),
        ((CHATS, PODS, FORWARDS), ("You may not read the Secret 'todo-access'", "ACCESS_TOKEN")),
        ((CHATS, SECRETS, FORWARDS), ("pods is forbidden", "ask whoever runs the cluster")),
        ((PODS, SECRETS, FORWARDS), ("chatassistants", "ask whoever runs the cluster")),
    ],
    ids=["portforward", "secret", "pods", "chatassistants"],
)
def test_a_missing_right_is_named(
    todo: Assistants, tmp_path: Path, rules: tuple[str, ...], words: tuple[str, ...]
) -> None:
    asked = user(todo, tmp_path, *rules).run("chat", "todo", "Hello")
    assert (asked.returncode, asked.stdout) == (3, "")
    for each in words:
        assert each in asked.stderr.replace("\n", " ")


def test_a_token_and_a_url_take_the_place_of_rights(
    todo: Assistants, cli: CommandLine, tmp_path: Path
) -> None:
    (pod,) = todo.pods()
    url = f"http://{pod.status.pod_ip}:8080"
    nobody = user(todo, tmp_path)
    token = todo.token()
    assert nobody.run("chat", "todo", "Hello", "--url", url, ACCESS_TOKEN=token).returncode == 0
    assert nobody.run("chat", "todo", "Hello", "--url", f"{url}/v1/", "--token", token).returncode == 0
    refused = nobody.run("chat", "todo", "Hello", "--url", url, "--token", "wrong")
    assert refused.returncode == 1
    assert "another token by --token" in refused.stderr
    assert cli.run("chat", "todo", "Hello", "--url", url).returncode == 0, "the Secret's token is taken"
    bad = nobody.run("chat", "todo", "Hello", "--url", "nonsense", "--token", token)
    assert (bad.returncode, "no http or https URL" in bad.stderr) == (2, True)


def test_who_has_no_ready_pod_is_sent_to_the_doctor(cli: CommandLine, todo: Assistants) -> None:
    todo.apply("asleep", suspend=True)
    todo.wait_for("Suspended", name="asleep")
    asked = cli.run("chat", "asleep", "Hello")
    assert asked.returncode == 1
    assert "kubectl assistant doctor asleep" in asked.stderr
    missing = cli.run("chat", "nobody", "Hello")
    assert (missing.returncode, "There is no ChatAssistant 'nobody'" in missing.stderr) == (1, True)


def test_oidc_wants_a_token_of_the_issuer(cli: CommandLine, todo: Assistants) -> None:
    todo.apply(
        "signed-in", access={"mode": "OIDC", "oidc": {"issuer": "https://example.com", "audience": "chat"}}
    )
    asked = cli.run("chat", "signed-in", "Hello")
    assert asked.returncode == 1
    assert "https://example.com" in asked.stderr
    assert "ACCESS_TOKEN" in asked.stderr


def test_what_goes_wrong_is_told_in_words(cli: CommandLine, gateway: GatewayProcess) -> None:
    gateway.misbehave(route="/chat/completions", status=429, headers={"Retry-After": "90"})
    asked = cli.run("chat", "todo", "Hello")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "Ask again in 90 s" in asked.stderr
    gateway.misbehave(route="/chat/completions", says="one two three four", error_after=2)
    asked = cli.run("chat", "todo", "Hello")
    assert asked.returncode == 1
    assert asked.stdout.startswith("one")
    assert asked.stderr.strip()
    asked = cli.run("chat", "todo", "Hello", "--model", "no/such")
    assert (asked.returncode, "no other model" in asked.stderr) == (1, True), asked.stderr


def _typed(chat: Any, line: str) -> None:
    chat.expect_exact("> ")
    chat.sendline(line)
    chat.expect_exact(line)


@pytest.mark.parametrize("columns", [120, 40])
def test_a_conversation_in_a_terminal(cli: CommandLine, gateway: GatewayProcess, columns: int) -> None:
    gateway.misbehave(route="/chat/completions", says="# Ha\n\nUse `ls`.")
    chat = cli.terminal("chat", "todo", columns=columns)
    _typed(chat, "First")
    chat.expect_exact("# Ha\r\n\r\nUse `ls`.\r\n")
    _typed(chat, "Second")
    chat.expect_exact("Use `ls`.\r\n")
    said = [each["body"]["messages"] for each in gateway.log if "completions" in each["route"]][-1]
    assert [each["content"] for each in said if each["role"] != "system"] == [
        "First",
        "# Ha\n\nUse `ls`.",
        "Second",
    ]
    _typed(chat, "/save chat.md")
    chat.expect_exact("4 messages are in chat.md")
    text = (cli.folder / "chat.md").read_text(encoding="utf-8")
    assert text.startswith("## You\n\nFirst\n\n## todo\n\n# Ha\n\nUse `ls`.\n")
    _typed(chat, "/save chat.md")
    chat.expect_exact("already")
    _typed(chat, "/reset")
    _typed(chat, "Third")
    chat.expect_exact("Use `ls`.\r\n")
    said = [each["body"]["messages"] for each in gateway.log if "completions" in each["route"]][-1]
    assert [each["content"] for each in said if each["role"] != "system"] == ["Third"]
    _typed(chat, "/help")
    chat.expect_exact("/save FILE")
    _typed(chat, "/nonsense")
    chat.expect_exact("There is no /nonsense")
    chat.expect_exact("> ")
    chat.sendeof()
    chat.expect(pexpect.EOF)
    chat.close()
    assert chat.exitstatus == 0


def test_models_are_chosen_by_name(cli: CommandLine, gateway: GatewayProcess) -> None:
    chat = cli.terminal("chat", "todo")
    _typed(chat, "/model")
    chat.expect_exact(f"* {PAID}")
    chat.expect_exact("google/gemma-4-31b-it")
    _typed(chat, "/model no/such")
    chat.expect_exact("The assistant has no model 'no/such'")
    _typed(chat, "/model google/gemma-4-31b-it")
    chat.expect_exact("answers from now on")
    _typed(chat, "Hello")
    eventually(
        lambda: [each for each in gateway.log if "completions" in each["route"]], "the question has come"
    )
    chat.expect_exact("> ")
    chat.sendeof()
    chat.expect(pexpect.EOF)
    asked = [each["body"] for each in gateway.log if "completions" in each["route"]]
    assert "google/gemma-4-31b-it" in json.dumps([asked[-1].get("model"), asked[-1].get("models")])


def test_control_c_ends_an_answer_and_not_the_chat(cli: CommandLine, gateway: GatewayProcess) -> None:
    gateway.misbehave(**SLOW)
    before = gateway.hang_ups
    chat = cli.terminal("chat", "todo")
    _typed(chat, "Tell me much")
    chat.expect_exact("word word")
    chat.sendintr()
    chat.expect_exact("[stopped]")
    eventually(lambda: gateway.hang_ups > before, "the gateway is told, too")
    chat.expect_exact("> ")
    chat.sendintr()
    chat.expect_exact("Ctrl-D ends the conversation.")
    gateway.misbehave(route="/chat/completions", says="Still here.")
    _typed(chat, "Are you there?")
    chat.expect_exact("Still here.")
    chat.expect_exact("> ")
    chat.sendeof()
    chat.expect(pexpect.EOF)


def test_a_wait_is_counted_and_then_it_asks_again(cli: CommandLine, gateway: GatewayProcess) -> None:
    # Longer than the chatbot itself waits.
    gateway.misbehave(route="/chat/completions", status=429, headers={"Retry-After": "4"}, times=1)
    gateway.misbehave(route="/chat/completions", says="Here it is.")
    chat = cli.terminal("chat", "todo", columns=40)
    _typed(chat, "Hello")
    chat.expect_exact("Asks again in 4 s")
    chat.expect_exact("Asks again in 3 s")
    chat.expect_exact("Here it is.")
    gateway.misbehave(route="/chat/completions", status=429, headers={"Retry-After": "40"}, times=1)
    _typed(chat, "Hello again")
    chat.expect_exact("Asks again in 40 s")
    chat.sendintr()
    _typed(chat, "Are you there?")
    chat.expect_exact("Here it is.")
    chat.expect_exact("> ")
    chat.sendeof()
    chat.expect(pexpect.EOF)


def test_tools_are_shown_as_they_run(cli: CommandLine, gateway: GatewayProcess) -> None:
    chat = cli.terminal("chat", "todo", NO_COLOR="1")
    _typed(chat, "Add the task milk: call add_task")
    chat.expect_exact("[todo add_task: running]")
    chat.expect_exact("[todo add_task: done]")
    chat.expect_exact("> ")
    chat.sendeof()
    chat.expect(pexpect.EOF)


def test_no_color_means_none_and_a_model_commands_no_terminal(
    cli: CommandLine, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route="/chat/completions", says="harm\x1b]0;title\x07less \u2028 \x9b31mred")
    chat = cli.terminal("chat", "todo", columns=40, NO_COLOR="1", TERM="dumb")
    chat.expect_exact("> ")
    before = chat.before
    chat.sendline("Hello")
    chat.expect_exact("red")
    said = before + chat.before
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert "harm]0;titleless \u2028 31m" in said
    piped = cli.run("chat", "todo", "Hello")
    assert piped.stdout == "harm\x1b]0;title\x07less \u2028 \x9b31mred\n", "scripts get it as it is"

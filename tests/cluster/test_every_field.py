"""Every field that shapes what a chatbot does, from `kubectl apply` to what the gateway sees and callers get."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.issuer import AUDIENCE, Issuer
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.redis import RedisServer, serving
from support.tool_servers import ToolServerProcess
from support.waiting import eventually

MAIN, SIMPLE = "meta-llama/llama-3.3-70b-instruct", "meta-llama/llama-3.1-8b-instruct"
FALLBACKS = ["openai/gpt-5-mini", "openrouter/free"]
PARAMETERS: dict[str, Any] = {
    "temperature": 0.3,
    "topP": 0.9,
    "topK": 40,
    "minP": 0.05,
    "frequencyPenalty": 0.1,
    "presencePenalty": 0.2,
    "repetitionPenalty": 1.05,
    "seed": 42,
    "stop": ["END"],
    "maxTokens": 77,
}
PROVIDER: dict[str, Any] = {
    "order": ["deepinfra", "openai"],
    "only": ["deepinfra", "openai", "stand-in", "parasail"],
    "ignore": ["azure"],
    "allowFallbacks": True,
    "requireParameters": False,
    "dataCollection": "deny",
    "zdr": False,
    "sort": "throughput",
    "maxPrice": {"prompt": 1, "completion": 2.5, "request": 0.01, "image": 0.05},
}
COMPLETIONS = "/chat/completions"
LONG = "What is the tallest mountain that nobody has climbed yet?"


class Receiver:
    """A receiver of OTLP over HTTP, on a port of this machine."""

    def __init__(self) -> None:
        self.content = b""
        taking = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taking.content += self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class World:
    """A namespace with one ChatAssistant for each group of fields, all of them ready, and what they talk to."""

    def __init__(self, assistants: Assistants, folder: Path, ending: ExitStack) -> None:
        self.assistants = assistants
        self.receiver = Receiver()
        ending.callback(self.receiver.stop)
        self.issuer = Issuer()
        ending.callback(self.issuer.stop)
        self.tools = ToolServerProcess(folder / "tools")
        ending.callback(self.tools.stop)
        self.tools.start(tools=["list_tasks", "slow", "headers"], authorization="Bearer of-tools")
        redis = serving(folder)
        self.redis: RedisServer = next(redis)
        ending.callback(lambda: next(redis, None))

    def apply(self) -> None:
        """Create everything, and wait until it is ready."""
        self.assistants.put_key(ACCEPTED.token)
        self._secret("mine", "access", word="open-sesame")
        self._secret("redis", "store", url=self.redis.url)
        self._secret("tools", "tools", bearer="Bearer of-tools")
        host = self.tools.address.removeprefix("http://")
        self.assistants.kubectl("annotate", "secret", "tools", f"chatassistant.dev/hosts={host}")
        self.assistants.kubectl("create", "configmap", "prompts", "--from-literal=rhymes=Answer in rhymes.")
        specs = self._specs()
        for name, spec in specs.items():
            self.assistants.apply(name, **spec)
        for name in specs:
            self.assistants.wait_for("Ready", name=name, timeout=90)
        eventually(lambda: len(self.addresses("shared")) == 2, "both pods are ready")
        self.assistants.wait_for("ToolsListed", "ToolsAvailable", "tools")

    def addresses(self, name: str) -> list[str]:
        """Where the ready pods of an assistant are."""
        pods = self.assistants.pods(name)
        ready = [pod for pod in pods if (of := pod.status.container_statuses) and of[0].ready]
        return sorted(pod.status.pod_ip for pod in ready)

    def ask(self, name: str, question: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Ask a pod for a completion; of several, the `pod`th."""
        return self.post(name, "/v1/chat/completions", token, pod=more.pop("pod", 0), json={
            "messages": [{"role": "user", "content": question}], **more
        })  # fmt: skip

    def post(self, name: str, path: str, token: str | None, pod: int = 0, **request: Any) -> httpx.Response:
        """Send a POST request to a pod."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"http://{self.addresses(name)[pod]}:8080{path}"
        return httpx.post(url, headers=headers, timeout=20, **request)

    def _secret(self, name: str, use: str, **entries: str) -> None:
        literals = [f"--from-literal={entry}={value}" for entry, value in entries.items()]
        self.assistants.kubectl("create", "secret", "generic", name, *literals)
        self.assistants.kubectl("label", "secret", name, f"chatassistant.dev/use={use}")

    def _specs(self) -> dict[str, dict[str, Any]]:
        header = {"name": "Authorization", "secretKeyRef": {"name": "tools", "key": "bearer"}}
        server = {"name": "todo", "url": self.tools.url, "headersFrom": [header], "timeoutSeconds": 1}
        return {
            "model": {
                "model": {
                    "name": MAIN,
                    "fallbacks": FALLBACKS,
                    "simpleQueries": {"name": SIMPLE, "maxCharacters": 20},
                    "parameters": PARAMETERS,
                    "provider": PROVIDER,
                },
                "systemPrompt": "Answer like a mountaineer.",
                "gateway": {"title": "Todo", "referer": "https://todo.example.com", "timeoutSeconds": 1},
                "faq": [{"question": "Who made you?", "answer": "The todo team."}],
                "rateLimit": {"requests": 1000},
                "observability": {"logLevel": "Debug", "otlpEndpoint": self.receiver.url},
            },
            "shared": {
                "systemPromptFrom": {"configMapKeyRef": {"name": "prompts", "key": "rhymes"}},
                "access": {"tokenSecretRef": {"name": "mine", "key": "word"}},
                "store": {"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}},
                "rateLimit": {"requests": 4, "windowSeconds": 3600},
                "cache": {"enabled": False},
                "replicas": 2,
            },
            "tools": {
                "access": {"mode": "None"},
                "tools": {
                    "maxRounds": 1,
                    "mcpServers": [{**server, "allowedTools": ["list_tasks", "slow"]}],
                },
                "limits": {"concurrent": 1, "queue": 0},
            },
            "oidc": {
                "access": {"mode": "OIDC", "oidc": {"issuer": self.issuer.url, "audience": AUDIENCE}},
                "cache": {"shared": True, "maxEntries": 1},
            },
            "open": {
                "access": {"mode": "None"},
                "model": {"simpleQueries": {"name": "openai/gpt-5-mini", "maxCharacters": 1}},
                "budget": {"dailyUSD": 0, "tokensPerRequest": 200},
                "rateLimit": {"requests": 1000},
                "cache": {"ttlSeconds": 1},
            },
        }


@pytest.fixture(scope="module")
def _world(
    kubernetes: ControlPlane,
    node: NodeStandIn,
    _gateway_process: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    name, folder = "every-field", tmp_path_factory.mktemp("every-field")
    kubernetes.kubectl("create", "namespace", name)
    settings = {"policy__allowed_endpoints": '["*"]'}
    operator = OperatorProcess(kubernetes, name, _gateway_process.base_url, folder / "operator", settings)
    with ExitStack() as ending:
        ending.callback(kubernetes.kubectl, "delete", "namespace", name, "--wait=false")
        ending.callback(operator.stop)
        _gateway_process.reset()
        world = World(Assistants(kubernetes, name, _gateway_process.base_url), folder, ending)
        world.apply()
        yield world
    assert "Traceback" not in operator.log, operator.log


@pytest.fixture
def world(_world: World, gateway: GatewayProcess) -> World:
    """The assistants, in front of a gateway that has nothing wrong and nothing counted yet."""
    return _world


@pytest.fixture
def token(world: World) -> str:
    """Lets callers of the assistant `model` in."""
    return world.assistants.token("model")


def _asked(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """The completions that the gateway was asked for: headers and bodies."""
    return [each for each in gateway.log if each["route"] == f"POST {COMPLETIONS}"]


def test_model_fallbacks_parameters_provider_prompt_and_headers(
    world: World, gateway: GatewayProcess, token: str
) -> None:
    answer = world.ask("model", LONG, token)
    assert answer.status_code == 200, answer.text
    (asked,) = _asked(gateway)
    body, headers = asked["body"], {name.lower(): value for name, value in asked["headers"].items()}
    assert (body["model"], body["models"]) == (MAIN, FALLBACKS)
    assert body["messages"] == [
        {"role": "system", "content": "Answer like a mountaineer."},
        {"role": "user", "content": LONG},
    ]
    snake = {"topP": "top_p", "topK": "top_k", "minP": "min_p", "maxTokens": "max_tokens"}
    snake |= {f"{each}Penalty": f"{each}_penalty" for each in ("frequency", "presence", "repetition")}
    assert {snake.get(name, name): value for name, value in PARAMETERS.items()}.items() <= body.items()
    assert body["provider"] == {
        "order": PROVIDER["order"],
        "only": PROVIDER["only"],
        "ignore": PROVIDER["ignore"],
        "allow_fallbacks": True,
        "require_parameters": False,
        "data_collection": "deny",
        "zdr": False,
        "sort": "throughput",
        "max_price": {"prompt": "1", "completion": "2.5", "request": "0.01", "image": "0.05"},
    }
    assert headers["http-referer"] == "https://todo.example.com"
    assert (headers["x-openrouter-title"], headers["x-title"]) == ("Todo", "Todo")


def test_simple_queries(world: World, gateway: GatewayProcess, token: str) -> None:
    assert world.ask("model", "Short one", token).status_code == 200
    assert world.ask("model", "Not so short any more", token).status_code == 200
    assert [each["body"]["model"] for each in _asked(gateway)] == [SIMPLE, MAIN]


def test_faq_and_cache(world: World, gateway: GatewayProcess, token: str) -> None:
    known = world.ask("model", "Who made you?", token).json()
    assert known["choices"][0]["message"]["content"] == "The todo team."
    answers = [world.ask("model", "What is asked twice, word for word?", token) for _ in range(2)]
    assert [each.headers["X-Cache"] for each in answers] == ["miss", "hit"]
    assert len(_asked(gateway)) == 1


def test_silence(world: World, gateway: GatewayProcess, token: str) -> None:
    gateway.misbehave(route=COMPLETIONS, black_hole=True)
    answer = world.ask("model", "Is anybody there at all?", token)
    assert (answer.status_code, answer.elapsed.total_seconds() < 3.5) == (504, True), answer.text


def test_log_level_and_traces(world: World, gateway: GatewayProcess, token: str, node: NodeStandIn) -> None:
    assert world.ask("model", "What is written in the log?", token).status_code == 200
    (pod,) = world.assistants.pods("model")

    def logged() -> str:
        log = node.log(world.assistants.namespace, pod.metadata.name)
        return log if COMPLETIONS in log else ""

    log = eventually(logged, "the exchange is logged")
    assert "DEBUG" in log
    assert ACCEPTED.token not in log
    name = f"chat {MAIN}".encode()
    eventually(lambda: name in world.receiver.content, "the trace arrives", timeout=15)


def test_a_given_token_a_given_prompt_and_limits_that_pods_share(
    world: World, gateway: GatewayProcess
) -> None:
    conversation = world.post("shared", "/v1/conversations", "open-sesame", pod=0).json()["id"]
    said = {"token": "open-sesame", "conversation": conversation}
    assert world.ask("shared", "My name is Ada", pod=0, **said).status_code == 200
    answer = world.ask("shared", "What is my name?", pod=1, **said)
    assert answer.headers["X-Cache"] == "bypass"
    assert answer.headers["RateLimit-Policy"] == '"default";q=4;w=3600'
    told = _asked(gateway)[-1]["body"]["messages"]
    assert told[0] == {"role": "system", "content": "Answer in rhymes."}
    assert [each["content"] for each in told if each["role"] == "user"] == [
        "My name is Ada",
        "What is my name?",
    ]
    statuses = [
        world.ask("shared", "Again", "open-sesame", pod=number % 2).status_code for number in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert [world.ask("shared", "Hello", each).status_code for each in (None, "x")] == [401, 401]
    uid = world.assistants.get("shared")["metadata"]["uid"]
    keys = world.redis.times_to_live()
    assert keys
    assert all(uid in key and seconds > 0 for key, seconds in keys.items()), keys


def test_tools(world: World, gateway: GatewayProcess) -> None:
    world.tools.forget()
    answer = world.ask("tools", "Please list my tasks")
    assert answer.status_code == 200, answer.text
    first, second = (each["body"] for each in _asked(gateway))
    assert [each["function"]["name"] for each in first["tools"]] == ["todo__list_tasks", "todo__slow"]
    assert second["tool_choice"] == "none", "one round, and no more"
    assert [each["tool"] for each in world.tools.asked["calls"]] == ["list_tasks"]
    assert answer.headers["X-Cache"] == "bypass"
    late = world.ask("tools", "Be slow about it")
    assert late.elapsed.total_seconds() < 10
    (result,) = (
        each["content"] for each in _asked(gateway)[-1]["body"]["messages"] if each["role"] == "tool"
    )
    assert "1 s" in result


def test_limits(world: World, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, delay_seconds=1.5, times=1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(world.ask, "tools", "Hello")
        eventually(lambda: _asked(gateway), "one is with the gateway")
        second = world.ask("tools", "Hello, too")
        assert second.status_code == 503, second.text
        assert "Retry-After" in second.headers
        assert first.result().status_code == 200


def test_openid_connect_and_a_shared_cache_of_one_entry(world: World, gateway: GatewayProcess) -> None:
    alice, bob = (world.issuer.token(sub=name) for name in ("alice", "bob"))
    answers = [
        world.ask("oidc", question, token)
        for question, token in (("One?", alice), ("One?", bob), ("Another?", bob), ("One?", alice))
    ]
    assert [each.headers["X-Cache"] for each in answers] == ["miss", "hit", "miss", "miss"]
    refused = (None, world.issuer.token(aud="another"), world.assistants.token("model"))
    assert [world.ask("oidc", "One?", each).status_code for each in refused] == [401, 401, 401]


def test_anybody_and_no_money(world: World, gateway: GatewayProcess) -> None:
    assert world.ask("open", "What costs nothing?").status_code == 200
    dear = world.ask("open", "What costs something?", model="openai/gpt-5-mini")
    assert (dear.status_code, dear.json()["error"]["code"]) == (429, "budget_exceeded")
    assert _asked(gateway)[-1]["body"]["max_tokens"] < 200, "the answer gets what the prompt leaves"
    assert world.ask("open", "long " * 500).status_code == 400
    assert len(_asked(gateway)) == 1
    cached = [world.ask("open", "How long is it kept?").headers["X-Cache"] for _ in range(2)]
    assert cached == ["miss", "hit"]
    eventually(
        lambda: world.ask("open", "How long is it kept?").headers["X-Cache"] == "miss", "for a second", 5
    )

"""Who is compared: how each is started so that it asks the upstream, and what its callers send."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.chatbot import environments

MODEL: Final = "google/gemma-4-31b-it:free"
KEY: Final = "sk-or-v1-" + f"{0xBE7C4:064x}"
TOKEN: Final = "a-token-that-only-callers-of-this-benchmark-have"  # noqa: S105 (made up)
_BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Place:
    """Where one runs: a folder of its own, two free ports of this machine, and the upstream's base URL."""

    folder: Path
    port: int
    second_port: int
    upstream: str

    @property
    def url(self) -> str:
        """Of its first port."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Peer:
    """A process to start, when it is ready (URL), where it is asked, and with what."""

    command: list[str | Path]
    ready: str
    completions: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=lambda: _BEARER)
    model: str = MODEL


def direct(place: Place) -> Peer:
    """No proxy at all: what upstream and load can do."""
    return Peer([], "", f"{place.upstream}/chat/completions")


def asgi(place: Place) -> Peer:
    """The floor."""
    return _python(place, Path(sys.executable), "asgi.py")


def tutorial(place: Place) -> Peer:
    """FastAPI and httpx, one client for all."""
    return _python(place, environments.python("tutorial"), "tutorial.py", CLIENT="shared")


def tutorial_each(place: Place) -> Peer:
    """The same, a client for each request."""
    return _python(place, environments.python("tutorial"), "tutorial.py", CLIENT="own")


def _python(place: Place, python: Path, script: str, **environment: str) -> Peer:
    given = {"PORT": str(place.port), "UPSTREAM": place.upstream, "KEY": KEY, **environment}
    command: list[str | Path] = [python, "-P", Path(__file__).with_name(script)]
    return Peer(command, place.url, f"{place.url}/v1/chat/completions", given)


def ours(place: Place) -> Peer:
    """The chatbot as the operator runs it, with everything on; limits so wide that they refuse nobody."""
    content: dict[str, Any] = {
        "name": "bench",
        "namespace": "bench",
        "uid": "00000000-0000-4000-8000-000000000000",
        "model": {"name": MODEL, "simpleQueries": {"name": MODEL, "maxCharacters": 50}},
        "systemPrompt": "You keep a list of tasks.",
        "gateway": {"baseURL": place.upstream},
        "access": {"mode": "Token"},
        "cache": {"enabled": True},
        "faq": [{"question": "What can you do?", "answer": "Keep your list of tasks."}],
        "rateLimit": {"requests": 100_000, "windowSeconds": 1},
        "limits": {"concurrent": 10_000},
        "budget": {"dailyUSD": 1_000_000, "tokensPerRequest": 100_000},
        "prices": {MODEL: {"prompt": 1e-7, "completion": 4e-7}},
        "observability": {"logLevel": "Info"},
    }
    file = place.folder / "config.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    environment = {
        "CHATASSISTANT_CONFIG": str(file),
        "CHATASSISTANT_ALLOWED_ENDPOINTS": json.dumps([place.upstream]),
        "OPENROUTER_API_KEY": KEY,
        "ACCESS_TOKEN": TOKEN,
        "PORT": str(place.port),
        "METRICS_PORT": str(place.second_port),
        # For another working tree's chatbot.
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    command: list[str | Path] = [sys.executable, "-m", "chatassistant_chatbot"]
    ready = f"http://127.0.0.1:{place.second_port}/readyz"
    return Peer(command, ready, f"{place.url}/v1/chat/completions", environment)


def portkey(place: Place) -> Peer:
    """Portkey's gateway; who is asked stands in each request.

    With the newest server that Portkey itself asks for, it answers no stream (honojs/node-server#382): the next one is
    installed, which is also faster.
    """
    headers = {
        "Authorization": f"Bearer {KEY}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": place.upstream,
    }
    node: list[str | Path] = [
        environments.NODE,
        "--require",
        Path(__file__).parent / "peers" / "loopback.cjs",
    ]
    command = [*node, environments.portkey(), f"--port={place.port}", "--headless"]
    completions = f"{place.url}/v1/chat/completions"
    return Peer(command, place.url, completions, {"NODE_ENV": "production"}, headers)


def litellm(place: Place) -> Peer:
    """LiteLLM's proxy, one worker, a master key, no database."""
    model = {"model": f"openai/{MODEL}", "api_base": place.upstream, "api_key": KEY}
    content = {
        "model_list": [{"model_name": MODEL, "litellm_params": model}],
        "general_settings": {"master_key": f"sk-{TOKEN}"},
    }
    file = place.folder / "config.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    # Nothing is looked up outside of this machine.
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True"}
    start = "from litellm import run_server; run_server()"
    where: list[str | Path] = [
        "--config",
        file,
        "--host",
        "127.0.0.1",
        "--port",
        str(place.port),
        "--telemetry",
        "False",
    ]
    command: list[str | Path] = [environments.python("litellm"), "-c", start, *where]
    headers = {"Authorization": f"Bearer sk-{TOKEN}"}
    ready = f"{place.url}/health/readiness"
    return Peer(command, ready, f"{place.url}/v1/chat/completions", environment, headers)


PEERS: Final[Mapping[str, Callable[[Place], Peer]]] = {
    "direct": direct,
    "asgi": asgi,
    "ours": ours,
    "portkey": portkey,
    "tutorial": tutorial,
    "tutorial-each": tutorial_each,
    "litellm": litellm,
}

"""What is spent, and what the cache saved, is told by the status, as the pods tell it."""

import urllib.error
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.command_line import CommandLine
from support.operators import OperatorProcess
from support.redis import RedisServer, serving
from support.waiting import eventually

PAID = {"name": "openai/gpt-5-mini", "parameters": {"maxTokens": 16}}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    yield from serving(folder)


def test_a_spent_budget_is_told(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(model=PAID, cache={"enabled": False}, budget={"dailyUSD": 0.0001})
    assistants.wait_for("Ready")
    assert "usage" not in assistants.get()["status"]

    def refused() -> bool:
        try:
            assistants.ask("Hello")
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 429 and b"budget_exceeded" in error.read()
        return False

    eventually(refused, "the budget is spent")
    eventually(
        lambda: assistants.get()["status"].get("usage") == {"budgetPercent": 100}, "the status tells it"
    )


def test_what_the_cache_of_two_replicas_saved_is_told_when_the_day_is_over(
    operator: OperatorProcess, assistants: Assistants, redis: RedisServer, tmp_path: Path
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.kubectl("create", "secret", "generic", "redis", f"--from-literal=url={redis.url}")
    assistants.kubectl("label", "secret", "redis", "chatassistant.dev/use=store")
    store = {"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}}
    assistants.apply(model=PAID, replicas=2, cache={"shared": True}, store=store)
    assistants.wait_for("Ready", timeout=60)
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 2, "both pods are ready")
    first, second = (pod.status.pod_ip for pod in assistants.pods())
    answers = [assistants.ask_at(address, "Hello") for address in (first, first, second)]
    assert len({answer["id"] for answer in answers}) == 1, "one was asked for"
    assert "usage" not in assistants.get()["status"], "the day is not over"
    redis.end_the_day()

    def told() -> dict[str, object]:
        found: dict[str, object] = assistants.get()["status"].get("usage", {})
        return found

    used = eventually(told, "the status tells it")
    cost = Decimal(str(answers[0]["usage"]["cost"]))
    assert (used["requests"], used["cachedRequests"]) == (1, 2)
    assert (Decimal(str(used["usd"])), Decimal(str(used["savedUsd"]))) == (cost, 2 * cost)
    version = assistants.get()["metadata"]["resourceVersion"]
    assistants.ask_at(second, "Hello")
    table = CommandLine(assistants.plane, assistants.namespace, tmp_path).run("usage", "todo").stdout
    assert table.splitlines()[1].split()[-3:-1] == ["2", f"{(2 * cost).normalize():f}"]
    assert assistants.get()["metadata"]["resourceVersion"] == version, "what it saves today is told tomorrow"

"""The gateway is asked once, however many assistants want to know."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    KeyAccepted,
    KeyRefused,
    KnownKey,
    Unanswered,
)
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.openrouter.client import OpenRouter
from support.waiting import eventually_async

Key = tuple[str, str]


class Told(list[Key]):
    """The assistants that were told of a change."""

    def changed(self, keys: Iterable[Key]) -> None:
        self.extend(keys)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def gateway(openrouter: OpenRouter, told: Told) -> AsyncIterator[AskedGateway]:
    gateway = AskedGateway(openrouter, told.changed)
    tasks = [asyncio.create_task(run) for run in gateway.runs()]
    yield gateway
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks), "they run until they are cancelled"


def assistant(
    base_url: str, name: str, namespace: str = "shop", model: str = "openrouter/free", **gateway: int
) -> ChatAssistant:
    return ChatAssistant.parse(
        {
            "apiVersion": "chatassistant.dev/v1alpha1",
            "kind": "ChatAssistant",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": name,
                "generation": 1,
                "creationTimestamp": "2026-11-01T00:00:00Z",
            },
            "spec": {
                "gateway": {"baseURL": base_url, **gateway},
                "model": {"name": model},
                "credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}},
            },
        }
    )


async def test_two_hundred_assistants_cause_two_requests(
    stand_in: StandIn, gateway: AskedGateway, told: Told
) -> None:
    many = [assistant(stand_in.base_url, f"a{number}", timeoutSeconds=1 + number) for number in range(200)]
    accepted = ApiKey(known.ACCEPTED.token)

    for each in many:
        assert gateway.key(each, accepted, KnownKey()) is PENDING
        assert gateway.catalogue(each) is PENDING

    async def all_told() -> bool:
        return len(told) == 2 * len(many)

    await eventually_async(all_told, "each assistant is told of both answers")
    assert all(isinstance(gateway.key(each, accepted, KnownKey()), KeyAccepted) for each in many)
    assert all(isinstance(gateway.catalogue(each), Catalogue) for each in many)
    assert stand_in.requests == {"GET /key": 1, "GET /models": 1}


async def test_five_thousand_assistants_with_fifty_keys_cause_fifty_one_requests(
    stand_in: StandIn, gateway: AskedGateway, told: Told
) -> None:
    keys = [ApiKey(f"sk-or-v1-{number:064x}") for number in range(50)]
    for each in keys:
        stand_in.world.put_key({"token": each.reveal(), "name": each.reveal()[-4:]})
    models = [name for name in stand_in.world.models if stand_in.world.models[name].output == "text"][:20]
    many = [
        assistant(stand_in.base_url, f"a{number}", f"team{number % 50}", models[number % 20])
        for number in range(5000)
    ]
    for _ in range(2):
        for number, each in enumerate(many):
            gateway.key(each, keys[number % 50], KnownKey())
            gateway.catalogue(each)

    async def all_told() -> bool:
        return len(told) == 2 * len(many)

    await eventually_async(all_told, "each assistant is told of both answers")
    assert stand_in.requests == {"GET /key": 50, "GET /models": 1}
    assert all(
        isinstance(gateway.key(each, keys[n % 50], KnownKey()), KeyAccepted) for n, each in enumerate(many)
    )


async def test_a_refusal_and_a_failure_are_verdicts(
    stand_in: StandIn, gateway: AskedGateway, told: Told
) -> None:
    one = assistant(stand_in.base_url, "one")
    stand_in.faults.add(Fault(route="/models", error="free_models_per_day", headers={"Retry-After": "60"}))
    gateway.key(one, ApiKey(known.UNKNOWN.token), KnownKey())
    gateway.catalogue(one)

    async def both_told() -> bool:
        return len(told) == 2

    await eventually_async(both_told, "both answers come")
    assert gateway.key(one, ApiKey(known.UNKNOWN.token), KnownKey()) == KeyRefused(401, "User not found.")
    verdict = gateway.catalogue(one)
    assert isinstance(verdict, Unanswered)
    assert (verdict.cause, verdict.retry_after) == (Cause.RATE_LIMITED, 60)


async def test_another_key_is_another_question(stand_in: StandIn, gateway: AskedGateway, told: Told) -> None:
    one = assistant(stand_in.base_url, "one")
    gateway.key(one, ApiKey(known.UNKNOWN.token), KnownKey())

    async def first_told() -> bool:
        return len(told) == 1

    await eventually_async(first_told, "the first answer comes")
    assert gateway.key(one, ApiKey(known.ACCEPTED.token), KnownKey()) is PENDING, (
        "what is known of one says nothing of another"
    )

    async def second_told() -> bool:
        return len(told) == 2

    await eventually_async(second_told, "the second answer comes")
    assert isinstance(gateway.key(one, ApiKey(known.ACCEPTED.token), KnownKey()), KeyAccepted)

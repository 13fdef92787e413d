"""How often a gateway is asked over minutes and hours, whatever it answers; on a clock that skips waiting."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.observed.gateway import (
    Cause,
    KeyAccepted,
    KeyRefused,
    KeyVerdict,
    KnownKey,
    Unanswered,
)
from chatassistant_operator.observed.named import Absent
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.openrouter.errors import (
    GatewayError,
    OpenRouterError,
    RateLimitedError,
    UnreachableError,
)
from support.situations import GOOD, KEY, NOW, body
from unit.engine.virtual_time import now, virtual_time
from unit.openrouter.counting_gateway import Gateway, asking
from unit.world import World

MINUTE, HOUR = 60.0, 3600.0
TIMEOUT = 30.0
UNKNOWN = KnownKey()


def assistant(namespace: str, name: str, *, told: bool = False, **spec: Any) -> ChatAssistant:
    """A ChatAssistant; `told` has a status, as one that an operator finds when it starts anew."""
    manifest = body(**spec)
    manifest["metadata"] |= {"namespace": namespace, "name": name}
    if told:
        manifest["status"] = {"observedGeneration": 1}
    return ChatAssistant.parse(manifest)


def key(number: int) -> ApiKey:
    return ApiKey(f"sk-or-v1-{number:064x}")


def verdict(
    asked: AskedGateway, number: int, namespace: str | None = None, known: KnownKey = UNKNOWN
) -> KeyVerdict | None:
    """What is known of a key, asked by an assistant of its own."""
    subject = assistant(namespace or f"team{number}", f"a{number}")
    asked.catalogue(subject)
    return asked.key(subject, key(number), known)


def too_many(after: float | None) -> Callable[[], OpenRouterError]:
    return lambda: RateLimitedError("Slow down.", status=429, retry_after=after)


@pytest.mark.parametrize(
    ("fault", "recovers"),
    [
        (too_many(None), 10 * MINUTE),
        (too_many(1.0), 10 * MINUTE),
        (too_many(HOUR), 1.5 * HOUR),
        (lambda: GatewayError("Busy.", status=503), 10 * MINUTE),
    ],
    ids=["too many", "too many, for a second", "too many, for an hour", "busy"],
)
def test_a_gateway_that_is_down_or_wants_less_is_hardly_asked(
    fault: Callable[[], OpenRouterError], recovers: float
) -> None:
    @virtual_time
    async def story() -> None:
        gateway = Gateway()
        gateway.fault = fault
        async with asking(gateway) as asked:
            for number in range(50):
                verdict(asked, number)
            await asyncio.sleep(MINUTE)
            assert len(gateway.asked) < 10
            await asyncio.sleep(9 * MINUTE)
            assert len(gateway.asked) < 30
            assert all(isinstance(verdict(asked, number), Unanswered) for number in range(50))
            gateway.fault = None
            back = now()
            await asyncio.sleep(recovers)
            assert all(isinstance(verdict(asked, number), KeyAccepted) for number in range(50))
            assert min(gateway.since(back)) - back <= 5 * MINUTE, "it is tried now and then"
            assert not any(asked.down().values())

    story()


@virtual_time
async def test_one_teams_bogus_keys_do_not_delay_another_teams_good_one() -> None:
    gateway = Gateway()
    gateway.bogus = {key(number) for number in range(500)}
    async with asking(gateway) as asked:
        for number in range(500):
            verdict(asked, number, "many")
        await asyncio.sleep(15.0)
        assert verdict(asked, 1000, "few") is PENDING
        await asyncio.sleep(MINUTE)
        assert isinstance(verdict(asked, 1000, "few"), KeyAccepted)
        await asyncio.sleep(3 * MINUTE)
        assert all(isinstance(verdict(asked, number, "many"), KeyRefused) for number in range(500))
        assert Counter(int(at) for at, _ in gateway.asked).most_common(1)[0][1] <= 6, "5 a second, all in all"


@virtual_time
async def test_a_restart_spreads_what_it_asks() -> None:
    random.seed(7)
    gateway = Gateway()
    async with asking(gateway) as asked:
        for number in range(5000):
            subject = assistant(f"team{number % 50}", f"a{number}", told=True)
            assert asked.key(subject, key(number % 200), KnownKey(accepted=True, accepted_at=NOW)) is PENDING
            assert asked.catalogue(subject) is PENDING
        await asyncio.sleep(600.0)
        assert len(gateway.since(-1.0, "/key")) >= 200
        assert len(gateway.since(-1.0, "/models")) >= 1
        share = len(gateway.asked) * 10 / 600
        for begin in range(0, 600, 5):
            window = [at for at, _ in gateway.asked if begin <= at < begin + 10]
            assert len(window) <= 5 * share


@virtual_time
async def test_a_key_that_is_new_waits_for_no_spreading() -> None:
    gateway = Gateway()
    async with asking(gateway) as asked:
        subject = assistant("team", "a", told=True)
        asked.key(subject, key(1), UNKNOWN)
        await asyncio.sleep(2.0)
        assert isinstance(asked.key(subject, key(1), UNKNOWN), KeyAccepted)


@virtual_time
async def test_who_is_suspended_asks_nothing_and_who_has_no_secret_asks_of_no_key() -> None:
    gateway = Gateway()
    async with asking(gateway) as asked:
        it = World()
        it.gateway = asked
        await it.reconcile()
        await asyncio.sleep(5.0)
        await it.reconcile()
        assert it.deployment is not None
        await asyncio.sleep(HOUR)
        assert len(gateway.since(0.0, "/key")) >= 6, "it is asked again and again"

        it.see(credential=Absent())
        await it.reconcile()
        gone = now()
        await asyncio.sleep(HOUR)
        assert gateway.since(gone, "/key") == []

        it.see(credential=GOOD.credential)
        it.edit(suspend=True)
        await it.reconcile()
        suspended = now()
        await asyncio.sleep(HOUR)
        assert gateway.since(suspended) == []
        assert it.condition() == ("True", "Suspended")

        it.edit(suspend=False)
        await it.reconcile()
        await asyncio.sleep(5.0)
        assert gateway.since(suspended, "/key") != []


@virtual_time
async def test_who_is_gone_or_has_gone_to_another_gateway_asks_nothing() -> None:
    gateway = Gateway()
    async with asking(gateway) as asked:
        subject = assistant("team", "a")
        moved = assistant("team", "a", gateway={"baseURL": "https://gateway.example/v1"})
        for each in (subject, moved):
            asked.key(each, KEY, UNKNOWN)
            asked.catalogue(each)
            await asyncio.sleep(5.0)
        begin = len(gateway.asked)
        await asyncio.sleep(HOUR)
        assert 6 <= len(gateway.asked[begin:]) / 2 <= 9, "of one gateway only"
        asked.forget(("team", "a"))
        gone = now()
        await asyncio.sleep(HOUR)
        assert gateway.since(gone) == []


@virtual_time
async def test_a_black_hole_swallows_few_requests_and_is_told_of_after_the_timeout() -> None:
    gateway = Gateway()
    gateway.seconds = TIMEOUT
    gateway.fault = lambda: UnreachableError("It did not answer within 30 s.")
    async with asking(gateway) as asked:
        for number in range(50):
            assert verdict(asked, number) is PENDING
        await asyncio.sleep(TIMEOUT - 1.0)
        assert verdict(asked, 49) is PENDING
        assert gateway.most_under_way <= 9, "8 keys and the catalogue"
        await asyncio.sleep(5.0)
        verdicts = [verdict(asked, number) for number in range(50)]
        causes = {each.cause for each in verdicts if isinstance(each, Unanswered)}
        assert PENDING not in verdicts
        assert causes <= {Cause.UNREACHABLE, Cause.QUEUED}
        await asyncio.sleep(10 * MINUTE)
        assert len(gateway.asked) < 30
        assert {asked.key(assistant(f"team{n}", f"a{n}"), key(n), UNKNOWN) for n in range(50)} == {
            Unanswered(Cause.UNREACHABLE, "It did not answer within 30 s.")
        }


@virtual_time
async def test_an_outage_that_refuses_keys_is_doubted_for_minutes() -> None:
    gateway = Gateway()
    gateway.bogus = {key(1)}
    async with asking(gateway) as asked:
        before = KnownKey(accepted=True, accepted_at=NOW)
        verdict(asked, 1, known=before)
        for _ in range(3):
            await asyncio.sleep(50.0)
            told = verdict(asked, 1, known=before)
            assert isinstance(told, Unanswered)
            assert (told.cause, told.last_good) == (Cause.DOUBTFUL, NOW)
        await asyncio.sleep(2 * MINUTE)
        assert isinstance(verdict(asked, 1, known=before), KeyRefused)
        gateway.bogus = set()
        await asyncio.sleep(MINUTE)
        assert isinstance(verdict(asked, 1, known=before), KeyAccepted), "a refused key is asked each minute"


@virtual_time
async def test_a_gateway_that_lacks_a_list_is_not_down() -> None:
    gateway = Gateway()
    gateway.no_lists = True
    async with asking(gateway) as asked:
        subject = assistant("team", "a")
        for _ in range(10):
            asked.zero_retention(subject)
            asked.endpoints(subject, ("openai/gpt-5-mini",))
            await asyncio.sleep(MINUTE)
        assert not any(asked.down().values())
        assert isinstance(asked.zero_retention(subject), Unanswered)
        verdict(asked, 1)
        await asyncio.sleep(2.0)
        assert isinstance(verdict(asked, 1), KeyAccepted)

"""What is taken of an issuer's answers, and how its keys are kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import PyJWK

from chatassistant_chatbot.access import discovery
from chatassistant_chatbot.access.discovery import IssuerError, Key
from chatassistant_chatbot.access.keys import IssuerKeys, Pace
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.errors import CallerError
from support.certificates import self_signed
from support.issuer import CONFIGURATION, KEYS, Issuer, private_key, public_jwk
from support.waiting import eventually_async

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


def listed(*urls: str) -> Endpoints:
    return Endpoints("todo-chatbot", urls)


async def keys_of(issuer: Issuer, *others: str) -> tuple[Key, ...]:
    return await discovery.Issuer(issuer.url, listed(issuer.url, *others)).keys()


async def test_keys_of_an_issuer(issuer: Issuer) -> None:
    [key] = await keys_of(issuer)
    assert (key.kid, key.key.algorithm_name) == ("first", "ES256")


async def test_a_private_key_that_is_listed_by_mistake_is_not_taken_in(issuer: Issuer) -> None:
    issuer.jwks[0]["d"] = "AAAA"
    [key] = await keys_of(issuer)
    assert not hasattr(key.key.key, "private_numbers")


async def test_a_key_that_is_too_short_is_none(issuer: Issuer) -> None:
    issuer.jwks = [public_jwk(rsa.generate_private_key(65537, 1024), "RS256", kid="short")]  # noqa: S505 (so it is)
    with pytest.raises(IssuerError, match="no key that can be used"):
        await keys_of(issuer)


REDIRECT = (302, {"Location": "/elsewhere"}, b"")


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        (CONFIGURATION, (404, {}, b""), "answered 404"),
        (CONFIGURATION, (500, {}, b"{}"), "answered 500"),
        (CONFIGURATION, REDIRECT, "answered 302"),
        (KEYS, REDIRECT, "answered 302"),
        (CONFIGURATION, (200, JSON, b""), "no openid-configuration"),
        (CONFIGURATION, (200, JSON, b"<html>"), "no openid-configuration"),
        (CONFIGURATION, (200, JSON, b"[]"), "no openid-configuration"),
        (CONFIGURATION, (200, JSON, b"{}"), "no openid-configuration"),
        (CONFIGURATION, (200, JSON, b"[" * 100_000), "no openid-configuration"),
        (CONFIGURATION, (200, JSON, b" " * 600_000), "more than 512 KiB"),
        (KEYS, (200, JSON, b" " * 600_000), "more than 512 KiB"),
        (KEYS, (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"), "no set of keys"),
        (KEYS, (200, JSON, b'{"keys": 7}'), "no set of keys"),
        (KEYS, (200, JSON, b'{"keys": ["key"]}'), "no set of keys"),
        (KEYS, (200, JSON, b'{"keys": []}'), "no key that can be used"),
        (KEYS, (200, JSON, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}'), "no key that can be used"),
        (KEYS, (200, {"Content-Length": "9"}, b"{}"), "the connection failed"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
async def test_what_is_no_answer(
    issuer: Issuer, path: str, answer: tuple[int, Mapping[str, str], bytes], told: str
) -> None:
    issuer.answers[path] = answer
    with pytest.raises(IssuerError, match=told) as error:
        await keys_of(issuer)
    away = "Unreachable" if "500" in told or "failed" in told else "NotAnIssuer"
    assert error.value.problem == ("NoKeys" if "no key" in told else away)
    assert "/elsewhere" not in issuer.asked


def says(issuer: Issuer, configuration: Mapping[str, str]) -> None:
    content = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS, **configuration}
    issuer.answers[CONFIGURATION] = (200, JSON, json.dumps(content).encode())


@pytest.mark.parametrize("name", ["https://issuer.example", "", "{url}/", "{url}x"])
async def test_an_issuer_that_calls_itself_otherwise(issuer: Issuer, name: str) -> None:
    says(issuer, {"issuer": name.format(url=issuer.url)})
    with pytest.raises(IssuerError, match="names another issuer") as error:
        await keys_of(issuer)
    assert error.value.problem == "OtherIssuer"
    assert KEYS not in issuer.asked


async def test_keys_elsewhere_must_be_in_public(issuer: Issuer) -> None:
    elsewhere = Issuer()
    try:
        for uri, told in {
            elsewhere.url + KEYS: "not https",
            elsewhere.url.replace("http", "https") + KEYS: "may not be connected to",
            "https://localhost/keys": "may not be connected to",
            "https://169.254.169.254/latest": "may not be connected to",
            "https://[::ffff:127.0.0.1]/keys": "may not be connected to",
            "https://2130706433/keys": "the connection failed",
            "file:///etc/passwd": "not https",
            "https://[": "no URL",
        }.items():
            says(issuer, {"jwks_uri": uri})
            with pytest.raises(IssuerError, match=told):
                await keys_of(issuer, elsewhere.url)
        assert not elsewhere.asked
    finally:
        elsewhere.stop()


async def test_tls_is_verified_and_addresses_are_before(tmp_path: Path) -> None:
    issuer = Issuer(tls=self_signed(tmp_path))
    try:
        with pytest.raises(IssuerError, match="ClientConnectorCertificateError"):
            await keys_of(issuer)
        assert not issuer.asked
        with pytest.raises(IssuerError, match="may not be connected to"):
            await discovery.Issuer(issuer.url, listed()).keys()
    finally:
        issuer.stop()


class Listing:
    """An issuer that says what a test has put."""

    def __init__(self) -> None:
        self.answer: tuple[Key, ...] | None = None
        self.asked = 0

    async def keys(self) -> tuple[Key, ...]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is None:
            raise IssuerError("it is away")
        return self.answer


def key(kid: str | None) -> Key:
    return Key(kid, PyJWK(public_jwk(private_key("ES256"), "ES256"), "ES256"))


@asynccontextmanager
async def kept(listing: Listing, pace: Pace) -> AsyncIterator[IssuerKeys]:
    keys = IssuerKeys(listing, pace)
    keeping = asyncio.create_task(keys.keep())
    yield keys
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_keys_are_asked_for_again_in_the_background() -> None:
    listing = Listing()
    listing.answer = (key("first"),)
    async with kept(listing, Pace(refresh=0.02, window=3600)) as keys:
        assert await keys.find("first", "ES256") == listing.answer[0].key
        listing.answer = (key("second"),)

        async def withdrawn() -> bool:
            return keys._find("first", "ES256") is None

        await eventually_async(withdrawn, "the old key is gone")
        assert await keys.find("second", "ES256") == listing.answer[0].key


async def test_a_token_that_names_no_key_means_the_only_one_that_fits() -> None:
    listing = Listing()
    listing.answer = (key("first"),)
    async with kept(listing, Pace(window=0)) as keys:
        assert await keys.find(None, "ES256") == listing.answer[0].key
        assert await keys.find(None, "RS256") is None
        listing.answer = (key("first"), key("second"))
        assert await keys.find("second", "ES256") == listing.answer[1].key
        assert await keys.find(None, "ES256") is None


async def test_known_keys_are_used_for_a_bounded_time() -> None:
    listing = Listing()
    listing.answer = (key("first"),)
    async with kept(listing, Pace(refresh=0.02, first_pause=0.02, longest_pause=0.02, kept=0.5)) as keys:
        assert await keys.find("first", "ES256")
        listing.answer = None
        asked = listing.asked

        async def failing() -> bool:
            return listing.asked > asked + 2

        await eventually_async(failing, "the issuer is asked again and again")
        assert await keys.find("first", "ES256"), "it is used on"

        async def over() -> bool:
            try:
                return await keys.find("first", "ES256") is None
            except CallerError as error:
                return error.status == 503

        await eventually_async(over, "the time is over", timeout=3)


async def test_callers_have_the_issuer_asked_a_few_times_only() -> None:
    listing = Listing()
    listing.answer = (key("first"),)
    async with kept(listing, Pace(window=3600)) as keys:
        assert await keys.find("first", "ES256")
        found = await asyncio.gather(*(keys.find(f"forged {each}", "ES256") for each in range(1000)))
        assert set(found) == {None}
        assert listing.asked == 2, "all waited for the same answer"
        for each in range(1000):
            assert await keys.find(f"forged {each}", "ES256") is None
        assert listing.asked == 4
    async with kept(listing, Pace(window=0)) as keys:
        await keys.find("first", "ES256")
        listing.asked = 0
        for each in range(10):
            await keys.find(f"forged {each}", "ES256")
        assert listing.asked == 10, "when the time is over, they may again"


async def test_a_silent_issuer_is_left_alone_longer_and_longer() -> None:
    listing = Listing()
    async with kept(listing, Pace(first_pause=0.01, longest_pause=0.08, window=3600)) as keys:
        loop = asyncio.get_running_loop()
        times: list[float] = []

        async def asked(count: int) -> bool:
            return listing.asked >= count

        for count in range(2, 9):
            await eventually_async(lambda count=count: asked(count), "it is asked again")  # type: ignore[misc]
            times.append(loop.time())
        for each in range(100):
            with pytest.raises(CallerError) as refused:
                await keys.find(f"any {each}", "ES256")
            assert refused.value.status == 503
            assert int(refused.value.headers()["Retry-After"]) >= 1

"""Access by tokens of an OpenID Connect issuer: a real one over HTTP, and every wrong kind of token."""

import asyncio
import base64
import concurrent.futures
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from chatassistant_chatbot.access import Access, User
from chatassistant_chatbot.access.oidc import OidcAccess
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import load
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.issuer import AUDIENCE, CONFIGURATION, KEYS, SUBJECT, Issuer, private_key, public_jwk
from support.waiting import eventually

MODELS = "/v1/models"


def settings_of(issuer: Issuer) -> tuple[dict[str, Any], dict[str, str]]:
    """What a configuration says of an issuer, and the variable that lets its URL lead to this machine."""
    access = {"mode": "OIDC", "oidc": {"issuer": issuer.url, "audience": AUDIENCE}}
    return {"access": access}, {"CHATASSISTANT_ALLOWED_ENDPOINTS": json.dumps([issuer.url])}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def chatbot_of(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> Callable[..., Chatbot]:
    """Starts a chatbot that trusts an issuer."""

    def start(issuer: Issuer, **environment: str) -> Chatbot:
        content, allowed = settings_of(issuer)
        return start_chatbot(configuration(gateway.base_url, **content), **allowed, **environment)

    return start


@pytest.fixture(scope="module")
def trusted() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def trusting(
    trusted: Issuer, _gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chatbot]:
    content, allowed = settings_of(trusted)
    chatbot = Chatbot(
        tmp_path_factory.mktemp("trusting"), configuration(_gateway_process.base_url, **content), allowed
    )
    yield chatbot
    chatbot.stop()
    assert "Traceback" not in chatbot.log
    assert SUBJECT not in chatbot.log
    assert "eyJ" not in chatbot.log, "a token stands in the log"


def ask(chatbot: Chatbot, token: str) -> httpx.Response:
    return httpx.get(chatbot.url + MODELS, headers={"Authorization": f"Bearer {token}"}, timeout=15)


def assert_refused(response: httpx.Response, token: str, *words: str) -> None:
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (
        401,
        "invalid_token",
        "authentication_error",
    )
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="chatassistant", error="invalid_token"'
    assert [word for word in words if word not in error["message"]] == []
    told = response.text + str(response.headers)
    assert [part for part in token.split(".") if len(part) > 8 and part in told] == []
    assert SUBJECT not in told


def test_a_good_token(trusting: Chatbot, trusted: Issuer, gateway: GatewayProcess) -> None:
    token = trusted.token()
    assert ask(trusting, token).status_code == 200
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{trusting.url}/v1/chat/completions", json=HELLO, headers=headers).status_code == 200
    assert token not in str(gateway.log[-1])


def test_no_token_at_all(trusting: Chatbot) -> None:
    response = httpx.get(trusting.url + MODELS)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="chatassistant"'


# A place in a table that is the same whenever it is read: so many seconds from the test's own now.
def told(claims: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    moments = {
        each: now + int(value.total_seconds())
        for each, value in claims.items()
        if isinstance(value, timedelta)
    }
    return claims | moments


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [AUDIENCE]},
        {"aud": ["somebody", AUDIENCE]},
        {"nbf": None, "iat": None},
        {"nbf": timedelta(seconds=20), "iat": timedelta(seconds=20)},
        {"sub": "☃" * 100},
        {"sub": "\ud800"},
        {"anything": {"else": [1]}},
    ],
    ids=str,
)
def test_claims_that_do(trusting: Chatbot, trusted: Issuer, claims: dict[str, Any]) -> None:
    assert ask(trusting, trusted.token(**told(claims))).status_code == 200


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"exp": timedelta(seconds=-61)}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "JSON Web Token"),
        ({"exp": float("inf")}, "JSON Web Token"),
        ({"exp": float("nan")}, "JSON Web Token"),
        ({"exp": [4_102_444_800]}, "JSON Web Token"),
        ({"nbf": timedelta(days=1)}, "not valid yet"),
        ({"iat": timedelta(days=1)}, "not valid yet"),
        ({"iat": "x"}, "JSON Web Token"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "iss"),
        ({"iss": ["x"]}, "another issuer"),
        ({"aud": "somebody"}, "aud"),
        ({"aud": f"{AUDIENCE}s"}, "aud"),
        ({"aud": AUDIENCE.upper()}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": {AUDIENCE: 1}}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": {"a": 1}}, "sub"),
    ],
    ids=str,
)
def test_claims_that_do_not(trusting: Chatbot, trusted: Issuer, claims: dict[str, Any], word: str) -> None:
    algorithm, key = trusted.keys["first"]
    content = json.dumps(trusted.claims(**told(claims))).encode()
    token = jwt.PyJWS().encode(content, key, algorithm, {"kid": "first"})
    assert_refused(ask(trusting, token), token, word)


@pytest.mark.parametrize("slash", ["/", "/x", "?x", "#x"])
def test_an_issuer_is_compared_exactly(trusting: Chatbot, trusted: Issuer, slash: str) -> None:
    token = trusted.token(iss=trusted.url + slash)
    assert_refused(ask(trusting, token), token, "another issuer")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS256", "ES256"])
def test_a_token_without_a_signature(trusting: Chatbot, trusted: Issuer, algorithm: str) -> None:
    token = trusted.unsigned(algorithm)
    assert_refused(ask(trusting, token), token)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_what_everybody_may_read_is_no_secret(trusting: Chatbot, trusted: Issuer, algorithm: str) -> None:
    token = trusted.with_public_key_as_secret(algorithm=algorithm)
    assert_refused(ask(trusting, token), token, "alg must be one of")


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "EdDSA", "ES256K"])
def test_another_algorithm_than_the_key_is_for(trusting: Chatbot, trusted: Issuer, algorithm: str) -> None:
    token = jwt.encode(trusted.claims(), private_key(algorithm), algorithm, {"kid": "first"})
    assert_refused(ask(trusting, token), token)


def test_a_key_of_somebody_else(trusting: Chatbot, trusted: Issuer) -> None:
    token = jwt.encode(trusted.claims(), private_key("ES256"), "ES256", {"kid": "first"})
    assert_refused(ask(trusting, token), token, "wrong signature")


def test_a_token_that_was_changed(trusting: Chatbot, trusted: Issuer) -> None:
    header, claims, signature = trusted.token().split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"sub": "admin"}
    changed = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    assert_refused(ask(trusting, f"{header}.{changed}.{signature}"), changed, "wrong signature")


def test_keys_that_a_token_brings_along_are_not_looked_at(trusting: Chatbot, trusted: Issuer) -> None:
    key, elsewhere = private_key("ES256"), Issuer()
    try:
        jwk = public_jwk(key, "ES256", kid="first")
        elsewhere.jwks = [jwk]
        for headers in (
            {"jwk": jwk},
            {"jku": elsewhere.url + KEYS},
            {"x5u": elsewhere.url + KEYS},
            {"x5c": ["MIIB"], "x5t": "AAAA"},
            {"jwk": jwk, "kid": "theirs"},
            {"jku": elsewhere.url + KEYS, "kid": "theirs"},
            {"iss": elsewhere.url, "jku": elsewhere.url + KEYS},
        ):
            token = jwt.encode(trusted.claims(), key, "ES256", {"kid": "first", **headers})
            assert_refused(ask(trusting, token), token)
            beside = trusted.token(headers={**headers, "kid": "first"})
            assert ask(trusting, beside).status_code == 200, "they are no fault either"
        token = jwt.encode(trusted.claims(), key, "ES256", {"kid": "first", "crit": ["jwk"], "jwk": jwk})
        assert_refused(ask(trusting, token), token)
        assert not elsewhere.asked
    finally:
        elsewhere.stop()


@pytest.mark.parametrize(
    "kid",
    [
        "second",
        "",
        "../../../../dev/null",
        "/etc/passwd",
        "file:///dev/null",
        "https://evil.example/keys",
        "' OR '1'='1",
        "first\0",
        "First",
        "f" * 5000,
        7,
        None,
        ["first"],
        {"kid": "first"},
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_kid_is_a_name_and_nothing_else(trusting: Chatbot, trusted: Issuer, kid: Any) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "kid": kid}).encode()).rstrip(b"=").decode()
    claims = base64.urlsafe_b64encode(json.dumps(trusted.claims()).encode()).rstrip(b"=").decode()
    token = f"{header}.{claims}.{base64.urlsafe_b64encode(b's' * 64).rstrip(b'=').decode()}"
    assert_refused(ask(trusting, token), token)
    assert set(trusted.asked) == {CONFIGURATION, KEYS}


@pytest.mark.parametrize(
    "token",
    [
        "x",
        ".",
        "..",
        "...",
        "a.b.c",
        "eyJhbGciOiJFUzI1NiJ9",
        "eyJhbGciOiJFUzI1NiJ9.e30",
        "eyJhbGciOiJFUzI1NiJ9.e30.",
        "bnVsbA.bnVsbA.bnVsbA",
        "W10.W10.W10",
        base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.AAAA",
        "é.é.é",
        "a b c",
        "sk-or-v1-0123456789abcdef",
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_token(trusting: Chatbot, token: str) -> None:
    headers = httpx.Headers({"Authorization": f"Bearer {token}"}, encoding="utf-8")
    assert_refused(httpx.get(trusting.url + MODELS, headers=headers), token)


def test_a_huge_token(trusting: Chatbot, trusted: Issuer) -> None:
    token = trusted.token(much="x" * 6000)
    assert len(token) > 8192
    assert_refused(ask(trusting, token), token, "8192")
    assert ask(trusting, trusted.token(much="x" * 5000)).status_code == 200


ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def test_each_algorithm_with_the_keys_that_are_for_it(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    jwks = []
    for algorithm in ALGORITHMS:
        issuer.rotate(algorithm, algorithm)
        jwks += issuer.jwks
    issuer.rotate("unsaid", "RS256")
    del issuer.jwks[0]["alg"]
    others = [
        public_jwk(private_key("ES256K"), "ES256K", kid="curve"),
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "shared", "alg": "HS256"},
        {**jwks[0], "kid": "encrypts", "use": "enc"},
        {**jwks[0], "kid": "nameless alg", "alg": "none"},
        {"kid": "no kty"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "no point"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"},
        {"kty": "RSA", "n": 7, "e": [], "kid": "no text"},
    ]
    issuer.jwks += jwks + others
    chatbot = chatbot_of(issuer)
    for algorithm in ALGORITHMS:
        assert ask(chatbot, issuer.token(algorithm)).status_code == 200, algorithm
    issuer.keys["encrypts"] = issuer.keys["RS256"]
    for kid in ("unsaid", "encrypts"):
        assert ask(chatbot, issuer.token(kid)).status_code == (200 if kid == "unsaid" else 401)
    for algorithm in ("PS256", "RS512"):
        # The key's own word binds; where it says nothing, its type does.
        bound = jwt.encode(issuer.claims(), issuer.keys["RS256"][1], algorithm, {"kid": "RS256"})
        assert_refused(ask(chatbot, bound), bound, "does not list for its alg")
        free = jwt.encode(issuer.claims(), issuer.keys["unsaid"][1], algorithm, {"kid": "unsaid"})
        assert ask(chatbot, free).status_code == 200
    secret = jwt.encode(issuer.claims(), b"secretsecretsecretsecretsecretsecret", "HS256", {"kid": "shared"})
    assert_refused(ask(chatbot, secret), secret, "alg must be one of")


def test_a_token_that_names_no_key_is_checked_with_the_only_one(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    algorithm, key = issuer.keys["first"]
    del issuer.jwks[0]["kid"]
    chatbot = chatbot_of(issuer)
    assert ask(chatbot, jwt.encode(issuer.claims(), key, algorithm)).status_code == 200
    assert_refused(ask(chatbot, issuer.token()), issuer.token())


def test_new_keys_are_known_at_once_and_old_ones_forgotten(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    chatbot = chatbot_of(issuer)
    old = issuer.token()
    assert ask(chatbot, old).status_code == 200
    issuer.rotate("second", "RS256")
    assert ask(chatbot, old).status_code == 200, "nobody has told of the rotation yet"
    assert ask(chatbot, issuer.token("second")).status_code == 200
    assert_refused(ask(chatbot, old), old, "does not list")


def test_a_crowd_with_new_keys_has_the_issuer_asked_once(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    chatbot = chatbot_of(issuer)
    assert ask(chatbot, issuer.token()).status_code == 200
    asked = issuer.asked[KEYS]
    issuer.rotate("second")
    token = issuer.token("second")
    issuer.open.clear()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(ask, chatbot, token) for _ in range(20)]
        eventually(lambda: issuer.asked[CONFIGURATION] > asked, "the issuer is asked")
        issuer.open.set()
        assert {each.result().status_code for each in answers} == {200}
    assert issuer.asked[KEYS] == asked + 1


def test_made_up_keys_cause_no_storm(issuer: Issuer, chatbot_of: Callable[..., Chatbot]) -> None:
    chatbot = chatbot_of(issuer)
    assert ask(chatbot, issuer.token()).status_code == 200
    forger = private_key("ES256")
    tokens = [jwt.encode(issuer.claims(), forger, "ES256", {"kid": f"k{each}"}) for each in range(300)]
    with httpx.Client(base_url=chatbot.url) as http:
        answers = [http.get(MODELS, headers={"Authorization": f"Bearer {each}"}) for each in tokens]
    assert {each.status_code for each in answers} == {401}
    assert issuer.asked[KEYS] <= 4
    assert ask(chatbot, issuer.token()).status_code == 200


def test_while_the_issuer_is_away_known_keys_are_used(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    chatbot = chatbot_of(issuer)
    known = issuer.token()
    assert ask(chatbot, known).status_code == 200
    issuer.stop()
    issuer.rotate("second")
    unknown = ask(chatbot, issuer.token("second"))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (503, "access_unavailable")
    assert int(unknown.headers["Retry-After"]) >= 1
    assert ask(chatbot, known).status_code == 200
    assert_refused(ask(chatbot, issuer.token(exp=1)), known, "expired")
    assert chatbot.report["access"] == {"problem": "Unreachable", "admits": True}
    issuer.start()

    def known_now() -> bool:
        return ask(chatbot, issuer.token("second")).status_code == 200

    eventually(known_now, "the new key is known")
    assert chatbot.report["access"] == {"problem": None, "admits": True}


def test_before_any_key_is_known_nobody_is_called_a_forger(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    issuer.stop()
    chatbot = chatbot_of(issuer)
    response = ask(chatbot, issuer.token())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "access_unavailable")
    assert response.json()["error"]["type"] == "api_error"
    assert int(response.headers["Retry-After"]) >= 1
    assert "WWW-Authenticate" not in response.headers
    for nothing in ("x", issuer.unsigned(), issuer.with_public_key_as_secret()):
        assert_refused(ask(chatbot, nothing), nothing)
    assert httpx.get(chatbot.url + MODELS).status_code == 401
    assert httpx.get(f"{chatbot.health_url}/readyz").status_code == 200
    assert chatbot.report["access"] == {"problem": "Unreachable", "admits": False}
    issuer.start()
    eventually(lambda: ask(chatbot, issuer.token()).status_code == 200, "the keys are known")
    assert "the issuer does not tell its keys: the connection failed" in chatbot.log


def test_an_issuer_that_keeps_silent_keeps_nobody_for_long(
    issuer: Issuer, chatbot_of: Callable[..., Chatbot]
) -> None:
    issuer.open.clear()
    chatbot = chatbot_of(issuer)
    started = time.monotonic()
    assert ask(chatbot, issuer.token()).status_code == 503
    assert time.monotonic() - started < 12
    assert "no answer within 5 s" in chatbot.log


def test_an_issuer_of_this_machine_must_be_listed(
    issuer: Issuer, start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    content, _ = settings_of(issuer)
    chatbot = start_chatbot(configuration(gateway.base_url, **content))
    assert ask(chatbot, issuer.token()).status_code == 503
    assert "one of its URLs is not https" in chatbot.log
    assert chatbot.report["access"] == {"problem": "NotAllowed", "admits": False}
    assert not issuer.asked


async def admit(way: Access | OidcAccess, token: str) -> User:
    headers = [(b"authorization", b"Bearer " + token.encode())]
    return await way.admit(HTTPConnection({"type": "http", "client": ("192.0.2.1", 1), "headers": headers}))


def access_to(issuer: Issuer) -> Access:
    environment = {
        "OPENROUTER_API_KEY": "sk-or-v1-made-up",
        "ACCESS_MODE": "OIDC",
        "ACCESS_OIDC_ISSUER": issuer.url,
        "ACCESS_OIDC_AUDIENCE": AUDIENCE,
        "CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]',
    }
    settings = load(environment)
    return Access(settings, Endpoints("", settings.allowed_endpoints))


async def test_a_user_is_an_issuers_subject(issuer: Issuer) -> None:
    other = Issuer()
    way, elsewhere = access_to(issuer), access_to(other)
    keeping = [asyncio.create_task(each.keep()) for each in (way, elsewhere)]
    try:
        alice = await admit(way, issuer.token(sub="alice"))
        assert alice == await admit(way, issuer.token(sub="alice", email="x@y", exp=int(time.time()) + 60))
        assert alice != await admit(way, issuer.token(sub="bob"))
        assert alice != await admit(elsewhere, other.token(sub="alice"))
        assert "alice" not in alice.id
    finally:
        for each in keeping:
            each.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        other.stop()


@given(st.text(alphabet=st.characters(codec="latin-1")), st.binary(), st.dictionaries(st.text(), st.none()))
def test_whatever_is_shown_is_refused_and_breaks_nothing(text: str, signature: bytes, claims: Any) -> None:
    class Nobody:
        async def find(self, kid: str | None, algorithm: str) -> None:
            return None

    def segment(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    way = OidcAccess(load(environment_of_oidc()).configuration.access.oidc, Nobody())  # type: ignore[arg-type]
    header = json.dumps({"alg": "ES256", "kid": text}).encode()
    for token in (
        text,
        f"{segment(header)}.{segment(json.dumps(claims).encode())}.{segment(signature)}",
        f"{segment(signature)}.{segment(header)}.{text}",
    ):
        headers = [(b"authorization", b"Bearer " + token.encode("latin-1", "replace"))]
        with pytest.raises(CallerError) as refused:
            way.admit(HTTPConnection({"type": "http", "client": None, "headers": headers})).send(None)
        assert refused.value.status == 401


def environment_of_oidc() -> dict[str, str]:
    return {
        "OPENROUTER_API_KEY": "sk-or-v1-made-up",
        "ACCESS_MODE": "OIDC",
        "ACCESS_OIDC_ISSUER": "https://issuer.example",
        "ACCESS_OIDC_AUDIENCE": AUDIENCE,
    }


def test_it_starts_fast_and_small(issuer: Issuer, chatbot_of: Callable[..., Chatbot]) -> None:
    chatbot = chatbot_of(issuer)
    assert ask(chatbot, issuer.token()).status_code == 200
    process = psutil.Process(chatbot.process.pid)
    assert sum(process.cpu_times()[:2]) < 2
    assert process.memory_info().rss < 80 * 1024 * 1024


def test_who_needs_no_issuer_pays_for_none(tmp_path: Path) -> None:
    code = """
import sys
import chatassistant_chatbot.__main__
from chatassistant_chatbot.access import Access
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import load
Access(load({'OPENROUTER_API_KEY': 'x', 'ACCESS_TOKEN': 'x'}), Endpoints('', ()))
Access(load({'OPENROUTER_API_KEY': 'x'}), Endpoints('', ()))
sys.exit(len({'jwt', 'cryptography'} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""What an OpenID Connect issuer publishes: its configuration, and the keys with which it signs (JWKS)."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ValidationError

from chatassistant_chatbot.addresses import Endpoints, OutOfReachError, Reach, guarded_connector

_SECONDS: Final = 5.0
# How long nobody who signs in has it asked again: after an answer, and after none.
_KEPT_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 10.0
_LARGEST_DOCUMENT: Final = 512 * 1024
# Nothing compressed: a limit of size is one of what came.
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_MOST_KEYS: Final = 100
# Of an RSA modulus in base64url: 8,192 bits. Larger ones make each check slow.
_LONGEST_MEMBER: Final = 1366
_NAMES: Final = {"Configuration": "openid-configuration", "_KeySet": "set of keys (JWKS)"}
# Besides 500 and above: it is for another time.
_AWAY: Final = (408, 429)
_PUBLIC_MEMBERS: Final = ("kty", "crv", "n", "e", "x", "y")
_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# What a key can sign with, by its type and curve (RFC 7518, RFC 8037): never `none`, never a shared secret.
_ALGORITHMS: Final[Mapping[tuple[object, object], tuple[str, ...]]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS: Final = frozenset(name for names in _ALGORITHMS.values() for name in names)


class IssuerProblem(StrEnum):
    """What is wrong with an issuer, in a word."""

    UNREACHABLE = "Unreachable"
    """It gives no answer, or one that says it cannot answer now."""

    NOT_ALLOWED = "NotAllowed"
    """One of its URLs leads where nobody has allowed it to lead."""

    NOT_AN_ISSUER = "NotAnIssuer"
    """It answers otherwise than OpenID Connect Discovery 1.0 says."""

    OTHER_ISSUER = "OtherIssuer"
    """It calls itself by another URL."""

    NO_KEYS = "NoKeys"
    """It lists no key that can be used."""


class IssuerError(Exception):
    """An issuer does not say what it should; the text is ours and may be logged."""

    def __init__(self, message: str, problem: IssuerProblem = IssuerProblem.NOT_AN_ISSUER) -> None:
        super().__init__(message)
        self.problem = problem


class Configuration(BaseModel):
    """OpenID Connect Discovery 1.0, section 3: what is used of it; the endpoints by those who sign in only."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None


class _KeySet(BaseModel):
    """RFC 7517, section 5."""

    keys: tuple[dict[str, Any], ...]


_Document = TypeVar("_Document", bound=BaseModel)


class Key(NamedTuple):
    """A key for one algorithm; `kid` is the issuer's name for it."""

    kid: str | None
    key: PyJWK


class Issuer:
    """An issuer, over HTTP: with limits of time and size, no redirects, and only where its URL may lead."""

    def __init__(self, url: str, endpoints: Endpoints) -> None:
        self.url = url
        self._reach = endpoints.reach(url)
        self._one_at_a_time = asyncio.Lock()
        self._told: Configuration | IssuerError | None = None
        self._told_at = 0.0

    async def configuration(self) -> Configuration:
        """What it says of itself, or has said in the last minute: it is asked no more often, however many want to know.

        Raises:
            IssuerError: as `keys`.
        """
        async with self._one_at_a_time:
            kept = _KEPT_SECONDS if isinstance(self._told, Configuration) else _PAUSE_SECONDS
            if self._told is None or time.monotonic() - self._told_at > kept:
                return await self._ask(_deadline())
            if isinstance(self._told, IssuerError):
                raise IssuerError(str(self._told), self._told.problem)
            return self._told

    async def keys(self) -> tuple[Key, ...]:
        """The keys that it lists now, at least one.

        Raises:
            IssuerError: when it cannot be asked, or does not answer as OpenID Connect Discovery 1.0 says.
        """
        async with self._one_at_a_time:
            deadline = _deadline()
            configuration = await self._ask(deadline)
        content = await self._content(configuration.jwks_uri, deadline)
        keys = tuple(_keys(_read(_KeySet, content).keys))
        if not keys:
            raise IssuerError("its jwks_uri lists no key that can be used", IssuerProblem.NO_KEYS)
        return keys

    async def post(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the content with which it answers a form at one of its URLs.

        Raises:
            IssuerError: when it cannot be asked there.
        """
        return await self._exchange(url, _deadline(), form)

    async def _ask(self, deadline: float) -> Configuration:
        """What it says of itself now; also that it says nothing of use is remembered."""
        try:
            where = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
            configuration = self._own(_read(Configuration, await self._content(where, deadline)))
        except IssuerError as error:
            self._told = error
            raise
        finally:
            self._told_at = time.monotonic()
        self._told = configuration
        return configuration

    def _own(self, configuration: Configuration) -> Configuration:
        if configuration.issuer != self.url:
            raise IssuerError(
                "its openid-configuration names another issuer: access.oidc.issuer must be just "
                "what stands there, with or without a final slash",
                IssuerProblem.OTHER_ISSUER,
            )
        return configuration

    async def _content(self, url: str, deadline: float) -> bytes:
        """What is at one of its URLs."""
        status, content = await self._exchange(url, deadline)
        if status != 200:  # noqa: PLR2004 (HTTP's own)
            away = status in _AWAY or status >= 500  # noqa: PLR2004 (HTTP's own)
            raise IssuerError(
                f"it answered {status}", IssuerProblem.UNREACHABLE if away else IssuerProblem.NOT_AN_ISSUER
            )
        return content

    async def _exchange(
        self, url: str, deadline: float, form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """What it answers at one of its URLs, until a time of the loop's; nobody's cookie is kept."""
        try:
            # Elsewhere, nobody has allowed it anything.
            reach = self._reach if _origin(url) == _origin(self.url) else Reach.PUBLIC
        except ValueError:
            raise IssuerError("one of its URLs is no URL") from None
        if not url.startswith("https://") and reach == Reach.PUBLIC:
            raise IssuerError(
                "one of its URLs is not https, which only a Service or a listed URL may be",
                IssuerProblem.NOT_ALLOWED,
            )
        method, content = "GET" if form is None else "POST", bytearray()
        try:
            async with (
                asyncio.timeout_at(deadline),
                aiohttp.ClientSession(
                    connector=guarded_connector(reach),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                ) as session,
                session.request(method, url, data=form, allow_redirects=False, headers=_HEADERS) as response,
            ):
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > _LARGEST_DOCUMENT:
                        raise IssuerError(f"it answered with more than {_LARGEST_DOCUMENT // 1024} KiB")
        except TimeoutError:
            raise IssuerError(f"it gave no answer within {_SECONDS:g} s", IssuerProblem.UNREACHABLE) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failed(error) from None
        return response.status, bytes(content)


def _deadline() -> float:
    return asyncio.get_running_loop().time() + _SECONDS


def _read(kind: type[_Document], content: bytes) -> _Document:
    """A document of an issuer's."""
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        raise IssuerError(f"it answered with no {_NAMES[kind.__name__]}") from None


def _keys(listed: Iterable[Mapping[str, Any]]) -> Iterator[Key]:
    """The keys that can be used, once for each algorithm that they may be used with."""
    for each in itertools.islice(listed, _MOST_KEYS):
        if each.get("use", "sig") == "sig":
            yield from _key(each)


def _key(listed: Mapping[str, Any]) -> Iterator[Key]:
    kid = listed.get("kid")
    # Should an issuer list a private key by mistake, it is not taken in.
    public = {name: listed[name] for name in _PUBLIC_MEMBERS if name in listed}
    short = all(isinstance(each, str) and len(each) <= _LONGEST_MEMBER for each in public.values())
    if not short or not isinstance(kid, str | None):
        return
    for algorithm in _ALGORITHMS.get((public.get("kty"), public.get("crv")), ()):
        if listed.get("alg", algorithm) != algorithm:
            continue
        try:
            key = PyJWK(public, algorithm)
        except PyJWTError:
            continue
        if key.Algorithm.check_key_length(key.key) is None:
            yield Key(kid, key)


def _failed(error: Exception) -> IssuerError:
    cause = getattr(error, "os_error", None)
    if isinstance(cause, OutOfReachError):
        return IssuerError(
            f"{cause}; only Services of the own namespace and listed URLs may be at private ones",
            IssuerProblem.NOT_ALLOWED,
        )
    return IssuerError(f"the connection failed ({type(error).__name__})", IssuerProblem.UNREACHABLE)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()

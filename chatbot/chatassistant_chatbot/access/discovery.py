"""What an OpenID Connect issuer publishes: its configuration, and the keys with which it signs (JWKS)."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ValidationError

from chatassistant_chatbot.addresses import Endpoints, OutOfReachError, Reach, guarded_connector

_SECONDS: Final = 5.0
_LARGEST_DOCUMENT: Final = 512 * 1024
# Nothing compressed: a limit of size is one of what came.
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_MOST_KEYS: Final = 100
# Of an RSA modulus in base64url: 8,192 bits. Larger ones make each check slow.
_LONGEST_MEMBER: Final = 1366
_NAMES: Final = {"_Configuration": "openid-configuration", "_KeySet": "set of keys (JWKS)"}
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


class IssuerError(Exception):
    """An issuer does not say what its keys are; the text is ours and may be logged."""


class _Configuration(BaseModel):
    """OpenID Connect Discovery 1.0, section 3: what is used of it."""

    issuer: str
    jwks_uri: str


class _KeySet(BaseModel):
    """RFC 7517, section 5."""

    keys: tuple[dict[str, Any], ...]


class Key(NamedTuple):
    """A key for one algorithm; `kid` is the issuer's name for it."""

    kid: str | None
    key: PyJWK


class Issuer:
    """An issuer, over HTTP: with limits of time and size, no redirects, and only where its URL may lead."""

    def __init__(self, url: str, endpoints: Endpoints) -> None:
        self.url = url
        self._reach = endpoints.reach(url)

    async def keys(self) -> tuple[Key, ...]:
        """The keys that it lists now, at least one.

        Raises:
            IssuerError: when it cannot be asked, or does not answer as OpenID Connect Discovery 1.0 says.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                where = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
                configuration = _Configuration.model_validate_json(await _content(where, self._reach))
                if configuration.issuer != self.url:
                    raise IssuerError(
                        "its openid-configuration names another issuer: access.oidc.issuer must be just "
                        "what stands there, with or without a final slash"
                    )
                jwks_uri = configuration.jwks_uri
                # Elsewhere, nobody has allowed it anything.
                reach = self._reach if _origin(jwks_uri) == _origin(self.url) else Reach.PUBLIC
                key_set = _KeySet.model_validate_json(await _content(jwks_uri, reach))
        except TimeoutError:
            raise IssuerError(f"it gave no answer within {_SECONDS:g} s") from None
        except ValidationError as error:
            raise IssuerError(f"it answered with no {_NAMES[error.title]}") from None
        except ValueError:
            raise IssuerError("its jwks_uri is no URL") from None
        keys = tuple(_keys(key_set.keys))
        if not keys:
            raise IssuerError("its jwks_uri lists no key that can be used")
        return keys


async def _content(url: str, reach: Reach) -> bytes:
    """What is at a URL."""
    if not url.startswith("https://") and reach == Reach.PUBLIC:
        raise IssuerError("one of its URLs is not https, which only a Service or a listed URL may be")
    try:
        async with (
            aiohttp.ClientSession(
                connector=guarded_connector(reach), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.get(url, allow_redirects=False, headers=_HEADERS) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                raise IssuerError(f"it answered {response.status}")
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > _LARGEST_DOCUMENT:
                    raise IssuerError(f"it answered with more than {_LARGEST_DOCUMENT // 1024} KiB")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise IssuerError(_failed(error)) from None
    return bytes(content)


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


def _failed(error: Exception) -> str:
    cause = getattr(error, "os_error", None)
    if isinstance(cause, OutOfReachError):
        return f"{cause}; only Services of the own namespace and listed URLs may be at private ones"
    return f"the connection failed ({type(error).__name__})"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()

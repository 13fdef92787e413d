"""An OpenID Connect issuer over HTTP, with keys that change and tokens of every kind, right and wrong.

It runs in a thread of the test's own process, so that a test can change what it answers between two requests.
"""

import base64
import contextlib
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

CONFIGURATION: Final = "/.well-known/openid-configuration"
KEYS: Final = "/keys"
AUDIENCE: Final = "chatbot"
SUBJECT: Final = "mallory-or-alice"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def private_key(algorithm: str) -> PrivateKey:
    """A new key for an algorithm."""
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve] = {
        "ES256": ec.SECP256R1(),
        "ES384": ec.SECP384R1(),
        "ES512": ec.SECP521R1(),
        "ES256K": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[algorithm])


def public_jwk(key: PrivateKey, algorithm: str, **members: Any) -> dict[str, Any]:
    """A key as a JWKS lists it."""
    jwk: dict[str, Any] = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "use": "sig", "alg": algorithm, **members}


class Issuer:
    """A running issuer with one key, `kid` `first`.

    `answers` replaces what it answers at a path: status, headers, content. `asked` counts its requests by path.
    While `open` is not set, it keeps everybody waiting.
    """

    def __init__(self, algorithm: str = "ES256", tls: ssl.SSLContext | None = None) -> None:
        self.keys: dict[str, tuple[str, PrivateKey]] = {}
        self.jwks: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.asked: Counter[str] = Counter()
        self.open = threading.Event()
        self.open.set()
        self._tls = tls
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()
        self.rotate("first", algorithm)

    @property
    def url(self) -> str:
        """Its identifier, which is where it is asked."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Answer, at the same port as before."""
        self._server = server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._port = server.server_address[1]
        if self._tls:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Be unreachable."""
        if self._server is not None:
            self.open.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def rotate(self, kid: str, algorithm: str = "ES256", **members: Any) -> None:
        """Sign with a new key from now on, and list no other."""
        key = private_key(algorithm)
        self.keys[kid] = (algorithm, key)
        self.jwks = [public_jwk(key, algorithm, kid=kid, **members)]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token claims, with changes; None leaves a claim out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 300}
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def token(self, kid: str = "first", headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A token signed with a key of the issuer's."""
        algorithm, key = self.keys[kid]
        return jwt.encode(self.claims(**changes), key, algorithm, {"kid": kid, **(headers or {})})

    def unsigned(self, algorithm: str = "none") -> str:
        """A token with no signature at all."""
        header = _segment({"alg": algorithm, "typ": "JWT", "kid": "first"})
        return f"{header}.{_segment(self.claims())}."

    def with_public_key_as_secret(self, kid: str = "first", algorithm: str = "HS256") -> str:
        """A token whose secret is what everybody may read: the trick works where the token chooses the algorithm."""
        secret = (
            self.keys[kid][1]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        header = {"alg": algorithm, "typ": "JWT", "kid": kid}
        signed = f"{_segment(header)}.{_segment(self.claims())}"
        hmac = get_default_algorithms()[algorithm]
        signature = hmac.sign(signed.encode(), secret)
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked[self.path] += 1
                issuer.open.wait()
                status, headers, content = issuer._answer(self.path)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    # Whoever has read enough hangs up.
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
                pass

        return Handler

    def _answer(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        documents = {
            CONFIGURATION: {"issuer": self.url, "jwks_uri": self.url + KEYS},
            KEYS: {"keys": self.jwks},
        }
        if path in self.answers:
            return self.answers[path]
        if path not in documents:
            return 404, {}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(documents[path]).encode()


def _segment(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

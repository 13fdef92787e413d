"""An OpenID Connect issuer at which people sign in: the authorization code flow with PKCE (RFC 7636), as it should be."""

import base64
import hashlib
import json
import secrets
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from support.issuer import AUDIENCE, CONFIGURATION, Issuer


class SignInIssuer(Issuer):
    """Lets everybody in who comes to `/authorize`, as `subject`.

    Attributes:
        lifetime: How many seconds a token is good for.
        refuses: Whether people are sent back without a code.
        redeemed: The kinds of grants that were exchanged for tokens.
    """

    def __init__(self, subject: str = "alice") -> None:
        self.subject = subject
        self.lifetime = 300
        self.refuses = False
        self.redeemed: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: set[str] = set()
        super().__init__()
        endpoints = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
        configuration = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **endpoints}
        self.answers[CONFIGURATION] = 200, {}, json.dumps(configuration).encode()

    def authorize(self, query: dict[str, str]) -> str:
        """Where the user is sent back to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == AUDIENCE
        assert query["code_challenge_method"] == "S256"
        answer = {"state": query["state"]}
        if self.refuses:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_hex(8)
            self._codes[answer["code"]] = query
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The tokens for a grant; None when there are none for it."""
        if form["grant_type"] == "refresh_token":
            good = form["refresh_token"] in self._refresh_tokens
            self._refresh_tokens.discard(form["refresh_token"])
        else:
            asked = self._codes.pop(form["code"], {})
            challenge = hashlib.sha256(form["code_verifier"].encode()).digest()
            proof = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            good = asked.get("code_challenge") == proof and asked["redirect_uri"] == form["redirect_uri"]
        if not good:
            return None
        self.redeemed.append(form["grant_type"])
        refresh_token = secrets.token_hex(8)
        self._refresh_tokens.add(refresh_token)
        expires = self.claims()["iat"] + self.lifetime
        return {
            # Of no use to anybody but the issuer, as some issuers' are.
            "access_token": "opaque",
            "id_token": self.token(sub=self.subject, exp=expires),
            "refresh_token": refresh_token,
            "expires_in": self.lifetime,
            "token_type": "Bearer",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer, inherited = self, super()._handler()

        class Handler(inherited):  # type: ignore[misc,valid-type] (made for each issuer)
            def do_GET(self) -> None:  # noqa: N802 (http.server's name)
                parts = urlsplit(self.path)
                if parts.path != "/authorize":
                    super().do_GET()
                    return
                self.send_response(302)
                self.send_header("Location", issuer.authorize(_flat(parts.query)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:  # noqa: N802 (the same)
                issuer.asked[self.path] += 1
                issuer.open.wait()
                form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
                tokens = issuer.exchange(form)
                content = json.dumps(tokens or {"error": "invalid_grant"}).encode()
                self.send_response(200 if tokens else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}

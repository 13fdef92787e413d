"""Who may ask the assistant, and as whom."""

from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.anybody import AnybodyAccess
from chatassistant_chatbot.access.token import TokenAccess
from chatassistant_chatbot.access.users import User
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import Settings

if TYPE_CHECKING:
    from chatassistant_chatbot.access.keys import IssuerKeys
    from chatassistant_chatbot.access.sign_in import SignIn


class _Way(Protocol):
    async def admit(self, connection: HTTPConnection) -> User: ...


class Access:
    """The way in that the configuration names; `keep` has to run beside it.

    Attributes:
        sign_in: Where users get their tokens; None when tokens are no issuer's.
    """

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        access = settings.configuration.access
        self.sign_in: SignIn | None = None
        self._keys: IssuerKeys | None = None
        self._way: _Way
        if access.mode == "None":
            self._way = AnybodyAccess(settings.configuration.trusted_proxies)
        elif access.mode == "Token" and settings.access_token is not None:
            self._way = TokenAccess(settings.access_token)
        elif access.mode == "OIDC" and access.oidc is not None:
            # Only who needs it pays for it: cryptography takes memory and a part of the start.
            from chatassistant_chatbot.access import discovery, keys, oidc, sign_in  # noqa: PLC0415 (see above)

            issuer = discovery.Issuer(access.oidc.issuer, endpoints)
            self._keys = keys.IssuerKeys(issuer)
            self._way = oidc.OidcAccess(access.oidc, self._keys)
            self.sign_in = sign_in.SignIn(access.oidc, issuer)
        else:
            raise ValueError(f"access is by {access.mode}, and what that needs is missing")

    async def admit(self, connection: HTTPConnection) -> User:
        """The user who asks.

        Raises:
            CallerError: 401 for who may not ask, 503 when it cannot be told now.
        """
        return await self._way.admit(connection)

    def report(self) -> dict[str, Any]:
        """`access` in the report to the operator: what is wrong with the issuer, and whether anybody can be let in."""
        if self._keys is None:
            return {"problem": None, "admits": True}
        return {"problem": self._keys.problem, "admits": self._keys.known or self._keys.problem is None}

    async def keep(self) -> None:
        """Keep up what admitting needs; ends when that is nothing."""
        if self._keys is not None:
            await self._keys.keep()

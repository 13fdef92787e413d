"""Who may ask the assistant, and as whom."""

from typing import Protocol

from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.anybody import AnybodyAccess
from chatassistant_chatbot.access.token import TokenAccess
from chatassistant_chatbot.access.users import User
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import Settings


class _Way(Protocol):
    async def admit(self, connection: HTTPConnection) -> User: ...


class Access:
    """The way in that the configuration names; `keep` has to run beside it."""

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        access = settings.configuration.access
        self._keys = None
        self._way: _Way
        if access.mode == "None":
            self._way = AnybodyAccess(settings.configuration.trusted_proxies)
        elif access.mode == "Token" and settings.access_token is not None:
            self._way = TokenAccess(settings.access_token)
        elif access.mode == "OIDC" and access.oidc is not None:
            # Only who needs it pays for it: cryptography takes memory and a part of the start.
            from chatassistant_chatbot.access.discovery import Issuer  # noqa: PLC0415 (see above)
            from chatassistant_chatbot.access.keys import IssuerKeys  # noqa: PLC0415 (see above)
            from chatassistant_chatbot.access.oidc import OidcAccess  # noqa: PLC0415 (see above)

            self._keys = IssuerKeys(Issuer(access.oidc.issuer, endpoints))
            self._way = OidcAccess(access.oidc, self._keys)
        else:
            raise ValueError(f"access is by {access.mode}, and what that needs is missing")

    async def admit(self, connection: HTTPConnection) -> User:
        """The user who asks.

        Raises:
            CallerError: 401 for who may not ask, 503 when it cannot be told now.
        """
        return await self._way.admit(connection)

    async def keep(self) -> None:
        """Keep up what admitting needs; ends when that is nothing."""
        if self._keys is not None:
            await self._keys.keep()

"""Access by one token that all callers share."""

import hashlib
import hmac

from pydantic import SecretStr
from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.bearer import bearer_token, refused
from chatassistant_chatbot.access.users import User, user_of


class TokenAccess:
    """Lets in who shows the token: all of them are one user, also after the token was changed."""

    def __init__(self, token: SecretStr) -> None:
        self._digest = _digest(token.get_secret_value().encode())
        self._user = user_of("Token", "", "")

    async def admit(self, connection: HTTPConnection) -> User:
        """The one user.

        Raises:
            CallerError: 401 without the token; in a time that tells neither what it is nor how long.
        """
        # Headers are bytes, which Starlette reads as Latin-1.
        given = bearer_token(connection).encode("latin-1")
        if not hmac.compare_digest(_digest(given), self._digest):
            raise refused("The access token is not the one of this assistant.")
        return self._user


def _digest(token: bytes) -> bytes:
    return hashlib.blake2b(token).digest()

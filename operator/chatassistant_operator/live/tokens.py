"""Access tokens that the operator makes: drawn here, put into a Secret, and then known to nobody but who may read it."""

import base64
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import RefusedError
from chatassistant_operator.cluster.kinds import SECRET
from chatassistant_operator.cluster.ownership import NameTakenError, OwnerGoneError, create_child
from chatassistant_operator.live.children import turn_of
from chatassistant_operator.observed import Manifest

_TOKEN_BYTES: Final = 32


class LiveTokens:
    """Creates the Secrets on an API server.

    Args:
        client: The API server.
        owner_exists: Whether a ChatAssistant is still there.
    """

    def __init__(self, client: Client, owner_exists: Callable[[ChatAssistant], Awaitable[bool]]) -> None:
        self._client = client
        self._owner_exists = owner_exists

    async def make(self, assistant: ChatAssistant, secret: Manifest) -> Manifest:
        """Create the Secret with a fresh token; gives the live one, which may have been there before.

        Raises:
            Refused: when the name belongs to someone else, or the API server refuses it.
            AssistantGone: when nobody would own it.
        """
        full = with_token(secret)
        try:
            return await create_child(self._client, SECRET, full, lambda: self._owner_exists(assistant))
        except (NameTakenError, OwnerGoneError) as error:
            raise turn_of(error) from None
        except RefusedError as error:
            # An admission webhook may repeat what it was shown.
            raise turn_of(type(error)(_without(full, str(error)))) from None


def with_token(secret: Manifest) -> Manifest:
    """The Secret with a token of 256 random bits."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return {**secret, "data": {names.ACCESS_TOKEN: base64.b64encode(token.encode()).decode()}}


def _without(secret: Manifest, text: str) -> str:
    """A text with neither the token nor its Base64 form."""
    encoded: str = secret["data"][names.ACCESS_TOKEN]
    return text.replace(encoded, "***").replace(base64.b64decode(encoded).decode(), "***")

"""Access for everybody, told apart by address."""

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.clients import Network, origin_of
from chatassistant_chatbot.access.users import User, user_of


class AnybodyAccess:
    """Lets everybody in; a user is an address, as our own proxies tell it and nobody else."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = trusted_proxies

    async def admit(self, connection: HTTPConnection) -> User:
        """The user at the address from which the request came."""
        return user_of("None", "", origin_of(connection, self._trusted))

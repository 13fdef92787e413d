"""Access for everybody, told apart by address."""

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from chatassistant_chatbot.access.clients import Network, origin
from chatassistant_chatbot.access.users import User, user_of


class AnybodyAccess:
    """Lets everybody in; a user is an address, as our own proxies tell it and nobody else."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = trusted_proxies

    async def admit(self, connection: HTTPConnection) -> User:
        """The user at the address from which the request came."""
        peer = connection.client.host if connection.client else ""
        forwarded_for = ",".join(connection.headers.getlist("X-Forwarded-For"))
        return user_of("None", "", origin(peer, forwarded_for, self._trusted))

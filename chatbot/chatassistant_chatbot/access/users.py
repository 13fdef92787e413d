"""Who asks, as limits, caches and stores know them."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A user of the assistant.

    Attributes:
        id: 64 hexadecimal digits: the same for the same user on each replica and after a restart, fit for a store's
            key, and nothing that anybody reads a name or an address from.
    """

    id: str


def user_of(mode: str, issuer: str, subject: str) -> User:
    """The user whom an issuer calls by this subject; users of two modes or issuers are never the same one."""
    # Neither a mode nor an issuer's URL holds a NUL, so no other three give the same bytes.
    # JSON, in which subjects come, can hold halves of characters, which UTF-8 has no bytes for.
    content = f"{mode}\0{issuer}\0{subject}".encode(errors="surrogatepass")
    return User(hashlib.sha256(content).hexdigest())

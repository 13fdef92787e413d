"""How a token comes: `Authorization: Bearer …`, and how a caller is told that it did not (RFC 6750)."""

from typing import Final

from starlette.requests import HTTPConnection

from chatassistant_chatbot.errors import CallerError

_CHALLENGE: Final = 'Bearer realm="chatassistant"'


def bearer_token(connection: HTTPConnection) -> str:
    """The token that a request carries.

    Raises:
        CallerError: 401 when it carries none, or several.
    """
    given = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if len(given) > 1:
        raise refused("A request may have one Authorization header only.")
    # Headers are bytes, and any of them are characters of Latin-1.
    scheme, _, token = (given[0].decode("latin-1") if given else "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthorized(
            "This assistant wants an access token, as 'Authorization: Bearer <token>'.", _CHALLENGE
        )
    return token.strip()


def refused(message: str) -> CallerError:
    """The 401 for a token that was shown and does not do; the message says why, and never what it was."""
    return _unauthorized(message, f'{_CHALLENGE}, error="invalid_token"')


def _unauthorized(message: str, challenge: str) -> CallerError:
    headers = {"WWW-Authenticate": challenge}
    return CallerError(401, "invalid_token", message, type="authentication_error", headers=headers)

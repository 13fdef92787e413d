"""What is secret and so stands in no configuration file: keys, tokens, headers, the store's URL."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from chatassistant_chatbot.settings.configuration import Configuration
from chatassistant_chatbot.termination import StartError, Termination

KEY_VARIABLE: Final = "OPENROUTER_API_KEY"
KEY_FILE_VARIABLE: Final = "OPENROUTER_API_KEY_FILE"
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_REDIS: Final = ("redis://", "rediss://", "unix://")
# Who is asked for which database, and how TLS is checked. Others change how the store works, or what its answers are.
_REDIS_OPTIONS: Final = (
    "client_name", "db", "password", "username",
    "ssl_ca_certs", "ssl_ca_data", "ssl_ca_path", "ssl_certfile", "ssl_cert_reqs", "ssl_check_hostname", "ssl_keyfile",
)  # fmt: skip
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]+")


def trimmed(content: bytes) -> str:
    """A file's content as a key: `kubectl create secret --from-file` keeps a final newline."""
    return content.decode(errors="replace").strip()


def is_key(value: str) -> bool:
    """Whether it can be a key at all, and be sent in a header."""
    return _KEY.fullmatch(value) is not None


def key_file(environment: Mapping[str, str], configuration: Configuration) -> Path | None:
    """Where the key stands when it comes by file, None when it does not.

    Raises:
        StartError: when it should, and nobody says where.
    """
    if configuration.credentials.delivery == "Env":
        return None
    path = environment.get(KEY_FILE_VARIABLE)
    if not path:
        raise StartError(
            Termination.API_KEY_MISSING,
            f"{KEY_FILE_VARIABLE} is not set, but credentials.delivery is File: set it to the path of the key's file.",
        )
    return Path(path)


def api_key(environment: Mapping[str, str], path: Path | None) -> SecretStr:
    """The key at the start: from the file, when there is one, else from the environment.

    Raises:
        StartError: when there is none, or something that is none.
    """
    value, where = environment.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
    if path is not None:
        try:
            value, where = trimmed(path.read_bytes()), str(path)
        except OSError as error:
            raise StartError(
                Termination.API_KEY_MISSING,
                f"{path} cannot be read ({error.strerror}): {KEY_FILE_VARIABLE} must name the file with the API key.",
            ) from None
    if not value:
        raise StartError(
            Termination.API_KEY_MISSING,
            f"{where} is {'empty' if path else 'not set or empty'}: set it to a key of "
            "https://openrouter.ai/settings/keys.",
        )
    if not is_key(value):
        raise StartError(
            Termination.API_KEY_MALFORMED,
            f"{where} holds spaces or characters that no key has: set it to the key and nothing else.",
        )
    return SecretStr(value)


def access_token(environment: Mapping[str, str]) -> SecretStr:
    """The token that callers show.

    Raises:
        StartError: when there is none.
    """
    token = environment.get("ACCESS_TOKEN", "").strip()
    if not token:
        raise StartError(
            Termination.ACCESS_TOKEN_MISSING,
            "ACCESS_TOKEN is not set or empty, but access is by token: set it, or ACCESS_MODE=None or the file's access.mode.",
        )
    return SecretStr(token)


def store_url(environment: Mapping[str, str], configuration: Configuration) -> SecretStr | None:
    """The URL of the Redis, None when the store is none.

    Raises:
        StartError: when there is none, or something that is none.
    """
    if configuration.store.type == "Memory":
        return None
    url = environment.get("STORE_URL", "").strip()
    if not url:
        raise StartError(
            Termination.STORE_URL_MISSING,
            "STORE_URL is not set or empty, but store.type is Redis: set it to the URL of the Redis, "
            "or store.type to Memory.",
        )
    if not url.startswith(_REDIS):
        # A URL may hold a password, so nothing of it is told.
        raise StartError(
            Termination.CONFIGURATION_INVALID,
            f"STORE_URL is no URL of a Redis: it must begin with {', '.join(_REDIS[:-1])} or {_REDIS[-1]}.",
        )
    try:
        options = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    except ValueError:
        # The store says it, of whatever else is wrong too.
        options = set[str]()
    if not options <= {*_REDIS_OPTIONS}:
        raise StartError(
            Termination.CONFIGURATION_INVALID,
            f"STORE_URL has options besides {', '.join(_REDIS_OPTIONS)}: remove them. In user and password, characters "
            "such as ? and # are written as %3F and %23.",
        )
    return SecretStr(url)


def header_values(environment: Mapping[str, str], configuration: Configuration) -> dict[str, SecretStr]:
    """The values of the tool servers' headers, by their variables.

    Raises:
        StartError: when one is not set, or holds what no header can carry.
    """
    values: dict[str, SecretStr] = {}
    for server in configuration.tools.mcp_servers:
        for header in server.headers:
            value = environment.get(header.env, "").strip()
            if not _HEADER_VALUE.fullmatch(value):
                problem = "holds characters that no header has" if value else "is not set or empty"
                raise StartError(
                    Termination.CONFIGURATION_INVALID,
                    f"{header.env} {problem}: set it to the header {header.name} of the tool server {server.name}.",
                )
            values[header.env] = SecretStr(value)
    return values

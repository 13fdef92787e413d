"""The API key, as a type that cannot leak by being printed."""

import hashlib
import re
from typing import Final, final

_WELL_FORMED: Final = re.compile(r"sk-or-v1-[0-9a-f]{64}")
_OPENROUTER: Final = re.compile(r"sk-or-[\x21-\x7e]+")
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")


@final
class ApiKey:
    """A gateway's API key: compares and hashes by value, prints as `ApiKey(***)`.

    White space around the value is dropped: `kubectl create secret --from-file` keeps a final newline.
    """

    __slots__ = ("_binary", "_value")

    def __init__(self, value: str | bytes) -> None:
        self._binary = False
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                value, self._binary = "", True
        self._value = value.strip()

    def reveal(self) -> str:
        """The key itself, for an `Authorization` header and nothing else."""
        return self._value

    @property
    def flaw(self) -> str | None:
        """Why it cannot be in an HTTP header, as the end of a sentence, or None when it can."""
        if self._binary:
            return "is binary"
        if not self._value:
            return "is empty"
        return None if _SENDABLE.fullmatch(self._value) else "holds spaces or characters that no key has"

    @property
    def looks_like_openrouter(self) -> bool:
        """Whether it may be sent to OpenRouter at all; anything else may be some other service's secret."""
        return _OPENROUTER.fullmatch(self._value) is not None

    @property
    def fingerprint(self) -> str | None:
        """Twelve hexadecimal digits that tell two keys apart, or None.

        Only a key with 256 bits of chance in it gets one: of a guessable value it would be an oracle.
        """
        if _WELL_FORMED.fullmatch(self._value) is None:
            return None
        return hashlib.sha256(self._value.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and (other._value, other._binary) == (self._value, self._binary)

    def __hash__(self) -> int:
        return hash((ApiKey, self._value))

    def __repr__(self) -> str:
        return "ApiKey(***)"

"""Server-sent events (HTML standard, 9.2), cut where they end and otherwise left as they are. Pure."""

from typing import Final

from chatassistant_chatbot.errors import GatewayError

DONE: Final = b"[DONE]"
"""The data of OpenAI's mark for a stream that is complete."""

_LARGEST_EVENT: Final = 4 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def data_of(event: bytes) -> bytes:
    """What the `data:` lines of an event hold; nothing for a comment, and for an event that clients ignore."""
    if event.startswith(b"data:") and _is_one_line(event):
        return event[5:].strip()
    return b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")).strip()


def has_data(event: bytes) -> bool:
    """Whether it is more than a comment."""
    return bool(data_of(event))


def is_done(event: bytes) -> bool:
    """Whether it is the mark for a stream that is complete."""
    return DONE in event and data_of(event) == DONE


def is_comment(event: bytes) -> bool:
    """Whether it is one line of comment, and nothing that anybody could take for an event."""
    return event.startswith(b":") and _is_one_line(event)


def _is_one_line(content: bytes) -> bool:
    """Whether it is one line, and the empty line after it."""
    return 0 < content.find(b"\n") == len(content) - 2 and content.endswith(b"\n")


class Splitter:
    """Cuts a stream into its events and comments, however its bytes arrive and its lines end.

    Each comes out with its final empty line; every line ends in a line feed.
    """

    def __init__(self) -> None:
        self._begun = False
        self._after_return = False
        self._waiting: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """What is whole with these bytes.

        Raises:
            GatewayError: 502, for an event without end.
        """
        if self._after_return or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if self._begun and not self._waiting and _is_one_line(chunk):
            # As nearly all are: by far the fastest way.
            return [chunk]
        if b"\n\n" not in chunk and not (self._ends_in_line_feed() and chunk.startswith(b"\n")):
            self._keep(chunk)
            return []
        *events, rest = self._all(chunk).split(b"\n\n")
        self._keep(rest)
        # Where there were more empty lines than one, an event seems to begin with a line feed.
        return [event + b"\n\n" for each in events if (event := each.strip(b"\n"))]

    def end(self) -> list[bytes]:
        """What is whole when nothing follows: an event that no empty line ends is not, but for the mark."""
        rest = self._all(b"").strip(b"\n")
        return [rest + b"\n\n"] if is_done(rest) else []

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if self._after_return:
            chunk = chunk.removeprefix(b"\n")
        self._after_return = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _ends_in_line_feed(self) -> bool:
        return bool(self._waiting) and self._waiting[-1].endswith(b"\n")

    def _keep(self, chunk: bytes) -> None:
        if not chunk:
            return
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size > _LARGEST_EVENT:
            raise GatewayError(502, "it sent an event without end")

    def _all(self, chunk: bytes) -> bytes:
        """All that waits, and the chunk after it."""
        content = b"".join((*self._waiting, chunk)) if self._waiting else chunk
        self._waiting, self._size = [], 0
        if not self._begun:
            self._begun = True
            content = content.removeprefix(_BYTE_ORDER_MARK)
        return content

"""What a chat shows: answers on standard output as they are, everything else beside them."""

import sys
from typing import Final

from rich.console import Console

from chatassistant_operator.cli.caller import ToolNews

# A model's text may hold sequences that command a terminal; line ends and tabs are all that an answer needs.
_CONTROLS: Final = {
    code: None for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in "\n\t"
}


class Screen:
    """Answers go to standard output; to a terminal without control characters, else byte for byte.

    Notes go to standard error, and those that only tell of progress to nobody but a terminal.
    """

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._notes = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
        self._in_line = False

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads along."""
        return self._terminal and self._notes.is_terminal

    def show(self, piece: str | ToolNews) -> None:
        """A piece of an answer, or what becomes of a tool."""
        if isinstance(piece, ToolNews):
            if self._notes.is_terminal:
                self.end_line()
                self.note(f"[{piece.server} {piece.tool}: {piece.state}]")
            return
        text = piece.translate(_CONTROLS) if self._terminal else piece
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._in_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Go on in a line of its own."""
        if self._in_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._in_line = False

    def note(self, text: str) -> None:
        """Say something beside the answers."""
        self._notes.print(text, style="dim")

    def problem(self, text: str) -> None:
        """Say what went wrong."""
        self.end_line()
        self._notes.print(text, style="red")

    def count(self, text: str) -> None:
        """Say something in the place of what was said so before."""
        self._notes.file.write(f"\r\x1b[K{text}")
        self._notes.file.flush()

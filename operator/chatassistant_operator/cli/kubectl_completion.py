"""`kubectl_complete-assistant`, which kubectl asks what could follow in `kubectl assistant …`.

It prints a line for each: the word, a tab, what it means; and at last a number that says what the shell may add (cobra's
ShellCompDirective; kubectl's "Extend kubectl with plugins").
"""

import contextlib
import io
import os
import shlex
import sys
from typing import Final

from chatassistant_operator.cli import app

_NO_FILES: Final = ":4"


def main() -> None:
    """The console script; its arguments are those after `kubectl assistant`, the last one still incomplete."""
    os.environ |= {
        "_KUBECTL_ASSISTANT_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        # A word that is not begun yet is a space at the end.
        "_TYPER_COMPLETE_ARGS": shlex.join(["kubectl-assistant", *sys.argv[1:]]).removesuffix("''"),
    }
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        app(prog_name="kubectl-assistant")
    words = [line for line in told.getvalue().splitlines() if line]
    sys.stdout.write("\n".join([*words, _NO_FILES, ""]))

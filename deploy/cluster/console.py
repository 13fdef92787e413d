"""What a person reads, and how other programs are run."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ClusterError(Exception):
    """The cluster cannot be had as things are; the text says why, and the cure."""


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(
    *command: str | Path,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints.

    Raises:
        ClusterError: when it fails; with the end of its output.
    """
    words = [str(each) for each in command]
    done = subprocess.run(words, input=stdin, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise ClusterError(f"{_short(words)} failed:\n{(done.stdout + done.stderr)[-3000:].strip()}")
    return done


def eventually(is_so: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until something is so.

    Raises:
        ClusterError: when it is not within that time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ClusterError(f"Waited {seconds:.0f} s in vain until {what}.")
        time.sleep(0.2)


def _short(words: Sequence[str]) -> str:
    return " ".join([Path(words[0]).name, *words[1:]])[:200]

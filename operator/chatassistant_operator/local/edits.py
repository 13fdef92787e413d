"""Edits of manifest files, as they are made."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Final

from chatassistant_operator.local.documents import ManifestError, files
from chatassistant_operator.local.manifests import Manifests, load

# Files are looked at, and not watched: that also works on network drives, and for editors that put a new file in the
# place of the old one.
_SECONDS: Final = 0.25

State = tuple[tuple[str, int, int, int], ...]


async def edits(
    paths: Sequence[Path], broken: Callable[[ManifestError], None]
) -> AsyncGenerator[Manifests, None]:
    """The manifests of files or folders each time they have changed; `broken` is told of those that cannot be used.

    A change counts when nothing has changed for a quarter of a second: an editor may write a file in several steps.
    """
    taken = before = _state(paths)
    while True:
        await asyncio.sleep(_SECONDS)
        now = _state(paths)
        if now != taken and now == before:
            taken = now
            try:
                manifests = load(paths)
            except ManifestError as error:
                broken(error)
            else:
                yield manifests
        before = now


def _state(paths: Sequence[Path]) -> State:
    """What changes with every edit of a file."""
    found: list[tuple[str, int, int, int]] = []
    for path, _ in files(paths):
        try:
            facts = path.stat()
        except OSError:
            continue
        found.append((str(path), facts.st_ino, facts.st_mtime_ns, facts.st_size))
    return tuple(found)

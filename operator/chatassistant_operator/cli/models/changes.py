"""What has changed in a gateway's catalogue since it was last looked at, kept in the user's cache folder."""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from chatassistant_operator.observed.gateway import Model


class Remembered(BaseModel):
    """What is kept of a model; prices are in USD a token."""

    model_config = ConfigDict(frozen=True)

    prompt: Decimal | None
    completion: Decimal | None
    ends: date | None

    @classmethod
    def of(cls, model: Model) -> Self:
        """What is kept of a row."""
        return cls(prompt=model.prompt_price, completion=model.completion_price, ends=model.expiration_date)


class Snapshot(BaseModel):
    """A gateway's models at a time."""

    at: datetime
    models: dict[str, Remembered]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different now; each in order of the ids."""

    since: datetime
    added: tuple[str, ...]
    gone: tuple[str, ...]
    repriced: Mapping[str, tuple[Remembered, Remembered]]
    ending: Mapping[str, date]

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.repriced or self.ending)


def changes(before: Snapshot, now: Snapshot) -> Changes:
    """What is different; a model that has an end now and had none, or another one, is ending."""
    both = sorted(before.models.keys() & now.models.keys())
    pairs = {id_: (before.models[id_], now.models[id_]) for id_ in both}
    return Changes(
        since=before.at,
        added=tuple(sorted(now.models.keys() - before.models.keys())),
        gone=tuple(sorted(before.models.keys() - now.models.keys())),
        repriced={
            id_: (old, new)
            for id_, (old, new) in pairs.items()
            if (old.prompt, old.completion) != (new.prompt, new.completion)
        },
        ending={
            id_: new.ends
            for id_, (old, new) in pairs.items()
            if new.ends is not None and new.ends != old.ends
        },
    )


def exchange(gateway: str, now: Snapshot) -> Snapshot | None:
    """Keep what there is now; gives what was kept before, None where nothing readable was.

    A cache folder that cannot be written is no reason to fail: then there is nothing to compare with next time.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(gateway.rstrip("/").encode()).hexdigest()[:12]
    path = root / "kubectl-assistant" / f"models-{digest}.json"
    before: Snapshot | None = None
    with contextlib.suppress(OSError, ValidationError, UnicodeDecodeError):
        before = Snapshot.model_validate_json(path.read_text(encoding="utf-8"))
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also when two commands do it at once.
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(now.model_dump_json(), encoding="utf-8")
        new.replace(path)
    return before

"""What one stand-in knows while it runs: its keys and models, and what has become of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from chatassistant_operator.local.openrouter.keys import KeySituation
from chatassistant_operator.local.openrouter.models import ModelSituation
from chatassistant_operator.local.openrouter.situations import KEYS, MODELS

# They work on every id and stand in no catalogue (OpenRouter's FAQ on model variants).
_DYNAMIC_VARIANTS: Final = frozenset({"nitro", "floor", "exacto", "online"})
# Far below any price, far above what sums of prices are wrong by.
_DECIMALS: Final = 12


class World:
    """The keys by their token and the models by their id; as in `situations` until something changes them."""

    def __init__(self) -> None:
        self.keys: dict[str, KeySituation] = {}
        self.models: dict[str, ModelSituation] = {}
        self.reset()

    def reset(self) -> None:
        """Undo all changes."""
        self.keys = dict(KEYS)
        self.models = dict(MODELS)

    def put_key(self, fields: Mapping[str, Any]) -> None:
        """Change what is given of a key, by its token; a new one needs a `name`, too.

        Raises:
            pydantic.ValidationError: which names the field.
        """
        known = self.keys.get(str(fields.get("token")))
        key = replace(known, **fields) if known else KeySituation(**fields)
        self.keys[key.token] = key

    def put_model(self, fields: Mapping[str, Any]) -> None:
        """Change what is given of a model, by its id, or add one.

        Raises:
            pydantic.ValidationError: which names the field.
        """
        known = self.models.get(str(fields.get("id")))
        model = replace(known, **fields) if known else ModelSituation(**fields)
        self.models[model.id] = model

    def accepted(self, token: str) -> KeySituation | None:
        """The key, unless it is unknown or has expired."""
        key = self.keys.get(token)
        return key if key and key.lives(datetime.now(UTC)) else None

    def find(self, name: str) -> ModelSituation | None:
        """The model that an id means, dynamic variants looked through; None for one that was never there."""
        base, _, variant = name.partition(":")
        return self.models.get(name) or (self.models.get(base) if variant in _DYNAMIC_VARIANTS else None)

    def alive(self) -> list[ModelSituation]:
        """The models that have not ended."""
        return [each for each in self.models.values() if not each.ended]

    def spend(self, token: str, cost: float, *, free: bool) -> None:
        """Book a completion: its cost in USD on the key's own limit, or one of the day's free requests."""
        key = self.keys[token]
        if free:
            key = replace(key, free_requests_remaining=max(0, key.free_remaining - 1))
        if key.remaining is not None:
            key = replace(key, limit_remaining=round(max(0.0, key.remaining - cost), _DECIMALS))
        self.keys[token] = key

"""An answer that is on its way."""

from enum import Enum
from typing import Final


class Pending(Enum):
    """Asked for, and not answered yet: what was known before still holds."""

    PENDING = "pending"


PENDING: Final = Pending.PENDING

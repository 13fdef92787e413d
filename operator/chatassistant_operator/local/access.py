"""What a chatbot on this machine wants to be shown."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Manifest


@dataclass(frozen=True, slots=True)
class Access:
    """An access token, the Secret that it is in, and whether it was made for this run."""

    secret: str
    token: str = field(repr=False)
    made: bool

    @property
    def header(self) -> dict[str, str]:
        """The header that lets a caller in."""
        return {"Authorization": f"Bearer {self.token}"}


def access_of(assistant: ChatAssistant, secret: Callable[[str], Manifest | None]) -> Access | None:
    """What lets callers in; None where no token does.

    Args:
        assistant: The ChatAssistant.
        secret: Gives a Secret of its namespace.
    """
    access = assistant.spec.access
    if access.mode != "Token":
        return None
    ref = access.token_secret_ref
    name, entry = names.access_secret(assistant.metadata.name), names.ACCESS_TOKEN
    if ref is not None:
        name, entry = ref.name, ref.key
    encoded: str = (secret(name) or {}).get("data", {}).get(entry, "")
    # The chatbot drops white space around it, as an editor may leave it.
    token = base64.b64decode(encoded).decode(errors="replace").strip()
    return Access(name, token, made=access.token_is_generated)

"""What the operator may do with each kind: its Roles are made of this table, and it needs no more.

Secrets are never listed, watched, changed or deleted: whoever could list them could read them all.
"""

from collections.abc import Mapping
from typing import Final

from chatassistant_operator.cluster.kinds import (
    CHAT_ASSISTANT,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    LEASE,
    OCCASIONAL,
    POD,
    REPLICA_SET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)

_SEEN: Final = ("list", "watch")
# By its name when no informer knows it; applying an object that is not there yet is a `create` to the API server as well.
_KEPT: Final = (*_SEEN, "get", "create", "patch")
_REMOVED: Final = (*_KEPT, "delete")

RIGHTS: Final[Mapping[Kind, tuple[str, ...]]] = {
    CHAT_ASSISTANT: (*_SEEN, "get"),
    SERVICE_ACCOUNT: _KEPT,
    SERVICE: _KEPT,
    DEPLOYMENT: _KEPT,
    CONFIG_MAP: _REMOVED,
    **dict.fromkeys(OCCASIONAL, _REMOVED),
    REPLICA_SET: _SEEN,
    POD: _SEEN,
    SECRET: ("get", "create"),
    EVENT: ("create",),
    LEASE: ("get", "create", "update"),
}
"""Verbs on objects, by kind."""

STATUS: Final[Mapping[Kind, tuple[str, ...]]] = {CHAT_ASSISTANT: ("patch",)}
"""Verbs on the subresource `status`, by kind."""

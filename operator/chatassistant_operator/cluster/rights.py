"""What the operator may do with each kind: its Roles are made of this table, and it needs no more.

Secrets are never listed, watched, changed or deleted: whoever could list them could read them all.
"""

from collections.abc import Mapping
from typing import Final

from chatassistant_operator.cluster.kinds import (
    AUTOSCALER,
    CHAT_ASSISTANT,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    NETWORK_POLICY,
    POD,
    PROMETHEUS_RULE,
    REPLICA_SET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_MONITOR,
    Kind,
)

# Applying an object that is not there yet is a `create` to the API server as well.
_CHILD: Final = ("get", "list", "watch", "create", "patch", "delete")

RIGHTS: Final[Mapping[Kind, tuple[str, ...]]] = {
    CHAT_ASSISTANT: ("get", "list", "watch"),
    SERVICE_ACCOUNT: _CHILD,
    SERVICE: _CHILD,
    CONFIG_MAP: _CHILD,
    DEPLOYMENT: _CHILD,
    NETWORK_POLICY: _CHILD,
    INGRESS: _CHILD,
    AUTOSCALER: _CHILD,
    DISRUPTION_BUDGET: _CHILD,
    HTTP_ROUTE: _CHILD,
    SERVICE_MONITOR: _CHILD,
    PROMETHEUS_RULE: _CHILD,
    REPLICA_SET: ("get", "list", "watch"),
    POD: ("get", "list", "watch"),
    SECRET: ("get", "create"),
    EVENT: ("create",),
    LEASE: ("get", "create", "update"),
}
"""Verbs on objects, by kind."""

STATUS: Final[Mapping[Kind, tuple[str, ...]]] = {CHAT_ASSISTANT: ("patch",)}
"""Verbs on the subresource `status`, by kind."""

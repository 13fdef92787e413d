"""The Lease by which several operators agree on one, on an API server."""

from typing import Any

from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import NotFoundError
from chatassistant_operator.cluster.kinds import LEASE
from chatassistant_operator.observed import Manifest


class NotLeadingError(Exception):
    """This process must not write: it does not hold the Lease, or does not know that it still does."""

    retry_after = 1.0

    def __init__(self) -> None:
        super().__init__("this operator does not lead at the moment")


class LiveLease:
    """`leadership.Leases`: one Lease by its name."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name

    async def get(self) -> Manifest | None:
        """The Lease, or None when there is none."""
        try:
            return await self._client.get(LEASE, self._namespace, self._name)
        except NotFoundError:
            return None

    async def create(self, spec: dict[str, Any]) -> Manifest:
        """Create the Lease."""
        metadata = {"name": self._name, "namespace": self._namespace}
        lease = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata, "spec": spec}
        return await self._client.create(LEASE, lease)

    async def update(self, lease: Manifest) -> Manifest:
        """Replace the Lease of just this resourceVersion."""
        return await self._client.replace(LEASE, lease)

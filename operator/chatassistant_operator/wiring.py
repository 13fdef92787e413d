"""Puts the operator together. `kopf run -m chatassistant_operator.wiring` and `chatassistant-operator` both end here.

Kopf is the shell: login, startup and cleanup, the health endpoint, and the watch of the ChatAssistants; `running.py` has
the rest.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from chatassistant_operator import handlers
from chatassistant_operator.cluster.login import Access, LoginError, login
from chatassistant_operator.running import Engine
from chatassistant_operator.settings import Settings


class Operator:
    """The engine as Kopf's handlers see it: settings and credentials are read when Kopf starts, not on import."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._access: Access | None = None

    def login(self) -> kopf.AiohttpSession:
        """Kopf's own connection to the API server, which it closes itself."""
        access = self._login()
        return kopf.AiohttpSession(
            server=access.server, default_namespace=access.namespace, aiohttp_session=access.session()
        )

    async def start(self) -> None:
        """Begin to work."""
        engine = Engine(Settings(), self._login())
        try:
            await engine.start()
        except BaseException:
            await engine.stop()
            raise
        self._engine = engine

    async def stop(self) -> None:
        """Stop working."""
        if self._engine is not None:
            await self._engine.stop()

    def observe(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """A ChatAssistant was listed (no type), added, modified or deleted."""
        if self._engine is not None:
            self._engine.observe(event_type, body)

    def check_health(self) -> Mapping[str, float]:
        """Raises when this process should be started anew."""
        return self._engine.check_health() if self._engine is not None else {}

    def _login(self) -> Access:
        if self._access is None:
            try:
                self._access = login()
            except LoginError as error:
                raise kopf.PermanentError(str(error)) from None
        return self._access


handlers.register(kopf.get_default_registry(), Operator())

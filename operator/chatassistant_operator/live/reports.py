"""What pods tell of themselves at their metrics port, over HTTP."""

import logging
from typing import Annotated, Final

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from chatassistant_operator.observed.pods import Report, ToolServer

logger = logging.getLogger(__name__)

_SECONDS: Final = 2.0
_LARGEST: Final = 256 * 1024
_Word = Annotated[str, Field(max_length=128)]


class _Gateway(BaseModel):
    problem: _Word | None = None


class _Credentials(BaseModel):
    new_key_refused: Annotated[bool, Field(alias="newKeyRefused")] = False


class _Tools(BaseModel):
    server: _Word
    names: Annotated[list[_Word], Field(max_length=1000)] = []
    missing: Annotated[list[_Word], Field(max_length=1000)] = []
    problem: _Word | None = None


class _Report(BaseModel):
    gateway: _Gateway = _Gateway()
    credentials: _Credentials = _Credentials()
    tools: Annotated[list[_Tools], Field(max_length=64)] = []

    def facts(self) -> Report:
        return Report(
            problem=self.gateway.problem,
            new_key_refused=self.credentials.new_key_refused,
            tools=tuple(
                ToolServer(each.server, tuple(sorted(each.names)), tuple(sorted(each.missing)), each.problem)
                for each in self.tools
            ),
        )


class PodReports:
    """Reads reports; whoever made the session closes it.

    Args:
        session: Carries no credentials: what answers at a pod's address may be anything.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def read(self, url: str) -> Report | None:
        """The report at a URL, None when there is none or it is not understood."""
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                    return None
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > _LARGEST:
                        return None
            return _Report.model_validate_json(content).facts()
        except (TimeoutError, aiohttp.ClientError, ValidationError) as error:
            logger.debug("no report at %s: %s", url, type(error).__name__)
            return None

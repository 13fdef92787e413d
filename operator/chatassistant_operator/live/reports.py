"""What pods tell of themselves at their metrics port, over HTTP: `GET :9090/report`.

The answer is JSON; every part may be missing, and what is unknown is passed over. It says only what stands still while
nothing happens, since a report that differs from the one before is news:

    {
      "gateway": {"problem": "KeyRejected" | "InsufficientCredits" | "KeyLimitReached" | null},
      "credentials": {"newKeyRefused": false},
      "access": {               of the issuer of access tokens; `admits` is false while nobody can be let in
        "problem": "Unreachable" | "NotAllowed" | "NotAnIssuer" | "OtherIssuer" | "NoKeys" | null, "admits": true
      },
      "tools": [{"server": "wiki", "names": ["search"], "missing": [], "problem": null}],
      "usage": {
        "day": "2026-11-27",      the day (UTC) that it is for the pod
        "crossed": 0,             of budget.dailyUSD, today: 0, 50, 80 or 100, the highest percentage that is reached
        "shared": false,          true with the store Redis: all pods tell the same, and it is not added up
        "finished": {             the last day before `day` on which anything was asked; null when none is known
          "day": "2026-11-26", "requests": 3, "promptTokens": 120, "completionTokens": 45, "usd": "0.00012",
          "cachedRequests": 2, "savedUsd": "0.00008"
        }
      }
    }

`usd` and `savedUsd` are decimal strings, in USD, with at most 12 digits before and after the point.
"""

import logging
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import aiohttp
from pydantic import BaseModel, Field

from chatassistant_operator.observed.pods import DayUsage, Issuer, Report, ToolServer, Usage

logger = logging.getLogger(__name__)

_SECONDS: Final = 2.0
_LARGEST: Final = 256 * 1024
_Word = Annotated[str, Field(max_length=128)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Usd = Annotated[Decimal, Field(ge=0, max_digits=24, decimal_places=12)]


class _Gateway(BaseModel):
    problem: _Word | None = None


class _Credentials(BaseModel):
    new_key_refused: Annotated[bool, Field(alias="newKeyRefused")] = False


class _Access(BaseModel):
    problem: _Word | None = None
    admits: bool = True


class _Tools(BaseModel):
    server: _Word
    names: Annotated[list[_Word], Field(max_length=1000)] = []
    missing: Annotated[list[_Word], Field(max_length=1000)] = []
    problem: _Word | None = None


class _Day(BaseModel):
    day: date
    requests: _Count
    prompt_tokens: Annotated[_Count, Field(alias="promptTokens")]
    completion_tokens: Annotated[_Count, Field(alias="completionTokens")]
    usd: _Usd
    cached_requests: Annotated[_Count | None, Field(alias="cachedRequests")] = None
    saved_usd: Annotated[_Usd | None, Field(alias="savedUsd")] = None


class _Usage(BaseModel):
    day: date
    crossed: Literal[0, 50, 80, 100] = 0
    shared: bool = False
    finished: _Day | None = None

    def facts(self) -> Usage:
        finished = DayUsage(**self.finished.model_dump()) if self.finished else None
        return Usage(self.day, self.crossed, finished, self.shared)


class _Report(BaseModel):
    gateway: _Gateway = _Gateway()
    credentials: _Credentials = _Credentials()
    access: _Access = _Access()
    tools: Annotated[list[_Tools], Field(max_length=64)] = []
    usage: _Usage | None = None

    def facts(self) -> Report:
        return Report(
            problem=self.gateway.problem,
            new_key_refused=self.credentials.new_key_refused,
            tools=tuple(
                ToolServer(each.server, tuple(sorted(each.names)), tuple(sorted(each.missing)), each.problem)
                for each in self.tools
            ),
            usage=self.usage.facts() if self.usage else None,
            issuer=Issuer(self.access.problem, self.access.admits),
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
        except (OSError, ValueError, aiohttp.ClientError) as error:
            logger.debug("no report at %s: %s", url, type(error).__name__)
            return None

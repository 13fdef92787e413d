"""An event loop that skips waiting: an hour of timers passes at once, in the right order."""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import ParamSpec

P = ParamSpec("P")


# asyncio fires a timer a nanosecond early: who is woken so waits anew for the rest, and again, while no time passes.
_STANDSTILL, _NANOSECOND = 1000, 1e-9


class _SkippingSelector(selectors.SelectSelector):
    now = 0.0
    still = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and no timer is set: this would hang")
        self.still = 0 if timeout > _NANOSECOND else self.still + 1
        self.now += timeout if self.still < _STANDSTILL else _NANOSECOND
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Runs a test on such a loop. Sockets and threads do not work in it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(main())

    return run


def now() -> float:
    """The loop's time, as a clock to inject."""
    return asyncio.get_running_loop().time()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

"""What the log says of failures: each once, however often it is met."""

import logging


class FailureLog:
    """Logs a failure of a subject only when it differs from the subject's last one."""

    __slots__ = ("_last", "_logger")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._last: dict[str, str] = {}

    def report(self, subject: str, error: BaseException, delay: float) -> None:
        """Log a failure, and in how many seconds it is tried again.

        Failures of the network and those that carry a `retry_after` are foreseen and get one line; any other is
        a defect in the code and gets its traceback.
        """
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if self._last.get(subject) == text:
            return
        self._last[subject] = text
        foreseen = isinstance(error, OSError | TimeoutError) or hasattr(error, "retry_after")
        self._logger.warning(
            "%s: %s; next try in %.1f s",
            subject,
            text,
            delay,
            exc_info=None if foreseen else error,
        )

    def clear(self, subject: str) -> None:
        """The subject works: its next failure is news."""
        self._last.pop(subject, None)

"""`kubectl-assistant models`: which models there are, and which could do the job of another."""

from chatassistant_operator.cli.models.command import app

__all__ = ["app"]

"""`kubectl-assistant init`: from a key to a manifest that works."""

from chatassistant_operator.cli.init.command import init

__all__ = ["init"]

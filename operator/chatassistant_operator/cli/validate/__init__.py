"""`kubectl-assistant validate`: is a manifest right? With no cluster."""

from chatassistant_operator.cli.validate.command import validate

__all__ = ["validate"]

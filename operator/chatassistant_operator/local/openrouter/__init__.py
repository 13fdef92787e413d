"""A stand-in for OpenRouter, for the demo and for tests: the project's own model of how the real one behaves.

By hand: `python -m chatassistant_operator.local.openrouter --port 8081`. What it does names its source, a page or a
thread in which the real one was seen to do so.
"""

from chatassistant_operator.local.openrouter.faults import Fault
from chatassistant_operator.local.openrouter.server import StandIn

__all__ = ["Fault", "StandIn"]

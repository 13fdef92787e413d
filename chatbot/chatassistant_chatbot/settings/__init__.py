"""What the chatbot is told: by a configuration file from the operator, or by the environment when it runs by itself."""

from chatassistant_chatbot.settings.configuration import (
    Configuration,
    Gateway,
    McpServer,
    Model,
    Parameters,
    Provider,
)
from chatassistant_chatbot.settings.loading import Process, Settings, load

__all__ = [
    "Configuration",
    "Gateway",
    "McpServer",
    "Model",
    "Parameters",
    "Process",
    "Provider",
    "Settings",
    "load",
]

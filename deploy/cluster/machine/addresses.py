"""Who has which address. Only this machine reaches them."""

from typing import Final

NODE_NAME: Final = "chatassistant"
NAMESPACE: Final = "chatassistant"
INTERFACE: Final = "chatassistant0"
HOST: Final = "10.245.0.1"
NODE: Final = "10.245.0.2"
LINK_PREFIX: Final = 30
PODS: Final = "10.244.0.0/24"
SERVICES: Final = "10.96.0.0/16"
DNS: Final = "10.96.0.10"
API_PORT: Final = 6443
API_SERVER: Final = f"https://{NODE}:{API_PORT}"

"""The operator's settings, all from the environment."""

import argparse
from importlib.metadata import version
from typing import Annotated, Final, Literal

from pydantic import Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatassistant_operator.api.policy import BUNDLED_IMAGE, Policy
from chatassistant_operator.observed import Defaults

PREFIX: Final = "CHATASSISTANT_"


class Settings(BaseSettings):
    """Every setting is an environment variable: the prefix `CHATASSISTANT_`, `__` between levels, JSON for lists."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    namespaces: tuple[str, ...] = ()
    """The namespaces to watch, as a JSON list; empty for all."""

    policy: Policy = Policy()
    """What the authors of ChatAssistants may ask for, for example CHATASSISTANT_POLICY__ALLOWED_GATEWAYS."""

    chatbot_image: str = f"{BUNDLED_IMAGE}:{version('chatassistant')}"
    """The image of assistants that name none."""

    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """The networks of the proxies before chatbots, as a JSON list of CIDRs: only their X-Forwarded-For is believed, by
    which access.mode None tells users apart."""

    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """How many ChatAssistants are reconciled at a time; each makes one request at a time."""

    leader_election: bool = True
    """Whether several operators agree on one that writes, by a Lease."""

    lease_name: str = "chatassistant-operator"
    """The name of that Lease."""

    lease_namespace: str | None = None
    """The namespace of that Lease; the operator's own when not set."""

    health_host: str = "0.0.0.0"  # noqa: S104 (the kubelet probes the pod's address)
    """The address on which the health endpoint listens."""

    health_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port of the health endpoint `/healthz`; 0 for none."""

    metrics_host: str = "0.0.0.0"  # noqa: S104 (Prometheus reads the pod's address)
    """The address on which `/metrics` and `/readyz` listen."""

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    """The port of `/metrics` and `/readyz`; 0 for none."""

    log_format: Literal["json", "text"] = "json"
    """How log lines look."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""

    secret_interval_seconds: Annotated[float, Field(ge=1)] = 60.0
    """How often a referenced Secret or ConfigMap is read again."""

    report_interval_seconds: Annotated[float, Field(ge=1)] = 30.0
    """How often each pod is asked what it met: whether tool servers answer, and what the gateway said of the key."""

    audit_interval_seconds: Annotated[float, Field(ge=10)] = 300.0
    """How often the list of ChatAssistants is compared with what is known, for what a watch may have missed."""

    @property
    def defaults(self) -> Defaults:
        """What assistants get that do not say otherwise."""
        return Defaults(self.chatbot_image, tuple(map(str, self.trusted_proxies)))


def parse_arguments(arguments: list[str] | None = None) -> None:
    """Answer `--help` with every setting; there are no other arguments.

    Raises:
        SystemExit: after `--help`, or for an argument that does not exist.
    """
    parser = argparse.ArgumentParser(
        prog="chatassistant-operator",
        description="Reconciles ChatAssistants into running chatbots. It is set by environment variables only:",
        epilog=_describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("chatassistant"))
    parser.parse_args(arguments)


def _describe() -> str:
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        if name == "policy":
            for entry, inner in Policy.model_fields.items():
                lines += _entry(f"policy__{entry}", inner.description, list(inner.get_default()))
        else:
            lines += _entry(name, field.description, field.get_default())
    return "\n".join(lines)


def _entry(name: str, description: str | None, default: object) -> list[str]:
    return [f"  {PREFIX}{name.upper()}", f"      {description} Default: {default!r}."]

"""The operator's settings, all from the environment."""

import argparse
import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatassistant_operator.api.policy import BUNDLED_IMAGE, Policy
from chatassistant_operator.observed import Defaults

PREFIX: Final = "CHATASSISTANT_"
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_LARGEST_BUNDLE: Final = 384 * 1024


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

    https_proxy: str | None = None
    """The proxy by which chatbots reach gateways at https URLs, such as http://proxy.example.com:3128; none when not set. The
    operator itself heeds HTTPS_PROXY and NO_PROXY."""

    no_proxy: str = "localhost,127.0.0.1,.svc,.cluster.local"
    """The hosts that chatbots reach without the proxy, separated by commas; `.svc` stands for all below svc."""

    ca_file: Path | None = None
    """A file of certificates, as PEM, by which chatbots know gateways, tool servers and issuers whom the image's own
    certificates do not vouch for; none when not set. The operator itself heeds SSL_CERT_FILE."""

    metrics_namespaces: tuple[str, ...] = ()
    """The namespaces, as a JSON list, from which the metrics of chatbots may be read, beside the operator's own: where
    Prometheus is."""

    egress: tuple[IPvAnyNetwork, ...] = ()
    """The networks that every chatbot may reach, at any port, as a JSON list of CIDRs: such as a gateway's or a proxy's at a
    private address, since a NetworkPolicy knows no host names."""

    monitoring_labels: dict[str, str] = {}
    """Labels on ServiceMonitors and PrometheusRules, as a JSON object, by which a Prometheus selects them."""

    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """How many ChatAssistants are reconciled at a time; each makes one request at a time."""

    max_concurrent_rollouts: Annotated[int, Field(ge=1)] = 10
    """How many assistants' pods may roll at a time where no author asked for it, as after an upgrade of the operator; what
    authors change, be it a spec, its prompt or a Secret, never waits."""

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

    @field_validator("https_proxy")
    @classmethod
    def _is_plain(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
                raise ValueError(
                    "must be an http or https URL with no user: pods show it to whoever may see them"
                )
        return url

    @field_validator("ca_file")
    @classmethod
    def _has_certificates(cls, file: Path | None) -> Path | None:
        if file is not None:
            _certificates(file)
        return file

    @property
    def defaults(self) -> Defaults:
        """What assistants get that do not say otherwise, where the operator is in no cluster."""
        return self.defaults_in(None)

    def defaults_in(self, namespace: str | None) -> Defaults:
        """What assistants get that do not say otherwise; `namespace` is the operator's own."""
        metrics = (*self.metrics_namespaces, *([namespace] if namespace else []))
        proxy = {"HTTPS_PROXY": self.https_proxy, "NO_PROXY": self.no_proxy} if self.https_proxy else {}
        return Defaults(
            self.chatbot_image,
            tuple(map(str, self.trusted_proxies)),
            environment={name: value for name, value in proxy.items() if value},
            ca_bundle=_certificates(self.ca_file) if self.ca_file else None,
            metrics_namespaces=tuple(sorted(set(metrics))),
            egress=tuple(map(str, self.egress)),
            monitoring_labels=self.monitoring_labels,
        )


def _certificates(file: Path) -> str:
    """The certificates in a file, and no key that may be there: they are put into ConfigMaps.

    Raises:
        ValueError: when it cannot be read, has no certificate, or more than fits beside a configuration.
    """
    try:
        found = _CERTIFICATE.findall(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from None
    text = "".join(f"{each}\n" for each in found)
    if not found:
        raise ValueError(f"{file} has no certificate in PEM")
    if len(text) > _LARGEST_BUNDLE:
        raise ValueError(
            f"{file} has {len(text)} characters, of which {_LARGEST_BUNDLE} fit beside a configuration"
        )
    return text


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

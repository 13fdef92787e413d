"""Settings that a mistake in would be met by chatbots only: they are refused when the operator starts."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from chatassistant_operator.api.policy import Policy
from chatassistant_operator.settings import Settings

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("", "no certificate"),
        (KEY, "no certificate"),
        (CERTIFICATE * 8000, "fit beside a configuration"),
    ],
)
def test_a_file_without_certificates_is_refused(text: str | None, told: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError, match=told):
        Settings(ca_file=file)


def test_only_certificates_are_handed_to_chatbots(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(f"# A comment\n{CERTIFICATE}{KEY}{CERTIFICATE}", encoding="utf-8")
    assert Settings(ca_file=file).defaults.ca_bundle == CERTIFICATE * 2


@pytest.mark.parametrize("url", ["proxy:3128", "http://user:word@proxy:3128", "socks5://proxy", "http://"])
def test_a_proxy_that_pods_could_not_use_or_should_not_show_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="http or https URL with no user") as refusal:
        Settings(https_proxy=url)
    assert "word" not in str(refusal.value)


def test_there_is_no_environment_without_a_proxy() -> None:
    assert Settings().defaults.environment == {}
    environment = Settings(https_proxy="http://proxy:3128").defaults.environment
    assert environment.keys() == {"HTTPS_PROXY", "NO_PROXY"}


def test_metrics_are_for_the_operators_namespace_and_those_that_are_named() -> None:
    settings = Settings(metrics_namespaces=("monitoring",))
    assert settings.defaults_in("system").metrics_namespaces == ("monitoring", "system")


@pytest.mark.parametrize(
    ("allowed", "cidr", "allows"),
    [
        ((), "10.0.0.0/24", False),
        (("*",), "0.0.0.0/0", True),
        (("10.0.0.0/8",), "10.1.2.0/24", True),
        (("10.0.0.0/8",), "10.0.0.0/8", True),
        (("10.0.0.0/8",), "0.0.0.0/0", False),
        (("10.0.0.0/8",), "::ffff:10.0.0.0/104", False),
        (("fd00::/8", "10.0.0.0/8"), "fd00:1::/32", True),
        (("::/0",), "10.0.0.0/8", False),
    ],
)
def test_a_part_of_an_allowed_range_is_allowed(allowed: tuple[str, ...], cidr: str, allows: bool) -> None:
    assert Policy(allowed_egress=allowed).allows_egress(cidr) is allows


def test_a_policy_with_no_range_is_refused() -> None:
    with pytest.raises(ValidationError):
        Policy(allowed_egress=("10.0.0.1/8",))


@pytest.mark.parametrize(
    ("allowed", "host", "allows"),
    [
        (("*",), "a.example.com", True),
        (("*",), "*", True),
        (("a.example.com",), "a.example.com", True),
        (("a.example.com",), "b.example.com", False),
        (("*.example.com",), "a.example.com", True),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "aexample.com", False),
        (("*.example.com",), "*", False),
        ((), "a.example.com", False),
    ],
)
def test_hosts(allowed: tuple[str, ...], host: str, allows: bool) -> None:
    assert Policy(allowed_hosts=allowed).allows_host(host) is allows

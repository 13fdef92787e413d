"""How the settings are read: from a file of the operator's, or from the environment when the chatbot runs by itself."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from chatassistant_chatbot.settings import secrets
from chatassistant_chatbot.settings.configuration import OPENROUTER, Configuration
from chatassistant_chatbot.termination import StartError, Termination

CONFIG_VARIABLE: Final = "CHATASSISTANT_CONFIG"
ENDPOINTS_VARIABLE: Final = "CHATASSISTANT_ALLOWED_ENDPOINTS"


def _listed(value: object) -> object:
    """What a variable lists, between commas."""
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


class Process(BaseModel):
    """What belongs to this process and not to the assistant; each field is a variable of the environment."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 25.0
    # By which names this machine's own chatbot may be called, besides localhost.
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it.

    Attributes:
        api_key: The key at the start.
        api_key_file: Where a newer one will stand, None when the key never changes.
        access_token: What callers show, None when anybody may ask.
        header_values: The values of the tool servers' headers, by the variables that the configuration names.
        store_url: Of the Redis, None when the store is this process's memory.
        allowed_endpoints: URLs that may lead to private addresses and to this machine; `*` stands for all.
    """

    configuration: Configuration
    process: Process
    api_key: SecretStr
    api_key_file: Path | None
    access_token: SecretStr | None
    header_values: Mapping[str, SecretStr]
    store_url: SecretStr | None = None
    allowed_endpoints: tuple[str, ...] = ()


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        StartError: with what is missing or wrong; never with a value.
    """
    path = environment.get(CONFIG_VARIABLE)
    configuration = _from_file(Path(path)) if path else _from_environment(environment)
    key_file = secrets.key_file(environment, configuration)
    return Settings(
        configuration=configuration,
        process=_process(environment),
        api_key=secrets.api_key(environment, key_file),
        api_key_file=key_file,
        access_token=secrets.access_token(environment) if configuration.access.mode == "Token" else None,
        header_values=secrets.header_values(environment, configuration),
        store_url=secrets.store_url(environment, configuration),
        allowed_endpoints=_allowed_endpoints(environment),
    )


def _from_file(path: Path) -> Configuration:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StartError(
            Termination.CONFIGURATION_MISSING,
            f"{path} cannot be read ({error.strerror}): {CONFIG_VARIABLE} must name the configuration file.",
        ) from None
    try:
        return Configuration.model_validate_json(content)
    except ValidationError as error:
        field, problem = _first_problem(error)
        where = f"{path}: {'.'.join(field)}" if field else str(path)
        raise _invalid(f"{where}: {problem}; correct it in the file.") from None


def _from_environment(environment: Mapping[str, str]) -> Configuration:
    access: dict[str, Any] = {
        "mode": environment.get("ACCESS_MODE") or ("Token" if environment.get("ACCESS_TOKEN") else "None")
    }
    issuer, audience = environment.get("ACCESS_OIDC_ISSUER"), environment.get("ACCESS_OIDC_AUDIENCE")
    if issuer and audience:
        access["oidc"] = {"issuer": issuer, "audience": audience}
    content = {
        "model": {"name": environment.get("AI_MODEL") or "openrouter/free"},
        "gateway": {"baseURL": environment.get("OPENROUTER_BASE_URL") or OPENROUTER},
        "access": access,
        "trustedProxies": _listed(environment.get("TRUSTED_PROXIES") or []),
    }
    variables: dict[tuple[str, ...], str] = {
        ("model",): "AI_MODEL",
        ("gateway",): "OPENROUTER_BASE_URL",
        ("access",): "ACCESS_MODE with ACCESS_OIDC_ISSUER and ACCESS_OIDC_AUDIENCE",
        ("access", "mode"): "ACCESS_MODE",
        ("access", "oidc"): "ACCESS_OIDC_ISSUER",
        ("trustedProxies",): "TRUSTED_PROXIES",
    }
    try:
        return Configuration.model_validate(content)
    except ValidationError as error:
        field, problem = _first_problem(error)
        variable = variables.get(field[:2]) or variables[field[:1]]
        raise _invalid(f"{variable}: {problem}; correct it in the environment.") from None


def _allowed_endpoints(environment: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return TypeAdapter(tuple[str, ...]).validate_json(environment.get(ENDPOINTS_VARIABLE) or "[]")
    except ValidationError:
        raise _invalid(
            f"{ENDPOINTS_VARIABLE} must be a JSON list of URLs; correct it in the environment."
        ) from None


def _process(environment: Mapping[str, str]) -> Process:
    variables = {name: name.upper() for name in Process.model_fields}
    given = {name: environment[variable] for name, variable in variables.items() if environment.get(variable)}
    try:
        return Process.model_validate(given)
    except ValidationError as error:
        field, problem = _first_problem(error)
        raise _invalid(f"{variables[field[0]]}: {problem}; correct it in the environment.") from None


def _invalid(message: str) -> StartError:
    return StartError(Termination.CONFIGURATION_INVALID, message)


def _first_problem(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """Where it is and what is wrong, without the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    unknown = first["type"] == "extra_forbidden"
    problem = "is no field that this chatbot knows" if unknown else first["msg"].removeprefix("Value error, ")
    return tuple(map(str, first["loc"])), problem

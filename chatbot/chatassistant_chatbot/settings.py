"""What the chatbot is told: by a configuration file from the operator, or by the environment when it runs by itself."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

CONFIG_VARIABLE: Final = "CHATASSISTANT_CONFIG"
_OPENROUTER: Final = "https://openrouter.ai/api/v1"


class StartError(Exception):
    """The chatbot cannot start; the text is one line that names the file or variable, the field, and the cure."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


class Parameters(_Part):
    """Generation parameters; a caller's own win, up to `max_tokens`."""

    temperature: float = 0.7
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=1)] = 1024


class Model(_Part):
    """The model that answers."""

    name: str = "openrouter/free"
    parameters: Parameters = Parameters()


class Gateway(_Part):
    """The OpenRouter-compatible endpoint that is asked."""

    base_url: Annotated[str, Field(alias="baseURL", pattern="^https?://")] = _OPENROUTER
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    referer: str | None = None
    title: str | None = None


class Access(_Part):
    """Who may ask."""

    mode: Literal["None", "Token"] = "None"


class Observability(_Part):
    """What can be seen."""

    log_level: Literal["Debug", "Info", "Warning", "Error"] = "Info"


class Configuration(_Part):
    """The configuration file: what the operator renders of a ChatAssistant's spec."""

    name: str = "chatbot"
    namespace: str = ""
    model: Model = Model()
    system_prompt: str = "You are a helpful assistant"
    gateway: Gateway = Gateway()
    access: Access = Access()
    observability: Observability = Observability()


class Process(_Part):
    """What belongs to this process and not to the assistant."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    drain_seconds: Annotated[float, Field(ge=0)] = 25.0


class Settings(_Part):
    """All of it."""

    configuration: Configuration
    process: Process
    api_key: SecretStr
    access_token: SecretStr | None = None


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        StartError: with what is missing or wrong; never with a value.
    """
    path = environment.get(CONFIG_VARIABLE)
    api_key = environment.get("OPENROUTER_API_KEY", "").strip()
    if not api_key:
        raise StartError(
            "OPENROUTER_API_KEY is not set or empty: set it to a key of https://openrouter.ai/settings/keys."
        )
    token = environment.get("ACCESS_TOKEN", "").strip()
    configuration = _from_file(Path(path)) if path else _from_environment(environment)
    if configuration.access.mode == "Token" and not token:
        raise StartError(
            "ACCESS_TOKEN is not set or empty, but access is by token: set it, or ACCESS_MODE=None."
        )
    return Settings(
        configuration=configuration,
        process=_process(environment),
        api_key=SecretStr(api_key),
        access_token=SecretStr(token) if configuration.access.mode == "Token" else None,
    )


def _from_file(path: Path) -> Configuration:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StartError(
            f"{path} cannot be read ({error.strerror}): {CONFIG_VARIABLE} must name the configuration file."
        ) from None
    try:
        return Configuration.model_validate_json(content)
    except ValidationError as error:
        raise StartError(f"{path}: {_problem(error)}; correct it in the file.") from None


def _from_environment(environment: Mapping[str, str]) -> Configuration:
    mode = environment.get("ACCESS_MODE") or ("Token" if environment.get("ACCESS_TOKEN") else "None")
    content = {
        "model": {"name": environment.get("AI_MODEL") or "openrouter/free"},
        "gateway": {"baseURL": environment.get("OPENROUTER_BASE_URL") or _OPENROUTER},
        "access": {"mode": mode},
    }
    names = {"model": "AI_MODEL", "gateway": "OPENROUTER_BASE_URL", "access": "ACCESS_MODE"}
    try:
        return Configuration.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise StartError(
            f"{names[str(first['loc'][0])]}: {first['msg']}; set it to something else."
        ) from None


def _process(environment: Mapping[str, str]) -> Process:
    names = {"host": "HOST", "port": "PORT", "metrics_port": "METRICS_PORT", "drain_seconds": "DRAIN_SECONDS"}
    given = {field: environment[name] for field, name in names.items() if environment.get(name)}
    try:
        return Process.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = names.get(str(first["loc"][0])) or str(first["loc"][0]).upper()
        raise StartError(f"{name}: {first['msg']}; set it to a number in range.") from None


def _problem(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{field}: {message}" if field else message

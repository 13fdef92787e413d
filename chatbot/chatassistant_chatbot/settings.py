"""What the chatbot is told: by a configuration file from the operator, or by the environment when it runs by itself."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.alias_generators import to_camel

CONFIG_VARIABLE: Final = "CHATASSISTANT_CONFIG"
_OPENROUTER: Final = "https://openrouter.ai/api/v1"
_BASE_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_HeaderValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]


class StartError(Exception):
    """The chatbot cannot start; the text is one line that names the file or variable, the field, and the cure."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, hide_input_in_errors=True
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

    base_url: Annotated[str, Field(alias="baseURL")] = _OPENROUTER
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    referer: _HeaderValue | None = None
    title: _HeaderValue | None = None

    @field_validator("base_url")
    @classmethod
    def _is_plain_url(cls, value: str) -> str:
        if not _BASE_URL.fullmatch(value):
            raise ValueError("must be an http or https URL without user, query or fragment")
        return value


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


class Process(BaseModel):
    """What belongs to this process and not to the assistant; each field is a variable of the environment."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 25.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it; `access_token` is None when anybody may ask."""

    configuration: Configuration
    process: Process
    api_key: SecretStr
    access_token: SecretStr | None


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        StartError: with what is missing or wrong; never with a value.
    """
    path = environment.get(CONFIG_VARIABLE)
    configuration = _from_file(Path(path)) if path else _from_environment(environment)
    return Settings(
        configuration=configuration,
        process=_process(environment),
        api_key=_api_key(environment),
        access_token=_access_token(environment) if configuration.access.mode == "Token" else None,
    )


def _api_key(environment: Mapping[str, str]) -> SecretStr:
    # `kubectl create secret --from-file` keeps a final newline.
    key = environment.get("OPENROUTER_API_KEY", "").strip()
    if not key:
        raise StartError(
            "OPENROUTER_API_KEY is not set or empty: set it to a key of https://openrouter.ai/settings/keys."
        )
    if not _KEY.fullmatch(key):
        raise StartError(
            "OPENROUTER_API_KEY holds spaces or characters that no key has: set it to the key and nothing else."
        )
    return SecretStr(key)


def _access_token(environment: Mapping[str, str]) -> SecretStr:
    token = environment.get("ACCESS_TOKEN", "").strip()
    if not token:
        raise StartError(
            "ACCESS_TOKEN is not set or empty, but access is by token: set it, or ACCESS_MODE=None or the file's access.mode."
        )
    return SecretStr(token)


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
        field, problem = _first_problem(error)
        where = f"{path}: {'.'.join(field)}" if field else str(path)
        raise StartError(f"{where}: {problem}; correct it in the file.") from None


def _from_environment(environment: Mapping[str, str]) -> Configuration:
    mode = environment.get("ACCESS_MODE") or ("Token" if environment.get("ACCESS_TOKEN") else "None")
    content = {
        "model": {"name": environment.get("AI_MODEL") or "openrouter/free"},
        "gateway": {"baseURL": environment.get("OPENROUTER_BASE_URL") or _OPENROUTER},
        "access": {"mode": mode},
    }
    variables = {"model": "AI_MODEL", "gateway": "OPENROUTER_BASE_URL", "access": "ACCESS_MODE"}
    try:
        return Configuration.model_validate(content)
    except ValidationError as error:
        field, problem = _first_problem(error)
        raise StartError(f"{variables[field[0]]}: {problem}; correct it in the environment.") from None


def _process(environment: Mapping[str, str]) -> Process:
    variables = {name: name.upper() for name in Process.model_fields}
    given = {name: environment[variable] for name, variable in variables.items() if environment.get(variable)}
    try:
        return Process.model_validate(given)
    except ValidationError as error:
        field, problem = _first_problem(error)
        raise StartError(f"{variables[field[0]]}: {problem}; correct it in the environment.") from None


def _first_problem(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """Where it is and what is wrong, without the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    unknown = first["type"] == "extra_forbidden"
    problem = "is no field that this chatbot knows" if unknown else first["msg"].removeprefix("Value error, ")
    return tuple(map(str, first["loc"])), problem

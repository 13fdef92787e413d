"""How the operator logs in: as a pod's ServiceAccount, or as a kubeconfig says."""

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
import yaml

_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# The kubelet renews a projected token when a fifth of its life is left, so a minute's lag is harmless.
_TOKEN_SECONDS: Final = 60.0


class LoginError(Exception):
    """Nobody to log in as; the text says what was tried and what to do."""


@dataclass(frozen=True)
class Access:
    """One API server and who we are there.

    `headers` gives the headers of the next request; a token that changes on disk is read anew.
    """

    server: str
    namespace: str
    tls: ssl.SSLContext | bool
    headers: Callable[[], Mapping[str, str]]

    def session(self) -> aiohttp.ClientSession:
        """A session whose every request carries the credentials; the caller closes it."""

        async def authenticate(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            request.headers.update(self.headers())
            return await handler(request)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.tls, limit=0),
            middlewares=(authenticate,),
            headers={"User-Agent": "chatassistant-operator"},
        )


def login(context: str | None = None) -> Access:
    """The access of this process: a pod's ServiceAccount where there is one, else the kubeconfig.

    Args:
        context: The kubeconfig's context; its current one when not given. Naming one rules out the ServiceAccount.

    Raises:
        LoginError: when there is neither, or what there is cannot be used.
    """
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if context is None and host and (_SERVICE_ACCOUNT / "token").is_file():
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        return Access(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            namespace=(_SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip(),
            tls=ssl.create_default_context(cafile=str(_SERVICE_ACCOUNT / "ca.crt")),
            headers=_token_file(_SERVICE_ACCOUNT / "token"),
        )
    return _from_kubeconfig(context)


def _from_kubeconfig(context: str | None) -> Access:
    files = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    found = [each for each in files or [Path.home() / ".kube" / "config"] if each.is_file()]
    if not found:
        tried = os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise LoginError(f"No pod's ServiceAccount and no kubeconfig at {tried}: set KUBECONFIG to one.")
    merged = _merge(found)
    name = context or merged["current-context"]
    settings = _entry(merged, "contexts", "context", name)
    cluster = _entry(merged, "clusters", "cluster", settings.get("cluster"))
    user = _entry(merged, "users", "user", settings.get("user"))
    return Access(
        server=cluster["server"],
        namespace=settings.get("namespace") or "default",
        tls=_tls(cluster, user),
        headers=_headers(user, name),
    )


def _merge(files: list[Path]) -> dict[str, Any]:
    """Several files as one: for each name the first that has it, as kubectl merges them."""
    merged: dict[str, Any] = {"clusters": [], "users": [], "contexts": [], "current-context": None}
    for path in files:
        try:
            content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise LoginError(f"The kubeconfig {path} cannot be read: {type(error).__name__}.") from None
        for field in ("clusters", "users", "contexts"):
            merged[field] += [
                {**each, "folder": path.parent}
                for each in cast("list[dict[str, Any]]", content.get(field) or [])
            ]
        merged["current-context"] = merged["current-context"] or content.get("current-context")
    return merged


def _entry(merged: Mapping[str, Any], field: str, kind: str, name: str | None) -> dict[str, Any]:
    for each in merged[field]:
        if each["name"] == name:
            content: dict[str, Any] = each.get(kind) or {}
            # Paths in a kubeconfig are relative to the file that has them.
            paths = {key: str(each["folder"] / value) for key, value in content.items() if key in _PATHS}
            return content | paths
    raise LoginError(
        f"The kubeconfig has no {kind} {name!r}: `kubectl config get-contexts` lists what it has."
    )


_PATHS: Final = frozenset({"certificate-authority", "client-certificate", "client-key", "tokenFile"})


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext | bool:
    if not str(cluster["server"]).startswith("https:"):
        return True
    tls = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if "certificate-authority-data" in cluster:
        tls = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:  # the ssl module takes certificates from files only
            pair.write(base64.b64decode(user["client-certificate-data"]) + b"\n")
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            tls.load_cert_chain(pair.name)
    elif "client-certificate" in user:
        tls.load_cert_chain(user["client-certificate"], user["client-key"])
    return tls


def _headers(user: Mapping[str, Any], context: str) -> Callable[[], Mapping[str, str]]:
    if "exec" in user or "auth-provider" in user:
        return _plugin(context)
    if "tokenFile" in user:
        return _token_file(Path(user["tokenFile"]))
    if "username" in user:
        pair = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        return lambda: {"Authorization": f"Basic {pair}"}
    return lambda: {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}


def _token_file(path: Path) -> Callable[[], Mapping[str, str]]:
    token, read_at = "", float("-inf")

    def headers() -> Mapping[str, str]:
        nonlocal token, read_at
        if time.monotonic() > read_at + _TOKEN_SECONDS:
            token, read_at = path.read_text(encoding="utf-8").strip(), time.monotonic()
        return {"Authorization": f"Bearer {token}"}

    return headers


def _plugin(context: str) -> Callable[[], Mapping[str, str]]:
    """Have the official client run the plugin; it also asks it again when its token runs out."""
    try:
        from kubernetes import client, config  # noqa: PLC0415 (half a second of import that few need)
    except ImportError:
        raise LoginError(
            f"The kubeconfig's context {context!r} logs in by a plugin, which needs the official client: "
            "pip install 'chatassistant[kubeconfig]'."
        ) from None
    configuration: Any = client.Configuration()
    load_kube_config = cast("Callable[..., None]", config.load_kube_config)  # pyright: ignore[reportUnknownMemberType]  # it has no types
    files = os.environ.get("KUBECONFIG") or None
    load_kube_config(config_file=files, context=context, client_configuration=configuration)

    def headers() -> Mapping[str, str]:
        if configuration.refresh_api_key_hook:
            configuration.refresh_api_key_hook(configuration)
        # One entry, under a name that differs between versions of the client.
        return {"Authorization": str(next(iter(configuration.api_key.values())))}

    return headers

"""The page at `/`: files that were built from `chatbot/page/`, and what the page has to know of the assistant.

All of its addresses are relative, so that it works below any path that a proxy takes away.
"""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from chatassistant_chatbot.deps import Deps, deps
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.turn.routing import DEFAULT_MODEL, offered

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent.parent / "static"
_INDEX: Final = "index.html"
# Names of assets change with their content; the page that names them is asked for each time.
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_MOST_SUGGESTIONS: Final = 6
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# By themselves: the system's own tables may say anything, or be missing.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Encoding",
}


class File(NamedTuple):
    """A file of the page; `etag` is one for each of its encodings."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


class PageConfig(BaseModel):
    """What the page is told; suggestions and models are for who may ask the assistant."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: str
    access: Literal["None", "Token", "OIDC"]
    admitted: bool
    conversations: Literal["browser", "server"]
    suggestions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page itself."""
    return _sent(request, _INDEX, _ASK_AGAIN)


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str) -> Response:
    """What the page consists of."""
    return _sent(request, f"assets/{name}", _FOR_EVER)


@router.get("/page/config.json")
async def page_config(request: Request) -> Response:
    """What the page has to know; a token that is shown must be a good one."""
    shared = deps(request)
    admitted = await _is_admitted(shared, request)
    content = _told(shared, admitted=admitted).model_dump_json(by_alias=True)
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _is_admitted(shared: Deps, request: Request) -> bool:
    try:
        await shared.access.admit(request)
    except CallerError:
        if "Authorization" in request.headers:
            raise
        return False
    return True


def _told(shared: Deps, *, admitted: bool) -> PageConfig:
    configuration = shared.settings.configuration
    told = PageConfig(
        name=configuration.name,
        access=configuration.access.mode,
        admitted=admitted,
        conversations="server" if configuration.store.type == "Redis" else "browser",
    )
    if not admitted:
        return told
    suggestions = tuple(each.question for each in configuration.faq[:_MOST_SUGGESTIONS])
    models = tuple(each for each in offered(configuration.model) if each != DEFAULT_MODEL)
    return told.model_copy(update={"suggestions": suggestions, "models": models})


def _sent(request: Request, name: str, cache_control: str) -> Response:
    file = _files().get(name)
    if file is None:
        message = (
            "The page is not built: run `make page`." if name == _INDEX else "The page has no such file."
        )
        raise CallerError(404, "unknown_url", message)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{file.etag}-gzip"' if zipped else f'"{file.etag}"'
    headers = {**_HEADERS, "Cache-Control": cache_control, "ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    content = file.compressed if zipped else file.content
    response = Response(content, media_type=file.media_type, headers=headers)
    if request.method == "HEAD":
        response.body = b""
    return response


@cache
def _files() -> Mapping[str, File]:
    """All files by the names under which they are served; nothing else can be asked for."""
    paths = (path for path in _FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(_FOLDER).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> File:
    content = path.read_bytes()
    etag = hashlib.sha256(content).hexdigest()[:32]
    return File(content, gzip.compress(content, mtime=0), _MEDIA_TYPES[path.suffix], etag)

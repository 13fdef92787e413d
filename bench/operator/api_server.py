"""A stand-in for the API server: fast, counts requests, and plays the Deployment controller at once.

`python -m bench.operator.api_server` prints its URL. `POST /control/load?assistants=N&secrets=M` fills it, `GET
/control` tells what was asked, `DELETE /control` forgets that.
"""

import asyncio
import base64
import itertools
import json
import time
import uuid
from collections import Counter, defaultdict
from typing import Any, Final

import orjson
from aiohttp import web

KEY: Final = "sk-or-v1-" + f"{0xACCE97ED:064x}"
_CREATED: Final = "2026-01-01T00:00:00Z"
Object = dict[str, Any]


def _group(name: str, version: str) -> Object:
    versions = [{"groupVersion": f"{name}/{version}", "version": version}]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(kind: str, plural: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    resource = {
        "name": plural,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": True,
        "verbs": verbs,
    }
    return {"resources": [resource, {**resource, "name": f"{plural}/status"}]}


_DISCOVERY: Final[dict[str, Object]] = {
    "/api": {"versions": ["v1"]},
    "/apis": {"groups": [_group("apps", "v1"), _group("chatassistant.dev", "v1alpha1")]},
    "/api/v1": {
        "resources": [
            *_resources("Namespace", "namespaces")["resources"],
            *_resources("Event", "events")["resources"],
        ]
    },
    "/apis/apps/v1": _resources("Deployment", "deployments"),
    "/apis/chatassistant.dev/v1alpha1": _resources("ChatAssistant", "chatassistants"),
}


class ApiServer:
    """Objects by plural and key, with everything that the two operators ask for."""

    def __init__(self) -> None:
        self._objects: defaultdict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._watchers: defaultdict[str, set[asyncio.Queue[bytes]]] = defaultdict(set)
        self._versions = itertools.count(1)
        self._version = 0
        self.counts: Counter[str] = Counter()
        self.last_at = 0.0
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/control/load", self._load)
        app.router.add_get("/control", self._tell)
        app.router.add_delete("/control", self._forget)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self.app = app

    async def _load(self, request: web.Request) -> web.Response:
        assistants, secrets = int(request.query["assistants"]), int(request.query["secrets"])
        for number in range(secrets):
            data = {"api-key": base64.b64encode(KEY.encode()).decode()}
            self._store("secrets", {"metadata": _meta(f"key-{number}"), "data": data}, "ADDED")
        for number in range(assistants):
            spec = {
                "credentials": {"apiKeySecretRef": {"name": f"key-{number % secrets}", "key": "api-key"}},
                "gateway": {"baseURL": request.query["gateway"], "timeoutSeconds": 30},
                "model": {"name": "openrouter/free", "parameters": {"maxTokens": 1024, "temperature": 0.7}},
                "replicas": 1,
            }
            body = {
                "apiVersion": "chatassistant.dev/v1alpha1",
                "kind": "ChatAssistant",
                "metadata": _meta(f"chat-{number}"),
                "spec": spec,
            }
            self._store("chatassistants", body, "ADDED")
        return web.json_response({})

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"counts": self.counts, "idle": time.monotonic() - self.last_at, "at": time.time()}
        )

    async def _forget(self, _: web.Request) -> web.Response:
        self.counts.clear()
        self.last_at = time.monotonic()
        return web.json_response({})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        if not rest:
            self.counts[f"GET {request.path}"] += 1
            return web.json_response(_DISCOVERY.get(request.path, {"resources": []}))
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else None  # noqa: PLR2004 (the path's form)
        rest = rest[2:] if namespace else rest
        plural, name = rest[0], rest[1] if len(rest) > 1 else None
        watch = request.query.get("watch") == "true"
        self.counts[f"{'WATCH' if watch else request.method} {plural}"] += 1
        if not watch and plural not in {"leases", "secrets"}:
            self.last_at = time.monotonic()
        if watch:
            return await self._watch(request, plural)
        if name is None:
            return await self._collection(request, plural)
        status = rest[2] if len(rest) > 2 else None  # noqa: PLR2004 (the path's form)
        return await self._object(request, plural, (namespace or "", name), status)

    async def _collection(self, request: web.Request, plural: str) -> web.Response:
        if request.method == "POST":
            body = orjson.loads(await request.read())
            return _json(self._store(plural, _complete(body), "ADDED"), 201)
        items = list(self._objects[plural].values())
        return _json({"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items})

    async def _object(
        self, request: web.Request, plural: str, key: tuple[str, str], subresource: str | None
    ) -> web.Response:
        live = self._objects[plural].get(key)
        if request.method == "GET":
            return _json(live) if live else _missing()
        if request.method == "DELETE":
            if live is not None:
                self._store(plural, live, "DELETED")
            return _json({})
        body = orjson.loads(await request.read())
        if request.method == "PUT":
            return _json(self._store(plural, body, "MODIFIED"))
        if live is None and "apply" not in request.content_type:
            return _missing()
        created = live is None
        merged = _merge(live or {}, {"status": body["status"]} if subresource == "status" else body)
        merged = _complete(
            {**merged, "metadata": {**merged["metadata"], "name": key[1], "namespace": key[0]}}
        )
        if live is not None and merged == live:
            return _json(live)
        stored = self._store(plural, merged, "ADDED" if created else "MODIFIED")
        if plural == "deployments":
            stored = self._roll_out(stored)
        return _json(stored, 201 if created else 200)

    def _roll_out(self, deployment: Object) -> Object:
        """What the Deployment controller would have done a moment later."""
        metadata, replicas = deployment["metadata"], deployment["spec"]["replicas"]
        replica_set = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                **_meta(f"{metadata['name']}-1"),
                "labels": metadata.get("labels", {}),
                "annotations": metadata.get("annotations", {}),
                "ownerReferences": [{"uid": metadata["uid"], "controller": True, "name": metadata["name"]}],
            },
            "spec": {"template": deployment["spec"]["template"]},
            "status": {"replicas": replicas, "availableReplicas": replicas},
        }
        self._store("replicasets", replica_set, "ADDED")
        status = {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}
        return self._store("deployments", {**deployment, "status": status}, "MODIFIED")

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        since = int(request.query.get("resourceVersion") or 0)
        initial = request.query.get("sendInitialEvents") == "true"
        known = list(self._objects[plural].values())
        self._watchers[plural].add(queue)
        try:
            for obj in known:
                if initial or int(obj["metadata"]["resourceVersion"]) > since:
                    await response.write(_event("ADDED", obj))
            if initial:
                annotations = {"k8s.io/initial-events-end": "true"}
                metadata = {"resourceVersion": str(self._version), "annotations": annotations}
                await response.write(_event("BOOKMARK", {"metadata": metadata}))
            while True:
                await response.write(await queue.get())
        finally:
            self._watchers[plural].discard(queue)

    def _store(self, plural: str, obj: Object, event: str) -> Object:
        self._version = next(self._versions)
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}
        key = stored["metadata"]["namespace"], stored["metadata"]["name"]
        if event == "DELETED":
            self._objects[plural].pop(key, None)
        else:
            self._objects[plural][key] = stored
        line = _event(event, stored)
        for queue in self._watchers[plural]:
            queue.put_nowait(line)
        return stored


def _meta(name: str) -> Object:
    return {
        "name": name,
        "namespace": "bench",
        "uid": str(uuid.uuid4()),
        "generation": 1,
        "creationTimestamp": _CREATED,
    }


def _complete(body: Object) -> Object:
    return {**body, "metadata": {**_meta(body["metadata"]["name"]), **body["metadata"]}}


def _merge(live: Any, patch: Any) -> Any:
    if not isinstance(live, dict) or not isinstance(patch, dict):
        return patch
    return {**live, **{name: _merge(live.get(name), value) for name, value in patch.items()}}


def _event(event: str, obj: Object) -> bytes:
    return orjson.dumps({"type": event, "object": obj}) + b"\n"


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json")


def _missing() -> web.Response:
    return _json({"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"}, 404)


async def _main() -> None:
    runner = web.AppRunner(ApiServer().app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())

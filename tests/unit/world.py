"""One ChatAssistant and all that its reconcile may reach, with no cluster: every answer is the test's to give."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.references import other_secret_of
from chatassistant_operator.damping import Damper
from chatassistant_operator.desired.metadata import revision_of
from chatassistant_operator.engine.turns import Turns
from chatassistant_operator.observed import Children, Manifest, Observed
from chatassistant_operator.observed.named import Absent
from chatassistant_operator.observed.pods import Pod, ReplicaSet
from chatassistant_operator.ports import Gateway, Key, Ports, Refused
from chatassistant_operator.reconcile import Outcome, reconcile
from support import kstatus
from support.situations import GOOD, NOW, body


class World:
    """What a reconcile sees is `seen`, at the time `now`; what it says becomes the status of `body`.

    Attributes:
        refusal: What the API server says to every write, if it refuses them.
        refusals: What it says to writes of a kind.
        gateway: Who is asked of keys and models; this world itself, with what is in `seen`.
        pods: The pods of the current revision.
        serving: How many pods of each revision serve; those of the current one do from their first reconcile on
            when `serves` is on.
        versions: Each version of the object with another status, the oldest first.
    """

    def __init__(self, *, serves: bool = True, **spec: Any) -> None:
        self.body = body(**spec)
        self.seen: Observed = GOOD
        self.now: datetime = NOW
        self.refusal: Refused | None = None
        self.refusals: dict[str, Refused] = {}
        self.pods: tuple[Pod, ...] = ()
        self.serves = serves
        self.serving: dict[str, int] = {}
        self.versions: list[Manifest] = []
        self.deleted: list[str] = []
        self.damper = Damper()
        self.woken: list[Key] = []
        self.turns = Turns[Key](1, self.woken.append)
        self.gateway: Gateway = self
        self._live: dict[tuple[str, str], Manifest] = {}

    def edit(self, **spec: Any) -> None:
        """Change the spec."""
        self.body["spec"] |= body(**spec)["spec"] if "model" in spec else spec
        self.body["metadata"]["generation"] += 1

    def see(self, **seen: Any) -> None:
        """Change what is seen."""
        self.seen = replace(self.seen, **seen)

    def restart(self) -> None:
        """The operator starts anew: what is not in the cluster is forgotten."""
        self.damper = Damper()

    @property
    def deployment(self) -> Manifest | None:
        """The Deployment as it is."""
        return self._live.get(("Deployment", "todo"))

    @property
    def replicas(self) -> int:
        """How many pods the Deployment asks for."""
        return int(self.deployment["spec"]["replicas"]) if self.deployment else 0

    async def reconcile(self, after: timedelta = timedelta(0)) -> Outcome:
        """One reconcile at a later time."""
        self.now += after
        self.seen = replace(self.seen, now=self.now)
        ports = Ports(
            self,
            self,
            self.gateway,
            self,
            self.damper,
            self.seen.policy,
            self.seen.defaults,
            self,
            self.turns,
        )
        outcome = await reconcile(ChatAssistant.parse(self.body), ports, self.now)
        if outcome.status is not None:
            status = outcome.status.model_dump(by_alias=True, exclude_none=True, mode="json")
            if status != self.body.get("status"):
                self.body["status"] = status
                self.versions.append(copy.deepcopy(self.body))
        return outcome

    def condition(self, type_: str = "Ready") -> tuple[str, str]:
        """A condition's status and reason; ("", "") when it is not there."""
        conditions: Iterable[dict[str, str]] = self.body.get("status", {}).get("conditions", [])
        return next(
            ((each["status"], each["reason"]) for each in conditions if each["type"] == type_), ("", "")
        )

    def problems(self) -> list[str]:
        """Where any status that was written breaks what statuses promise."""
        found = [text for each in self.versions for text in kstatus.violations(each, self.now)]
        return found + kstatus.history_violations(self.versions)

    # What `Ports` asks for.

    def children(self, _: ChatAssistant) -> Children:
        live = self.deployment
        sets = tuple(
            ReplicaSet(f"todo-{revision}", revision, f"config-{revision}", count, count, uid=revision)
            for revision, count in self.serving.items()
        )
        config_maps = tuple(name for kind, name in self._live if kind == "ConfigMap")
        return Children(copy.deepcopy(live), sets, config_maps, self.pods)

    async def apply(self, _: ChatAssistant, manifest: Manifest) -> Manifest:
        refusal = self.refusal or self.refusals.get(manifest["kind"])
        if refusal is not None:
            raise refusal
        live = copy.deepcopy(manifest)
        self._live[manifest["kind"], manifest["metadata"]["name"]] = live
        if manifest["kind"] == "Deployment" and self.serves:
            self.serving = {revision_of(live): manifest["spec"]["replicas"]}
        return live

    async def delete(self, _: ChatAssistant, kind: str, name: str) -> None:
        del self._live[kind, name]
        self.deleted.append(name)

    def credential(self, _: ChatAssistant) -> Any:
        return self.seen.credential

    def hurry(self, _: ChatAssistant) -> None:
        pass

    def secrets(self, _: ChatAssistant) -> Mapping[str, Any]:
        return self.seen.secrets

    def services(self, *_: Any) -> Mapping[str, Any]:
        return self.seen.services

    def prompt(self, _: ChatAssistant) -> Any:
        return self.seen.prompt

    def access_token(self, assistant: ChatAssistant) -> Any:
        if not assistant.spec.access.token_is_generated:
            return None
        made = self._live.get(("Secret", "todo-access"))
        return other_secret_of(made) if made else Absent()

    async def make_access_token(self, _: ChatAssistant, secret: Manifest) -> None:
        if self.refusal is not None:
            raise self.refusal
        assert ("Secret", "todo-access") not in self._live, "it is made once"
        self._live["Secret", "todo-access"] = {**secret, "data": {"token": "eA=="}}

    def key(self, _: ChatAssistant, api_key: Any, *_known: Any) -> Any:
        return self.seen.key if api_key is not None else None

    def has_looked(self, _: ChatAssistant) -> bool:
        return self.seen.has_looked

    def doubt(self, _: ChatAssistant) -> None:
        pass

    def catalogue(self, _: ChatAssistant) -> Any:
        return self.seen.catalogue

    def endpoints(self, *_: Any) -> Mapping[str, Any]:
        return self.seen.endpoints

    def zero_retention(self, _: ChatAssistant) -> Any:
        return self.seen.zero_retention

    def completion(self, _: ChatAssistant, api_key: Any) -> Any:
        return self.seen.completion if api_key is not None else None

    def rest(self, _: ChatAssistant) -> None:
        pass

    def reports(self, *_: Any) -> Mapping[str, Any]:
        return self.seen.reports

"""What a pod's manifest refers to, resolved: its environment, and its volumes as folders."""

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chatassistant_operator.observed import Manifest

LookUp = Callable[[str, str], Manifest | None]
"""Gives the object of a kind and a name in the pod's namespace, or None."""


class ConfigurationError(Exception):
    """Something that the pod refers to is not there; the text is the kubelet's."""


def environment(pod: Manifest, look_up: LookUp, address: str) -> dict[str, str]:
    """The container's environment.

    Raises:
        ConfigurationError: for a Secret, a ConfigMap or a key that is not there.
    """
    resolved: dict[str, str] = {}
    for entry in pod["spec"]["containers"][0].get("env", []):
        source = entry.get("valueFrom", {})
        if "secretKeyRef" in source:
            resolved[entry["name"]] = _secret_entry(look_up, pod, source["secretKeyRef"])
        elif "configMapKeyRef" in source:
            ref = source["configMapKeyRef"]
            resolved[entry["name"]] = _entries(look_up, "ConfigMap", ref["name"])[ref["key"]].decode()
        elif "fieldRef" in source:
            fields = {**pod["metadata"], "podIP": address}
            resolved[entry["name"]] = str(fields[source["fieldRef"]["fieldPath"].rpartition(".")[2]])
        else:
            resolved[entry["name"]] = entry.get("value", "")
    return resolved


def _secret_entry(look_up: LookUp, pod: Manifest, ref: Mapping[str, Any]) -> str:
    entries = _entries(look_up, "Secret", ref["name"])
    if ref["key"] not in entries:
        place = f"{pod['metadata']['namespace']}/{ref['name']}"
        raise ConfigurationError(f"couldn't find key {ref['key']} in Secret {place}")
    return entries[ref["key"]].decode()


def _entries(look_up: LookUp, kind: str, name: str) -> dict[str, bytes]:
    found = look_up(kind, name)
    if found is None:
        raise ConfigurationError(f'{kind.lower()} "{name}" not found')
    if kind == "Secret":
        return {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}
    return {key: value.encode() for key, value in found.get("data", {}).items()}


def mount(pod: Manifest, look_up: LookUp, folder: Path) -> dict[str, Path]:
    """Write the pod's volumes below a folder; gives the folder of each mount path.

    As the kubelet does it: the files are links into `..data`, itself a link to the newest version, so that a
    change of all files is one rename.

    Raises:
        ConfigurationError: for a Secret or a ConfigMap that is not there.
    """
    content: dict[str, dict[str, bytes]] = {}
    for volume in pod["spec"].get("volumes", []):
        if "configMap" in volume:
            content[volume["name"]] = _entries(look_up, "ConfigMap", volume["configMap"]["name"])
        elif "secret" in volume:
            content[volume["name"]] = _entries(look_up, "Secret", volume["secret"]["secretName"])
        else:
            content[volume["name"]] = {}
    for name, entries in content.items():
        _write(folder / name, entries)
    mounts = pod["spec"]["containers"][0].get("volumeMounts", [])
    return {each["mountPath"]: folder / each["name"] for each in mounts}


def _write(folder: Path, entries: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "..data"
    if data.exists() and {each.name: each.read_bytes() for each in data.iterdir()} == entries:
        return
    version = folder / f"..{len(list(folder.glob('..[0-9]*')))}"
    version.mkdir()
    for name, value in entries.items():
        (version / name).write_bytes(value)
    link = folder / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(data)
    for name in entries:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def translated(values: Mapping[str, str], mounts: Mapping[str, Path]) -> dict[str, str]:
    """An environment whose paths below a mount path lead to where that is on this machine."""
    result = dict(values)
    for name, value in values.items():
        for mount_path, folder in mounts.items():
            if value == mount_path or value.startswith(mount_path.rstrip("/") + "/"):
                result[name] = os.fspath(folder) + value[len(mount_path.rstrip("/")) :]
    return result

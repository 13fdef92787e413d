"""What a pod's manifest refers to, resolved: its environment, and its volumes as folders."""

import base64
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from chatassistant_operator.observed import Manifest

LookUp = Callable[[str, str], Manifest | None]
"""Gives the object of a kind and a name in the pod's namespace, or None."""
_SOURCES: Final = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"))


class ConfigurationError(Exception):
    """Something that the pod's environment refers to is not there; the text is the kubelet's."""

    waiting: ClassVar[str] = "CreateContainerConfigError"
    """What the container's status says meanwhile."""


class MountError(ConfigurationError):
    """Something that a volume refers to is not there; the status does not say so, only an event would."""

    waiting: ClassVar[str] = "ContainerCreating"


def environment(pod: Manifest, look_up: LookUp, address: str) -> dict[str, str]:
    """The container's environment.

    Raises:
        ConfigurationError: for a Secret, a ConfigMap or a key that is not there, and not optional.
    """
    resolved: dict[str, str] = {}
    for entry in pod["spec"]["containers"][0].get("env", []):
        source = entry.get("valueFrom", {})
        if "secretKeyRef" in source:
            value = _entry(look_up, pod, "Secret", source["secretKeyRef"])
        elif "configMapKeyRef" in source:
            value = _entry(look_up, pod, "ConfigMap", source["configMapKeyRef"])
        elif "fieldRef" in source:
            fields = {**pod["metadata"], "podIP": address}
            value = str(fields[source["fieldRef"]["fieldPath"].rpartition(".")[2]])
        else:
            value = entry.get("value", "")
        if value is not None:
            resolved[entry["name"]] = value
    return resolved


def _entry(look_up: LookUp, pod: Manifest, kind: str, ref: Mapping[str, Any]) -> str | None:
    """An entry's text; None when it is not there and need not be."""
    entries = _entries(look_up, kind, ref["name"], optional=ref.get("optional", False))
    if ref["key"] in entries:
        return entries[ref["key"]].decode()
    if ref.get("optional", False):
        return None
    place = f"{pod['metadata']['namespace']}/{ref['name']}"
    raise ConfigurationError(f"couldn't find key {ref['key']} in {kind} {place}")


def _entries(look_up: LookUp, kind: str, name: str, *, optional: bool) -> dict[str, bytes]:
    found = look_up(kind, name)
    if found is None and not optional:
        raise ConfigurationError(f'{kind.lower()} "{name}" not found')
    binary, text = ("data", "") if kind == "Secret" else ("binaryData", "data")
    content: dict[str, dict[str, str]] = found or {}
    return {
        **{key: base64.b64decode(value) for key, value in content.get(binary, {}).items()},
        **{key: value.encode() for key, value in content.get(text, {}).items()},
    }


def mount(pod: Manifest, look_up: LookUp, folder: Path) -> dict[str, Path]:
    """Write the pod's volumes below a folder; gives the folder of each mount path.

    As the kubelet does it: the files are links into `..data`, itself a link to the newest version, so that a
    change of all files is one rename.

    Raises:
        MountError: for a Secret, a ConfigMap or a key that is not there, and not optional; no file has changed then.
    """
    volumes = pod["spec"].get("volumes", [])
    content = {volume["name"]: _content(look_up, volume) for volume in volumes}
    for name, entries in content.items():
        _write(folder / name, entries)
    mounts = pod["spec"]["containers"][0].get("volumeMounts", [])
    return {each["mountPath"]: folder / each["name"] for each in mounts}


def _content(look_up: LookUp, volume: Manifest) -> dict[str, bytes]:
    """A volume's files by their path; those of `items` when it names any."""
    for field, kind, named in _SOURCES:
        if field not in volume:
            continue
        source = volume[field]
        optional = source.get("optional", False)
        try:
            entries = _entries(look_up, kind, source[named], optional=optional)
        except ConfigurationError as error:
            raise MountError(str(error)) from None
        items = source.get("items") or [{"key": key, "path": key} for key in entries]
        for item in items:
            if item["key"] not in entries and not optional:
                raise MountError(f"references non-existent {kind.lower()} key: {item['key']}")
        return {item["path"]: entries[item["key"]] for item in items if item["key"] in entries}
    return {}


def _write(folder: Path, entries: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "..data"
    before = data.resolve() if data.exists() else None
    if (
        before
        and {os.fspath(each.relative_to(before)): each.read_bytes() for each in _files(before)} == entries
    ):
        return
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for path, value in entries.items():
        file = version / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value)
    link = folder / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(data)
    visible = {Path(path).parts[0] for path in entries}
    for name in visible:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for each in folder.iterdir():
        if each.is_symlink() and each.name not in visible | {data.name}:
            each.unlink()
    if before:
        shutil.rmtree(before)


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def translated(values: Mapping[str, str], mounts: Mapping[str, Path]) -> dict[str, str]:
    """An environment whose paths below a mount path lead to where that is on this machine."""
    result = dict(values)
    for name, value in values.items():
        for mount_path, folder in sorted(mounts.items()):
            if value == mount_path or value.startswith(mount_path.rstrip("/") + "/"):
                result[name] = os.fspath(folder) + value[len(mount_path.rstrip("/")) :]
    return result

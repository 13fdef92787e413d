"""The files that the components read: configuration, keys, and who may log in."""

import json
import secrets
from pathlib import Path
from typing import Any, Final

from deploy.cluster.console import run
from deploy.cluster.folders import CONTAINERD_SOCKET, KUBECONFIG, RESOLV_CONF, STATE, VOLUMES
from deploy.cluster.machine.addresses import API_SERVER, DNS, NODE_NAME, PODS
from deploy.cluster.machine.kernel import CGROUP

PROGRAMS: Final = STATE / "programs"
SECRETS: Final = STATE / "secrets"
CONFIGURATION: Final = STATE / "configuration"
KUBELET_KUBECONFIG: Final = STATE / "kubelet.kubeconfig"
PAUSE_IMAGE: Final = "localhost/pause:1"
_CNI_PLUGINS: Final = "/usr/lib/cni"

_CONTAINERD: Final = f"""
version = 2
root = "{STATE}/containerd"
state = "/run/containerd"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
# Without CAP_SYS_RESOURCE, runc dies with "can't get final child's PID from pipe: EOF".
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{_CNI_PLUGINS}"
conf_dir = "{CONFIGURATION}/cni"
"""

_NETWORK: Final = {
    "cniVersion": "1.0.0",
    "name": "chatassistant",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods",
            "isDefaultGateway": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]]},
        }
    ],
}

_KUBELET: Final = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": f"{SECRETS}/kubelet-client.crt"},
    },
    "authorization": {"mode": "Webhook"},
    "clusterDNS": [DNS],
    "clusterDomain": "cluster.local",
    "resolvConf": str(RESOLV_CONF),
    "cgroupDriver": "cgroupfs",
    "cgroupRoot": f"/{CGROUP}",
    # Older systems have version 1 of control groups, and some have swap.
    "failCgroupV1": False,
    "failSwapOn": False,
    # A full disk of a developer's is no reason to end pods.
    "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    "imageGCHighThresholdPercent": 100,
}


def write() -> None:
    """Write them, but for secrets that are there: who is logged in stays so."""
    for folder in (SECRETS, CONFIGURATION / "cni", VOLUMES):
        folder.mkdir(parents=True, exist_ok=True)
    STATE.chmod(0o700)
    (CONFIGURATION / "containerd.toml").write_text(_CONTAINERD, encoding="utf-8")
    _write_json(CONFIGURATION / "cni" / "10-pods.conflist", _NETWORK)
    # JSON is YAML.
    _write_json(CONFIGURATION / "kubelet.yaml", _KUBELET)
    RESOLV_CONF.write_text(_name_servers(), encoding="utf-8")
    if not (SECRETS / "tokens.csv").exists():
        _make_secrets()


def _make_secrets() -> None:
    run("openssl", "genrsa", "-out", SECRETS / "service-account.key", "2048")
    # How the API server shows who it is to the kubelet, which trusts this certificate and no other.
    client = ("-keyout", SECRETS / "kubelet-client.key", "-out", SECRETS / "kubelet-client.crt")
    subject = ("-subj", "/O=system:masters/CN=kube-apiserver", "-days", "3650")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", *client, *subject)
    admin, kubelet = secrets.token_hex(16), secrets.token_hex(16)
    _write_json(KUBECONFIG, _kubeconfig(admin))
    _write_json(KUBELET_KUBECONFIG, _kubeconfig(kubelet))
    (SECRETS / "tokens.csv").write_text(
        f'{admin},admin,admin,"system:masters"\n'
        f'{kubelet},system:node:{NODE_NAME},{NODE_NAME},"system:nodes"\n',
        encoding="utf-8",
    )


def _kubeconfig(token: str) -> dict[str, Any]:
    cluster = {"server": API_SERVER, "certificate-authority": str(SECRETS / "apiserver.crt")}
    name = "chatassistant"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def _name_servers() -> str:
    """The host's name servers, as others than the host can use them: a stub on its loopback is not."""
    for file in (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf")):
        if file.exists():
            lines = file.read_text(encoding="utf-8").splitlines()
            servers = [line for line in lines if line.startswith("nameserver ")]
            return "".join(f"{line}\n" for line in servers if not line.split()[1].startswith("127."))
    return ""


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")

"""Kubernetes's own programs, and containerd: each with its command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.cluster.folders import CONTAINERD_SOCKET, KUBECONFIG, STATE
from deploy.cluster.machine.addresses import API_PORT, NODE, NODE_NAME, PODS, SERVICES
from deploy.cluster.machine.files import CONFIGURATION, KUBELET_KUBECONFIG, PROGRAMS, SECRETS

_ETCD: Final = ("127.0.0.1", 2379)
_API_SERVER: Final = (NODE, API_PORT)


@dataclass(frozen=True)
class Component:
    """A program that is to run.

    Attributes:
        name: What it is called, its log too.
        command: Its command line.
        needs: The address or the socket that has to answer first.
    """

    name: str
    command: list[str]
    needs: tuple[str, int] | Path | None = None


def components() -> list[Component]:
    """All of them, in the order in which they come up."""
    return [
        _etcd(),
        _api_server(),
        _controller_manager(),
        _scheduler(),
        _containerd(),
        _kubelet(),
        _kube_proxy(),
    ]


def _etcd() -> Component:
    url = f"http://{_ETCD[0]}:{_ETCD[1]}"
    options = ["--unsafe-no-fsync", "--log-level=error", f"--data-dir={STATE}/etcd"]
    options += [f"--listen-client-urls={url}", f"--advertise-client-urls={url}"]
    return Component("etcd", [f"{PROGRAMS}/etcd", *options])


def _api_server() -> Component:
    command = [
        f"{PROGRAMS}/kube-apiserver",
        f"--etcd-servers=http://{_ETCD[0]}:{_ETCD[1]}",
        f"--secure-port={API_PORT}",
        f"--advertise-address={NODE}",
        f"--cert-dir={SECRETS}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={SECRETS}/service-account.key",
        f"--service-account-signing-key-file={SECRETS}/service-account.key",
        f"--token-auth-file={SECRETS}/tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        f"--service-cluster-ip-range={SERVICES}",
        f"--kubelet-client-certificate={SECRETS}/kubelet-client.crt",
        f"--kubelet-client-key={SECRETS}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
    ]
    return Component("kube-apiserver", command, _ETCD)


def _controller_manager() -> Component:
    command = [
        f"{PROGRAMS}/kube-controller-manager",
        f"--kubeconfig={KUBECONFIG}",
        f"--service-account-private-key-file={SECRETS}/service-account.key",
        f"--root-ca-file={SECRETS}/apiserver.crt",
        "--leader-elect=false",
        f"--cert-dir={SECRETS}",
    ]
    return Component("kube-controller-manager", command, _API_SERVER)


def _scheduler() -> Component:
    options = [f"--kubeconfig={KUBECONFIG}", "--leader-elect=false", f"--cert-dir={SECRETS}"]
    return Component("kube-scheduler", [f"{PROGRAMS}/kube-scheduler", *options], _API_SERVER)


def _containerd() -> Component:
    return Component("containerd", ["containerd", f"--config={CONFIGURATION}/containerd.toml"])


def _kubelet() -> Component:
    command = [
        f"{PROGRAMS}/kubelet",
        f"--config={CONFIGURATION}/kubelet.yaml",
        f"--kubeconfig={KUBELET_KUBECONFIG}",
        f"--root-dir={STATE}/kubelet",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE}",
    ]
    return Component("kubelet", command, CONTAINERD_SOCKET)


def _kube_proxy() -> Component:
    command = [
        f"{PROGRAMS}/kube-proxy",
        f"--kubeconfig={KUBECONFIG}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={PODS}",
        f"--hostname-override={NODE_NAME}",
        # Limits of the kernel stay as they are.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]
    return Component("kube-proxy", command, _API_SERVER)

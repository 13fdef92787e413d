"""The network of the machine inside: a namespace, a cable to it, and on demand a way out."""

from pathlib import Path
from typing import Final

from deploy.cluster.console import run
from deploy.cluster.machine.addresses import HOST, INTERFACE, LINK_PREFIX, NAMESPACE, NODE, PODS, SERVICES

PATH: Final = Path("/run/netns") / NAMESPACE
_TABLE: Final = "chatassistant"
_OUT: Final = f"""
table ip {_TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat
        ip saddr {{ {HOST}/{LINK_PREFIX}, {PODS} }} oifname != "{INTERFACE}" masquerade
    }}
}}
"""


def connect(*, way_out: bool) -> None:
    """Make the namespace and its cable; the host routes pods and Services there.

    Args:
        way_out: Whether what is inside may reach other machines too.
    """
    if not PATH.exists():
        run("ip", "netns", "add", NAMESPACE)
        inside = ("ip", "-n", NAMESPACE)
        run("ip", "link", "add", INTERFACE, "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE)
        run("ip", "address", "add", f"{HOST}/{LINK_PREFIX}", "dev", INTERFACE)
        run("ip", "link", "set", INTERFACE, "up")
        run(*inside, "address", "add", f"{NODE}/{LINK_PREFIX}", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "link", "set", "lo", "up")
        # kubelet and kube-proxy take the node's address from the default route.
        run(*inside, "route", "add", "default", "via", HOST)
        for addresses in (PODS, SERVICES):
            run("ip", "route", "add", addresses, "via", NODE)
    if way_out:
        run("sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
        run("nft", "delete", "table", "ip", _TABLE, check=False)
        run("nft", "--file", "-", stdin=_OUT)


def disconnect() -> None:
    """Remove all of it, if it is there; routes go with the cable."""
    if not PATH.exists() and not (Path("/sys/class/net") / INTERFACE).exists():
        return
    run("nft", "delete", "table", "ip", _TABLE, check=False)
    run("ip", "link", "delete", INTERFACE, check=False)
    if PATH.exists():
        run("ip", "netns", "delete", NAMESPACE)
    folder = PATH.parent
    # Which `ip netns` makes for the first namespace, and never removes.
    if folder.is_dir() and not any(folder.iterdir()):
        run("umount", folder, check=False)
        folder.rmdir()

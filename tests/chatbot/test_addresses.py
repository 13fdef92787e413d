"""How far a URL may lead, and that no connection goes farther."""

import ipaddress
import socket

import aiohttp
import pytest

from chatassistant_chatbot.addresses import (
    Endpoints,
    OutOfReachError,
    Reach,
    allowed,
    guarded_connector,
    resolve,
)


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("1.1.1.1", Reach.PUBLIC),
        ("2606:4700::1111", Reach.PUBLIC),
        ("64:ff9b::1.1.1.1", Reach.PUBLIC),
        ("10.1.2.3", Reach.CLUSTER),
        ("172.16.0.1", Reach.CLUSTER),
        ("192.168.1.1", Reach.CLUSTER),
        ("100.64.0.1", Reach.CLUSTER),
        ("fd00::1", Reach.CLUSTER),
        ("::ffff:10.1.2.3", Reach.CLUSTER),
        ("64:ff9b::10.1.2.3", Reach.CLUSTER),
        ("127.0.0.1", Reach.ANYWHERE),
        ("::1", Reach.ANYWHERE),
        ("0.0.0.0", Reach.ANYWHERE),  # noqa: S104 (nobody binds to it)
        ("0.1.2.3", Reach.ANYWHERE),
        ("::", Reach.ANYWHERE),
        ("169.254.169.254", Reach.ANYWHERE),
        ("fe80::1", Reach.ANYWHERE),
        ("fe80::1%eth0", Reach.ANYWHERE),
        ("fec0::1", Reach.ANYWHERE),
        ("fd00:ec2::254", Reach.ANYWHERE),
        ("fd20:ce::254", Reach.ANYWHERE),
        ("100.100.100.200", Reach.ANYWHERE),
        ("168.63.129.16", Reach.ANYWHERE),
        ("192.0.0.192", Reach.ANYWHERE),
        ("224.0.0.1", Reach.ANYWHERE),
        ("ff02::1", Reach.ANYWHERE),
        ("240.0.0.1", Reach.ANYWHERE),
        ("255.255.255.255", Reach.ANYWHERE),
        ("198.18.0.1", Reach.ANYWHERE),
        ("203.0.113.1", Reach.ANYWHERE),
        ("2001:db8::1", Reach.ANYWHERE),
        ("::ffff:127.0.0.1", Reach.ANYWHERE),
        ("::ffff:169.254.169.254", Reach.ANYWHERE),
        ("2002:7f00:1::", Reach.ANYWHERE),
        ("2002:a9fe:a9fe::1", Reach.ANYWHERE),
        ("64:ff9b::169.254.169.254", Reach.ANYWHERE),
        ("64:ff9b:1::10.0.0.1", Reach.ANYWHERE),
        ("2001::1", Reach.ANYWHERE),
        ("::127.0.0.1", Reach.ANYWHERE),
    ],
)
def test_how_far_an_address_is(address: str, reach: Reach) -> None:
    judged = ipaddress.ip_address(address)
    assert [each for each in Reach if allowed(judged, each)] == [each for each in Reach if each >= reach]


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("https://issuer.example", Reach.PUBLIC),
        ("http://dex", Reach.CLUSTER),
        ("http://dex:5556/dex", Reach.CLUSTER),
        ("http://dex.todo-chatbot", Reach.CLUSTER),
        ("http://dex.todo-chatbot.svc", Reach.CLUSTER),
        ("http://dex.todo-chatbot.svc.cluster.local.", Reach.CLUSTER),
        ("http://dex.other", Reach.PUBLIC),
        ("http://dex.other.svc.cluster.local", Reach.PUBLIC),
        ("http://localhost", Reach.PUBLIC),
        ("http://10.0.0.1", Reach.PUBLIC),
        ("http://2130706433", Reach.PUBLIC),
        ("https://listed.example/a", Reach.ANYWHERE),
        ("https://LISTED.example:443/a/", Reach.ANYWHERE),
        ("https://listed.example/b", Reach.PUBLIC),
        ("https://listed.example:444/a", Reach.PUBLIC),
        ("http://listed.example/a", Reach.PUBLIC),
        ("https://x@listed.example/a", Reach.PUBLIC),
        ("https://listed.example/a?b", Reach.PUBLIC),
        ("https://[", Reach.PUBLIC),
    ],
)
def test_how_far_a_url_may_lead(url: str, reach: Reach) -> None:
    assert Endpoints("todo-chatbot", ["https://listed.example/a"]).reach(url) == reach
    assert Endpoints("", ()).reach(url) == Reach.PUBLIC


def test_all_urls_can_be_listed() -> None:
    everything = Endpoints("", ["*"])
    assert everything.reach("http://127.0.0.1:8080/mcp") == Reach.ANYWHERE
    assert everything.reach("https://[") == Reach.PUBLIC


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_what_a_host_leads_to_is_judged(host: str) -> None:
    with pytest.raises(OutOfReachError):
        await resolve(host, 80, Reach.CLUSTER)
    assert await resolve(host, 80, Reach.ANYWHERE)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_guarded_connector_opens_no_connection(host: str) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.setblocking(False)
        url = f"http://{host}:{listener.getsockname()[1]}"
        timeout = aiohttp.ClientTimeout(5)
        async with aiohttp.ClientSession(
            connector=guarded_connector(Reach.CLUSTER), timeout=timeout
        ) as session:
            with pytest.raises(aiohttp.ClientConnectorError) as refused:
                await session.get(url)
        assert isinstance(refused.value.os_error, OutOfReachError)
        with pytest.raises(BlockingIOError):
            listener.accept()

"""Asks a chatbot from within a pod, and tells what it met; runs in the chatbot's image, by `python -c`.

With `--ask TEXT`, once. Else several callers ask, with streams, until standard input ends.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

_DONE = "[DONE]"


async def ask(session: aiohttp.ClientSession, text: str, *, stream: bool) -> str:
    """The answer's text.

    Raises:
        RuntimeError: for anything but a whole answer.
    """
    body = {"messages": [{"role": "user", "content": text}], "stream": stream}
    async with session.post("/v1/chat/completions", json=body) as response:
        if response.status != 200:
            raise RuntimeError(f"{response.status} {await response.text()}")
        if not stream:
            return str((await response.json())["choices"][0]["message"]["content"])
        said, ended = "", False
        async for line in response.content:
            data = line.decode().removeprefix("data: ").strip()
            if data == _DONE:
                ended = True
            elif data.startswith("{"):
                event = json.loads(data)
                if "error" in event:
                    raise RuntimeError(data)
                said += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
        if not ended:
            raise RuntimeError(f"cut after {said!r}")
        return said


async def wait_for_service(url: str) -> None:
    """Return when the Service leads somewhere: kube-proxy learns of a ready pod up to a second after everybody else.

    Raises:
        OSError: when it does not within 10 s.
    """
    deadline = time.monotonic() + 10
    while True:
        try:
            _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port or 80)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def main() -> None:
    """Ask as told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--ask")
    parser.add_argument("--callers", type=int, default=1)
    arguments = parser.parse_args()
    headers = {"Authorization": f"Bearer {base64.b64decode(arguments.token).decode()}"}
    met: dict[str, Any] = {"answers": [], "failures": []}
    ended = asyncio.Event()

    async def go_on(number: int) -> None:
        # A connection of its own for each request, as Services share out connections and not requests.
        turn = 0
        while not ended.is_set():
            turn += 1
            text = f"Question {turn} of caller {number}"
            try:
                connector = aiohttp.TCPConnector(force_close=True)
                async with aiohttp.ClientSession(
                    arguments.url, headers=headers, connector=connector
                ) as session:
                    answer = await ask(session, text, stream=True)
                if not met["answers"]:
                    sys.stdout.write("answered\n")
                    sys.stdout.flush()
                met["answers"].append(answer)
            except (RuntimeError, OSError, aiohttp.ClientError) as error:
                met["failures"].append(f"{time.strftime('%X')} {type(error).__name__}: {error}")

    await wait_for_service(arguments.url)
    if arguments.ask:
        async with aiohttp.ClientSession(arguments.url, headers=headers) as session:
            met["answers"].append(await ask(session, arguments.ask, stream=False))
    else:
        callers = asyncio.gather(*map(go_on, range(arguments.callers)))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        ended.set()
        await callers
    sys.stdout.write(json.dumps(met))


asyncio.run(main())

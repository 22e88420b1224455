"""An STS that hands out credentials of an account of its own choice, whatever role is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>none</SecretAccessKey>
<SessionToken>none</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>{account}</Account><UserId>AROAEXAMPLE</UserId><Arn>arn:aws:sts::{account}:assumed-role/Other/x</Arn>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@asynccontextmanager
async def deceiving_sts(account: str) -> AsyncIterator[str]:
    """Its endpoint."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        asked = (await reader.readexactly(length)).decode()
        body = _IDENTITY.format(account=account) if "Action=GetCallerIdentity" in asked else _ASSUMED
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/xml", f"Content-Length: {len(body)}", "Connection: close"]
        writer.write("\r\n".join([*lines, "", body]).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

"""The published MCP server, mrp-mcp 0.2.5, driven over stdio by the MCP client of the package `mcp`; every one of its tools.

    mcp_tools.py RELAY FOLDER

Two servers with a key each write to each other. The relay must let webhooks reach http://127.0.0.1.
"""

import asyncio
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

PATIENCE = 60
called = set()


class Peer:
    def __init__(self, session):
        self.session = session

    async def call(self, tool, **arguments):
        called.add(tool)
        result = await asyncio.wait_for(self.session.call_tool(tool, arguments), PATIENCE)
        text = result.content[0].text
        assert not result.isError, f"{tool}: {text}"
        return text


@asynccontextmanager
async def peer(relay, folder, name, capability):
    arguments = ["-m", "mrp_mcp", "--relay", relay, "--key", str(folder / f"{name}.key"), "--name", name, "--cap", capability]
    server = StdioServerParameters(command=sys.executable, args=arguments, cwd=str(folder), env={"HOME": str(folder)})
    async with stdio_client(server) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        yield Peer(session)


def only(pattern, text):
    found = re.findall(pattern, text)
    assert len(found) == 1, text
    return found[0]


async def conversation(ann, ben):
    own = only(r"Public key: (\S+)", await ann.call("mrp_whoami"))
    other = only(r"Public key: (\S+)", await ben.call("mrp_whoami"))
    await ben.call("mrp_update_profile", name="Ben", capabilities="text:translate,text:chat", visibility="public")
    await ann.call("mrp_update_profile", name="Ann", visibility="public", metadata={"team": "red"})
    for search in ({"capability": "text:chat"}, {"capability_prefix": "text:tr"}, {"name": "ben"}):
        assert other in await ann.call("mrp_discover", **search), search
    assert "text:translate" in await ann.call("mrp_capabilities")
    assert "Ben" in await ann.call("mrp_add_contact", name="Ben", alias="b")
    assert "Ben" in await ann.call("mrp_list_contacts")
    sent = only(r"(msg_\w+)", await ann.call("mrp_send", to="b", message="hello", thread_id="talk"))
    assert "hello" in await ben.call("mrp_check_messages")
    assert "delivered" in await ann.call("mrp_message_status", message_id=sent)
    await ben.call("mrp_reply", message_id=sent, message="hello Ann")
    assert "hello Ann" in await ann.call("mrp_check_messages")
    assert "hello Ann" in await ann.call("mrp_read_thread", thread_id="talk")
    return own, other


async def files(ann, folder):
    (folder / "out.txt").write_text("a file")
    blob = only(r"Blob ID: (\S+)", await ann.call("mrp_upload_blob", file_path=str(folder / "out.txt"), content_type="text/plain"))
    await ann.call("mrp_download_blob", blob_id=blob, save_to=str(folder / "in.txt"))
    assert (folder / "in.txt").read_text() == "a file"


async def settings(ann, ben, own):
    assert "allowlist" in await ben.call("mrp_set_inbox_policy", policy="allowlist")
    await ben.call("mrp_allow_sender", peer_key=own)
    assert own in await ben.call("mrp_list_acl", entry_type="allow")
    await ben.call("mrp_block_sender", peer_key=own)
    await ben.call("mrp_remove_acl_entry", peer_key=own)
    assert "No ACL entries" in await ben.call("mrp_list_acl")
    await ben.call("mrp_register_webhook", url="http://127.0.0.1:9999/hook", secret="sixteen characters or more")
    assert "Enabled: True" in await ben.call("mrp_get_webhook")
    await ben.call("mrp_delete_webhook")


async def main():
    relay, folder = sys.argv[1], Path(sys.argv[2])
    async with peer(relay, folder, "ann", "text:write") as ann, peer(relay, folder, "ben", "text:read") as ben:
        tools = {tool.name for tool in (await ann.session.list_tools()).tools}
        own, _ = await conversation(ann, ben)
        await files(ann, folder)
        await settings(ann, ben, own)
    assert called == tools, f"never called: {sorted(tools - called)}"
    print(f"{len(tools)} tools")


asyncio.run(main())

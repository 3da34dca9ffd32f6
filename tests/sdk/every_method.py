"""Every public method of the published SDK 0.3.1 (Client, Agent, WSClient, ReconnectingWSClient), against a relay.

    every_method.py RELAY

Each call's outcome is checked. At the end the methods that were called are compared with those that there are, so that none is
left out unseen. The relay must let webhooks reach http://127.0.0.1.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import inspect
import io
import json
import queue
import sys
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from mrp import EncryptAttachInput, as_event, as_request, as_response, as_status
from mrp.agent import Agent
from mrp.auth import Keypair
from mrp.client import Client
from mrp.errors import ConflictError, ForbiddenError, NotFoundError
from mrp.models import Attachment, Capability
from mrp.websocket import ReconnectingWSClient, WSClient

PATIENCE = 60
called = set()


def public_methods(kind):
    found = {}
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            found[name] = value
    return found


def record(kind):
    """Notes each call of a public method; the method itself is the published one."""
    for name, value in public_methods(kind).items():
        def noting(function, label=f"{kind.__name__}.{name}"):
            if inspect.iscoroutinefunction(function):
                @functools.wraps(function)
                async def asynchronous(*arguments, **named):
                    called.add(label)
                    return await function(*arguments, **named)
                return asynchronous

            @functools.wraps(function)
            def synchronous(*arguments, **named):
                called.add(label)
                return function(*arguments, **named)
            return synchronous

        if isinstance(value, property):
            setattr(kind, name, property(noting(value.fget)))
        else:
            setattr(kind, name, noting(value))


def refused(exception, code, call):
    try:
        call()
    except exception as error:
        assert error.code == code, f"{error.code}, expected {code}"
    else:
        raise AssertionError(f"not refused with {code}")


def profiles(relay, alice, bob):
    info = alice.register()
    assert info.public_key == alice.public_key and info.visibility == "public", info
    assert [capability.name for capability in info.capabilities] == ["translate"], info
    assert info.capabilities[0].input_schema == {"type": "object"}, info
    bob.register()
    seen = bob.client.get_agent(alice.public_key)
    assert seen.display_name == "Alice of the tests" and seen.metadata == {"team": "red"}, seen
    changed = alice.client.update_agent(alice.public_key, display_name="Alice", metadata={"team": "blue"})
    assert changed.metadata == {"team": "blue"} and changed.inbox_policy == "open", changed


def discovery(alice, bob):
    tag = "text:translate"
    for found in (
        bob.discover(tag),
        bob.discover_search(tags=[tag], query="languages", name="alice"),
        bob.client.discover(tag).agents,
        bob.client.discover_search(name="ALI", active_since="2026-01-01T00:00:00Z").agents,
        bob.client.discover_all(tag),
        bob.client.discover_search_all(tags=[tag], query="between languages"),
    ):
        assert [agent.public_key for agent in found] == [alice.public_key], found
    assert found[0].capabilities[0].description == "between languages", found
    assert bob.client.discover_search(query="cooking").agents == []
    own = bob.client.get_agent_capabilities(alice.public_key)
    assert own[0].tags == [tag], own
    for counts in (bob.list_capabilities(), bob.client.list_capabilities()):
        assert {entry.tag: entry.agent_count for entry in counts.capabilities} == {tag: 1}, counts


def messages(alice, bob):
    sent = alice.send(bob.public_key, {"text": "hello"}, thread="first thread")
    received = bob.receive(sender=alice.public_key)
    assert [message.message_id for message in received] == [sent.message_id], received
    assert bob.client.get_message(sent.message_id).status == "delivered"
    assert alice.client.get_message_status(sent.message_id).delivered_at is not None
    answer = bob.reply(received[0], {"text": "hello yourself"}, encrypt=True)
    got = next(alice.messages(poll_interval=0.05))
    assert got.message_id == answer.message_id and got.in_reply_to == sent.message_id, got
    assert alice.decrypt_envelope(got)[0] == {"text": "hello yourself"}
    assert json.loads(alice.decrypt(got)[0]) == {"text": "hello yourself"}
    assert [message.message_id for message in alice.thread("first thread")] == [sent.message_id, answer.message_id]
    assert len(alice.client.get_thread("first thread", limit=1).messages) == 1
    direct = alice.client.send_message(bob.public_key, {"n": 1}, content_type="application/x-test", metadata={"k": "v"}, expires_in=60)
    polled = bob.client.poll_messages(limit=1).messages
    assert polled[0].message_id == direct.message_id and polled[0].metadata == {"k": "v"}, polled


def structured(alice, bob):
    alice.request(bob.public_key, "translate", {"text": "good day"}, thread="work")
    request = bob.receive()[0]
    assert as_request(request).action == "translate"
    bob.respond(request, {"text": "guten Tag"})
    bob.respond_error(request, "too_polite", "once is enough")
    bob.send_status(alice.public_key, progress=50.0, stage="half")
    bob.emit_event(alice.public_key, "done", {"count": 1})
    good, bad, status, event = alice.receive()
    assert as_response(good).result == {"text": "guten Tag"} and good.in_reply_to == request.message_id
    assert as_response(bad).error.code == "too_polite"
    assert as_status(status).progress == 50.0
    assert as_event(event).event == "done"


def blobs(alice, bob):
    content = b"\x00\x01" * 5000
    blob = alice.upload(io.BytesIO(content), "image/png")
    assert blob.size == len(content) and blob.hash == hashlib.sha256(content).hexdigest(), blob
    refused(NotFoundError, "blob_not_found", lambda: bob.client.download_blob(blob.blob_id))
    sent = alice.send(bob.public_key, {"text": "a picture"}, attachments=[blob.blob_id])
    attachment = bob.receive()[0].attachments[0]
    assert (attachment.size, attachment.content_type, attachment.hash) == (blob.size, "image/png", blob.hash), attachment
    assert bob.download(attachment.blob_id) == (content, "image/png")
    assert bob.client.download_blob(attachment.blob_id)[0] == content
    metadata = bob.client.get_blob_metadata(blob.blob_id)
    assert (metadata.size, metadata.hash, metadata.content_type) == (blob.size, blob.hash, "image/png"), metadata
    refused(ConflictError, "blob_referenced", lambda: alice.client.delete_blob(blob.blob_id))
    spare = alice.client.upload_blob(b"", "text/plain")
    assert spare.size == 0, spare
    alice.client.delete_blob(spare.blob_id)
    named = Attachment(blob_id=blob.blob_id, filename="picture.png")
    bob.client.send_message(alice.public_key, {"text": "back"}, attachments=[named])
    assert alice.receive()[0].attachments[0].filename == "picture.png"
    secret = EncryptAttachInput(data=b"for your eyes only", filename="note.txt", content_type="text/plain")
    alice.send(bob.public_key, {"text": "sealed"}, encrypt=True, encrypt_attachments=[secret])
    message = bob.receive()[0]
    body, _, attachments = bob.decrypt_envelope(message)
    assert body == {"text": "sealed"} and attachments[0].filename == "note.txt", attachments
    assert bob.download_decrypted_attachment(alice.public_key, attachments[0]) == (b"for your eyes only", "text/plain")
    assert sent.status == "sent"


def access(alice, bob):
    blocked = bob.block(alice.public_key)
    assert (blocked.owner_key, blocked.peer_key, blocked.entry_type) == (bob.public_key, alice.public_key, "block"), blocked
    bob.client.update_agent(bob.public_key, inbox_policy="blocklist")
    refused(ForbiddenError, "acl_denied", lambda: alice.send(bob.public_key, {"n": 1}))
    assert bob.client.get_acl(bob.public_key, alice.public_key).entry_type == "block"
    bob.allow(alice.public_key)
    bob.client.update_agent(bob.public_key, inbox_policy="allowlist")
    alice.send(bob.public_key, {"n": 2})
    assert [entry.entry_type for entry in bob.list_acl()] == ["allow"]
    assert bob.list_acl("block") == []
    bob.unblock(alice.public_key)
    refused(ForbiddenError, "acl_denied", lambda: alice.send(bob.public_key, {"n": 3}))
    refused(NotFoundError, "acl_entry_not_found", lambda: bob.client.get_acl(bob.public_key, alice.public_key))
    bob.client.set_acl(bob.public_key, alice.public_key, "allow")
    assert len(bob.client.list_acl(bob.public_key, "allow")) == 1
    bob.client.delete_acl(bob.public_key, alice.public_key)
    bob.client.update_agent(bob.public_key, inbox_policy="open")
    assert [message.body for message in bob.receive()] == [{"n": 2}]


class Receiver:
    """A webhook's other end."""

    def __init__(self):
        self.deliveries = queue.Queue()
        deliveries = self.deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                deliveries.put((dict(self.headers), body))

            def log_message(self, *arguments):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"


def webhooks(alice, bob):
    receiver = Receiver()
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    info = bob.client.register_webhook(bob.public_key, receiver.url(), secret)
    assert info.enabled and info.consecutive_failures == 0 and info.url == receiver.url(), info
    sent = alice.send(bob.public_key, {"text": "to your hook"})
    headers, body = receiver.deliveries.get(timeout=PATIENCE)
    headers = {name.lower(): value for name, value in headers.items()}
    delivery = json.loads(body)
    assert delivery["message"]["message_id"] == sent.message_id and delivery["message"]["body"] == {"text": "to your hook"}
    assert headers["x-m2m-delivery-id"] == delivery["delivery_id"]
    assert headers["x-m2m-webhook-signature"] == hmac.new(b"s" * 32, body, hashlib.sha256).hexdigest()
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    standard = base64.b64encode(hmac.new(b"s" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{standard}"
    assert bob.client.get_webhook(bob.public_key).url == receiver.url()
    bob.client.delete_webhook(bob.public_key)
    refused(NotFoundError, "webhook_not_found", lambda: bob.client.get_webhook(bob.public_key))


async def sockets(relay, alice, bob):
    for kind in (WSClient, ReconnectingWSClient):
        received = asyncio.Queue()

        async def handler(message):
            await received.put(message)
            return None

        listening, sending = kind(relay, bob._keypair), WSClient(relay, alice._keypair)
        listening.on_message(handler)
        running = asyncio.create_task(listening.run())
        await sending.connect()
        reading = asyncio.create_task(sending._read_loop())
        sent = await sending.send_message(bob.public_key, {"by": kind.__name__}, thread_id="socket", metadata={"a": "b"})
        message = await asyncio.wait_for(received.get(), PATIENCE)
        assert message.message_id == sent.message_id and message.body == {"by": kind.__name__}, message
        await sending.close()
        await listening.close()
        await asyncio.wait_for(running, PATIENCE)
        reading.cancel()


def served(relay, asking, mode):
    """`Agent.run` in a thread, in both of its modes: an action is routed, another message goes to the handler."""
    worker = Agent(relay, name=f"worker by {mode}")
    capability = Capability(name="double", description="twice a number", tags=["math:double"])
    worker.register_capability(capability, lambda request, message: {"n": 2 * request.params["n"]})
    worker.on_request("halve", lambda request, message: {"n": request.params["n"] // 2})
    others = queue.Queue()
    worker.on_message(lambda message: others.put(message))
    worker.register()
    threading.Thread(target=worker.run, kwargs={"mode": mode}, daemon=True).start()
    for action, expected in (("double", 84), ("halve", 21)):
        asked = asking.request(worker.public_key, action, {"n": 42})
        answer = next(asking.messages(poll_interval=0.05))
        assert answer.in_reply_to == asked.message_id and as_response(answer).result == {"n": expected}, answer
    asking.send(worker.public_key, {"text": "no action"})
    assert others.get(timeout=PATIENCE).body == {"text": "no action"}


def main():
    relay = sys.argv[1]
    kinds = (Client, Agent, WSClient, ReconnectingWSClient)
    for kind in kinds:
        record(kind)
    capability = Capability(name="translate", description="between languages", tags=["text:translate"], input_schema={"type": "object"})
    with tempfile.TemporaryDirectory() as folder, Agent(
        relay,
        key_file=str(Path(folder) / "alice.key"),
        name="Alice of the tests",
        capabilities=[capability],
        metadata={"team": "red"},
        visibility="public",
        inbox_policy="open",
    ) as alice:
        bob = Agent(relay, keypair=Keypair.generate(), name="Bob")
        for part in (
            lambda: profiles(relay, alice, bob),
            lambda: discovery(alice, bob),
            lambda: messages(alice, bob),
            lambda: structured(alice, bob),
            lambda: blobs(alice, bob),
            lambda: access(alice, bob),
            lambda: webhooks(alice, bob),
            lambda: asyncio.run(sockets(relay, alice, bob)),
            lambda: served(relay, alice, "poll"),
            lambda: served(relay, alice, "websocket"),
        ):
            part()
        gone = Agent(relay)
        gone.register()
        gone.delete()
        refused(NotFoundError, "agent_not_found", lambda: alice.client.get_agent(gone.public_key))
        gone.close()
        bob.client.delete_agent(bob.public_key)
        with Client(relay, Keypair.generate()) as client:
            client.update_agent(client.keypair.public_key_b64)
    there = {f"{kind.__name__}.{name}" for kind in kinds for name in public_methods(kind)}
    assert called == there, f"never called: {sorted(there - called)}"
    print(f"{len(called)} methods")


main()

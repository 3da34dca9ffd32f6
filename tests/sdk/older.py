"""The published SDK 0.2.7, which knows capabilities as plain strings, against a relay.

    older.py RELAY

It signs with whole seconds, so that two equal requests within one second have one signature, and the second is a replay; what
asks again here waits for the next second first, as a user of that version must.
"""

import sys
import time

from mrp.agent import Agent
from mrp.errors import NotFoundError


def next_second():
    time.sleep(1.0 - time.time() % 1.0)


def main():
    relay = sys.argv[1]
    alice = Agent(relay, name="Older Alice", capabilities=["text:translate", "text:chat"], visibility="public")
    info = alice.register()
    assert info.capabilities == ["text:translate", "text:chat"], info
    bob = Agent(relay, name="Older Bob")
    bob.register()
    for found in (
        bob.discover("text:chat"),
        bob.discover_search(capability_prefix="text:"),
        bob.discover_search(name="older alice"),
    ):
        assert [(agent.public_key, agent.capabilities) for agent in found] == [(alice.public_key, info.capabilities)], found
    assert bob.client.get_agent(alice.public_key).capabilities == info.capabilities
    counts = {entry.tag: entry.agent_count for entry in bob.list_capabilities().capabilities}
    assert counts == {"text:translate": 1, "text:chat": 1}, counts

    sent = alice.send(bob.public_key, {"text": "in clear"}, thread="older")
    sealed = alice.send(bob.public_key, {"text": "sealed"}, encrypt=True, encrypt_attachments=[(b"a note", "text/plain")])
    first, second = bob.receive()
    assert (first.message_id, first.body) == (sent.message_id, {"text": "in clear"}), first
    body, _, attachments = bob.decrypt_envelope(second)
    assert second.message_id == sealed.message_id and body == {"text": "sealed"}, second
    assert bob.download_decrypted_attachment(alice.public_key, attachments[0])[0] == b"a note"
    bob.reply(first, {"text": "and back"})
    assert [message.body for message in alice.receive()] == [{"text": "and back"}]
    assert len(alice.thread("older")) == 2
    blob = alice.upload(b"bytes", "application/x-test")
    assert alice.download(blob.blob_id) == (b"bytes", "application/x-test")
    bob.block(alice.public_key)
    assert [entry.peer_key for entry in bob.list_acl()] == [alice.public_key]
    bob.unblock(alice.public_key)
    next_second()
    assert bob.list_acl() == []
    next_second()
    assert bob.receive() == []
    alice.delete()
    next_second()
    try:
        bob.client.get_agent(alice.public_key)
    except NotFoundError as error:
        assert error.code == "agent_not_found", error
    else:
        raise AssertionError("the agent is still there")
    print("done")


main()

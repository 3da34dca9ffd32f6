"""A peer that is the published SDK, unmodified, driven from the command line by the tests.

    peer.py RELAY KEY_FILE key                      prints the public key, after registering
    peer.py RELAY KEY_FILE send TO TEXT             over HTTP, in clear
    peer.py RELAY KEY_FILE send-sealed TO TEXT      over HTTP, sealed
    peer.py RELAY KEY_FILE send-socket TO TEXT      over a WebSocket, in clear
    peer.py RELAY KEY_FILE poll COUNT               polls until so many came; a JSON line each
    peer.py RELAY KEY_FILE listen COUNT             the same over a WebSocket; prints "listening" once connected
    peer.py RELAY KEY_FILE echo COUNT               answers so many over a WebSocket, as the SDK's handlers do
    peer.py RELAY KEY_FILE thread THREAD            the messages of a thread
    peer.py RELAY KEY_FILE send-file TO PATH        with a blob, all in clear
    peer.py RELAY KEY_FILE send-file-sealed TO PATH the same, sealed
    peer.py RELAY KEY_FILE fetch PATH               polls for one message and writes its attachment; prints what it says of it
    peer.py RELAY KEY_FILE errors                   the exceptions that the SDK makes of our errors
"""

import asyncio
import json
import sys
import time

from mrp.agent import Agent
from mrp.client import Client
from mrp.errors import AuthError, ConflictError, ForbiddenError, MRPError, NotFoundError, ValidationError
from mrp.models import ENCRYPTED_CONTENT_TYPE, EncryptAttachInput
from mrp.websocket import WSClient


def show(agent, message):
    body, content_type, _ = agent.decrypt_envelope(message)
    line = {
        "id": message.message_id,
        "from": message.sender_key,
        "body": body,
        "type": content_type,
        "encrypted": message.content_type == ENCRYPTED_CONTENT_TYPE,
        "thread": message.thread_id,
        "reply_to": message.in_reply_to,
    }
    print(json.dumps(line), flush=True)


def poll(agent, count):
    deadline = time.monotonic() + 60
    while count > 0:
        messages = agent.receive()
        for message in messages:
            show(agent, message)
        count -= len(messages)
        if time.monotonic() > deadline:
            sys.exit("no more messages came")
        if not messages:
            time.sleep(0.05)


def fetch(agent, path):
    deadline = time.monotonic() + 60
    messages = []
    while not messages:
        messages = agent.receive()
        if time.monotonic() > deadline:
            sys.exit("no message came")
        if not messages:
            time.sleep(0.05)
    message = messages[0]
    _, _, attachments = agent.decrypt_envelope(message)
    data, content_type = agent.download_decrypted_attachment(message.sender_key, attachments[0])
    with open(path, "wb") as file:
        file.write(data)
    print(json.dumps({"filename": attachments[0].filename, "type": content_type, "encrypted": attachments[0].encrypted}))


async def listen(agent, relay, count, answer):
    agent.register()
    socket = WSClient(relay, agent._keypair)
    left = count
    done = asyncio.Event()

    async def on_message(message):
        nonlocal left
        show(agent, message)
        left -= 1
        if left == 0:
            done.set()
        return answer(agent, message)

    socket.on_message(on_message)
    await socket.connect()
    print("listening", flush=True)
    reader = asyncio.create_task(socket._read_loop())
    await asyncio.wait_for(done.wait(), 60)
    # The ack of the last message, and its answer, are on their way; closing waits for what was written.
    await asyncio.sleep(0)
    await socket.close()
    reader.cancel()


async def send_over_socket(agent, relay, to, text):
    agent.register()
    socket = WSClient(relay, agent._keypair)
    await socket.connect()
    reader = asyncio.create_task(socket._read_loop())
    result = await socket.send_message(to, {"text": text})
    print(result.message_id)
    await socket.close()
    reader.cancel()


def expect(name, exception, code, call):
    try:
        call()
    except exception as error:
        assert error.code == code, f"{name}: {error.code}, expected {code}"
        assert error.request_id, f"{name}: no request id"
        print(f"{name}: {type(error).__name__} {error.code}")
    else:
        sys.exit(f"{name}: no error")


def errors(agent, relay):
    agent.register()
    client = agent.client
    other = Agent(relay)
    other.register()
    own, foreign = agent.public_key, other.public_key
    absent = "msg_1772611200_a1b2c3d4e5f6"
    expect("unknown recipient", NotFoundError, "agent_not_found", lambda: client.send_message("nonexistent", {"a": 1}))
    expect("unknown agent", NotFoundError, "agent_not_found", lambda: client.get_agent(Agent(relay).public_key))
    expect("unknown message", NotFoundError, "message_not_found", lambda: client.get_message(absent))
    expect("foreign profile", ForbiddenError, "forbidden", lambda: client.update_agent(foreign, display_name="x"))
    expect("long life", ValidationError, "validation_failed", lambda: client.send_message(own, {"a": 1}, expires_in=2592001))
    client.update_agent(own, inbox_policy="closed")
    expect("closed inbox", ForbiddenError, "acl_denied", lambda: other.client.send_message(own, {"a": 1}))
    client.update_agent(own, inbox_policy="blocklist")
    client.keypair = type("Tampering", (), {
        "public_key_b64": own,
        "sign_request": lambda self, *parts: agent._keypair.sign_request("PUT", *parts[1:]),
    })()
    expect("wrong signature", AuthError, "invalid_signature", lambda: client.get_agent(own))


def main():
    relay, key_file, command, *rest = sys.argv[1:]
    agent = Agent(relay, key_file=key_file, name="published SDK")
    if command == "key":
        agent.register()
        print(agent.public_key)
    elif command == "send":
        print(agent.send(rest[0], {"text": rest[1]}, thread="sdk/thread 1").message_id)
    elif command == "send-sealed":
        print(agent.send(rest[0], {"text": rest[1]}, encrypt=True).message_id)
    elif command == "send-socket":
        asyncio.run(send_over_socket(agent, relay, *rest))
    elif command == "poll":
        poll(agent, int(rest[0]))
    elif command == "listen":
        asyncio.run(listen(agent, relay, int(rest[0]), lambda _agent, _message: None))
    elif command == "echo":
        def answer(agent, message):
            body, _, _ = agent.decrypt_envelope(message)
            return {"text": "echo: " + body["text"]}

        asyncio.run(listen(agent, relay, int(rest[0]), answer))
    elif command == "thread":
        for message in agent.thread(rest[0]):
            show(agent, message)
    elif command == "send-file":
        with open(rest[1], "rb") as file:
            blob = agent.upload(file.read(), "text/x-test")
        print(agent.send(rest[0], {"text": "a file"}, attachments=[blob.blob_id]).message_id)
    elif command == "send-file-sealed":
        with open(rest[1], "rb") as file:
            attached = EncryptAttachInput(data=file.read(), filename="sealed.bin", content_type="text/x-test")
        sent = agent.send(rest[0], {"text": "a sealed file"}, encrypt_attachments=[attached], encrypt=True)
        print(sent.message_id)
    elif command == "fetch":
        fetch(agent, rest[0])
    elif command == "errors":
        errors(agent, relay)
    else:
        sys.exit(__doc__)


main()

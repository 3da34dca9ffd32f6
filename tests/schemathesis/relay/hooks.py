"""Signs what schemathesis sends, and points some of it at things that exist.

Every request is signed by the three X-M2M-* headers over the bytes that are about to leave, as any client would. A case that is
meant to be valid, and names an agent, mostly names the one that signs: otherwise all that is found is "not found".
"""

import base64
import hashlib
import threading
import zlib
from datetime import datetime, timezone
from functools import lru_cache
from urllib.parse import urlsplit

import requests
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from schemathesis import GenerationMode


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


SECRET = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"schemathesis").digest())
PUBLIC_KEY = base64url(SECRET.public_key().public_bytes_raw())
# Another agent, which exists only as an address.
PEER_KEY = base64url(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))


class Clock:
    """Milliseconds that never repeat, since two equal requests of one millisecond would have one signature."""

    def __init__(self):
        self.last = 0
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            now = int(datetime.now(timezone.utc).timestamp() * 1000)
            self.last = max(now, self.last + 1)
            time = datetime.fromtimestamp(self.last / 1000, timezone.utc)
            return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.last % 1000:03}Z"


CLOCK = Clock()


class Signature(requests.auth.AuthBase):
    """Signs a prepared request; what it was given by hand, to see it refused, is left alone."""

    def __call__(self, request):
        timestamp = CLOCK.next()
        target = urlsplit(request.url)
        path = target.path + ("?" + target.query if target.query else "")
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        digest = base64url(hashlib.sha256(body).digest())
        signed = "\n".join([request.method.upper(), path, timestamp, digest])
        request.headers["X-M2M-Public-Key"] = PUBLIC_KEY
        request.headers["X-M2M-Timestamp"] = timestamp
        request.headers["X-M2M-Signature"] = base64url(SECRET.sign(signed.encode()))
        return request


@schemathesis.auth()
class Signing:
    """Known to schemathesis as the API's authentication, so that it also tries what happens without."""

    def get(self, case, context):
        return Signature()

    def set(self, case, data, context):
        case._auth = data


@lru_cache
def existing_message(relay):
    """A message of the agent to itself."""
    body = {"recipient_key": PUBLIC_KEY, "body": "for those that ask by id"}
    answer = requests.post(relay + "/v1/messages", json=body, auth=Signature(), timeout=30)
    answer.raise_for_status()
    return answer.json()["message_id"]


@lru_cache
def existing_blob(relay):
    """A blob of the agent."""
    answer = requests.post(relay + "/v1/blobs", data=b"for those that ask by id", auth=Signature(), timeout=30)
    answer.raise_for_status()
    return answer.json()["blob_id"]


def with_letters(value):
    """The same with another letter for each character that is neither ASCII nor a letter nor a digit."""
    if isinstance(value, str):
        return "".join(c if c.isascii() or c.isalnum() else "x" for c in value)
    if isinstance(value, list):
        return [with_letters(item) for item in value]
    if isinstance(value, dict):
        return {name: with_letters(item) for name, item in value.items()}
    return value


@schemathesis.hook
def map_case(context, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    relay = str(case.operation.base_url).rstrip("/")
    path, query, headers = case.path_parameters or {}, case.query or {}, case.headers or {}
    names_another = zlib.crc32(repr((path, case.body)).encode()) % 4 == 0
    if not names_another:
        if "key" in path:
            path["key"] = PUBLIC_KEY
        if "id" in path and case.operation.path.startswith("/v1/messages/{id}"):
            path["id"] = existing_message(relay)
        if "id" in path and case.operation.path == "/v1/blobs/{id}":
            path["id"] = existing_blob(relay)
        if isinstance(case.body, dict) and "recipient_key" in case.body:
            case.body["recipient_key"] = PUBLIC_KEY
    # Not every 43 characters are a key, and of characters beyond ASCII the schema does not tell letters.
    if "peer" in path:
        path["peer"] = PEER_KEY
    if "sender_key" in query:
        query["sender_key"] = PUBLIC_KEY
    if isinstance(case.body, dict) and "capabilities" in case.body:
        case.body["capabilities"] = with_letters(case.body["capabilities"])
    # Where nobody listens; the relay is told that it may go there.
    if isinstance(case.body, dict) and "secret" in case.body:
        case.body["url"] = "http://127.0.0.1:65535/" + format(zlib.crc32(repr(case.body).encode()), "x")
    # Words have letters or digits.
    if "q" in query:
        query["q"] = "word " + str(query["q"])[:200]
    # Where to go on, only the relay knows; it refuses what it did not write itself.
    query.pop("cursor", None)
    # All of it may be waited, by each of the cases.
    if "wait" in query:
        query["wait"] = 0
    # Some condition must hold.
    if "If-Match" in headers:
        headers["If-Match"] = "*"
    # One key stands for one message.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"{zlib.crc32(repr(case.body).encode()):08x}"
    return case

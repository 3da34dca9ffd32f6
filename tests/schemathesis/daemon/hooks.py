"""Points some of what schemathesis sends at things that exist, and keeps it from waiting."""

import json
import zlib
from functools import lru_cache

import requests
import schemathesis
from schemathesis import GenerationMode


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """One line for each message."""
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@lru_cache
def existing_message(daemon):
    """A message of the user to themselves."""
    body = {"to": "me", "body": "for those that ask by id", "wait": "accepted", "wait_ms": 10_000}
    answer = requests.post(daemon + "/v1/send", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()["message_id"]


@schemathesis.hook
def map_case(context, case):
    for part in (case.query, case.body):
        if not isinstance(part, dict):
            continue
        # What never ends, or only in an hour, is waited for by no test.
        part.pop("follow", None)
        wait = part.get("wait_ms")
        if isinstance(wait, int) and wait > 10:
            part["wait_ms"] = 10
        if "wait" in part and wait is None:
            part["wait_ms"] = 10
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    path = case.path_parameters or {}
    if zlib.crc32(repr((path, case.body)).encode()) % 4 == 0:
        return case
    place = case.operation.path
    if "name" in path and place.startswith("/v1/hooks/"):
        path["name"] = "note"
    if "name" in path and place.startswith(("/v1/topics/", "/v1/publish/")):
        path["name"] = "news"
    if "id" in path and place.startswith(("/v1/messages/", "/v1/receipts/", "/v1/outbox/")):
        path["id"] = existing_message(str(case.operation.base_url).rstrip("/"))
    if "who" in path:
        path["who"] = "me"
    if isinstance(case.body, dict) and "to" in case.body:
        case.body["to"] = "me"
    return case

"""The ways in which a message reaches a function, and the answers it gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from functions_framework import create_app

from emulators.lifetime import ROOT

Body = Mapping[str, Any]
Parts = tuple[dict[str, str], bytes]
"""Headers and body of one request."""


def message(
    event_id: str, data: Body, message_id: str = "9001", published_at: str = "2026-11-20T06:00:00Z"
) -> dict[str, Any]:
    """A Pub/Sub message as a push carries it."""
    return {
        "data": base64.b64encode(json.dumps(data).encode()).decode(),
        "attributes": {"event_id": event_id},
        "messageId": message_id,
        "publishTime": published_at,
    }


def raw_push(event_id: str, data: Body, message_id: str = "9001") -> Parts:
    """The wrapped body of a push subscription."""
    body = {
        "subscription": "projects/p/subscriptions/s",
        "deliveryAttempt": 1,
        "message": message(event_id, data, message_id),
    }
    return {"content-type": "application/json"}, json.dumps(body).encode()


def scheduled_push(published_at: str) -> Parts:
    """A scheduler's beat: the same empty data every time, and only Pub/Sub says when."""
    body = {"subscription": "s", "message": message("", {}, published_at=published_at)}
    return {"content-type": "application/json"}, json.dumps(body).encode()


def binary_cloud_event(event_id: str, data: Body, message_id: str = "9001") -> Parts:
    """As Eventarc sends it: the attributes in headers."""
    headers = {
        "content-type": "application/json",
        "ce-id": message_id,
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    }
    body = {"subscription": "projects/p/subscriptions/s", "message": message(event_id, data, message_id)}
    return headers, json.dumps(body).encode()


def structured_cloud_event(event_id: str, data: Body, message_id: str = "9001") -> Parts:
    """The attributes in the body."""
    body = {
        "specversion": "1.0",
        "id": message_id,
        "source": "//pubsub.googleapis.com/projects/p/topics/t",
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "datacontenttype": "application/json",
        "data": {"subscription": "projects/p/subscriptions/s", "message": message(event_id, data, message_id)},
    }
    return {"content-type": "application/cloudevents+json"}, json.dumps(body).encode()


FORMS: dict[str, Callable[..., Parts]] = {
    "raw push": raw_push,
    "binary CloudEvent": binary_cloud_event,
    "structured CloudEvent": structured_cloud_event,
}


def answer(name: str, parts: Parts) -> int:
    """The status with which function `name` answers, under functions-framework."""
    client = create_app(name, str(ROOT / "functions" / name / "main.py")).test_client()
    headers, body = parts
    return int(client.post("/", data=body, headers=headers).status_code)

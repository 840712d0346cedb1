"""A function that may create objects and never replace one: what Cloud Storage tells it of an object that is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.loopback import Loopback, Reply, Request, json_reply
from quantsentinel.adapters.google.connection import NotAllowed
from quantsentinel.adapters.google.objects import GcsObjects

THERE = "there.json"


def _create_only(request: Request) -> Reply:
    """Cloud Storage for an account with objectCreator and objectViewer, where it looks at permissions first."""
    if request.method == "POST":
        return json_reply({"error": {"code": 403, "message": "no storage.objects.delete access"}}, 403)
    if request.path.endswith(THERE):
        return json_reply({"name": THERE, "bucket": "audit"})
    return json_reply({"error": {"code": 404, "message": "No such object"}}, 404)


@pytest.fixture
def objects() -> Iterator[GcsObjects]:
    with Loopback(_create_only) as server:
        yield GcsObjects("local-create-only", "audit", emulator_url=server.url)


def test_an_object_that_is_there_is_there_also_when_replacing_it_is_forbidden(objects: GcsObjects) -> None:
    assert objects.put_if_absent(THERE, b"{}") is False


def test_an_object_that_is_not_there_and_may_not_be_created_is_told_as_forbidden(objects: GcsObjects) -> None:
    with pytest.raises(NotAllowed):
        objects.put_if_absent("new.json", b"{}")

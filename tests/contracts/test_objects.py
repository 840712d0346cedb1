"""What every implementation of `Objects` promises: a folder and a bucket answer alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from quantsentinel.errors import BadInput
from quantsentinel.ports import ObjectInfo, Objects


def test_the_first_writer_keeps_the_key(objects: Objects) -> None:
    assert objects.put_if_absent("snapshots/NIFTY/a.parquet", b"first") is True
    assert objects.put_if_absent("snapshots/NIFTY/a.parquet", b"second") is False
    assert objects.get("snapshots/NIFTY/a.parquet") == b"first"


def test_of_thirty_racing_writers_one_wins_and_its_bytes_stay(objects: Objects) -> None:
    for key in (f"race/{number}" for number in range(5)):
        with ThreadPoolExecutor(30) as pool:
            won = list(pool.map(lambda number, key=key: objects.put_if_absent(key, b"%d" % number), range(30)))
        assert won.count(True) == 1
        assert objects.get(key) == b"%d" % won.index(True)


def test_older_generations_stay_readable_by_number(objects: Objects) -> None:
    numbers = [objects.put("daily/NIFTY.json", b"v%d" % number) for number in range(6)]
    assert numbers == sorted(set(numbers))
    assert objects.get("daily/NIFTY.json") == b"v5"
    assert [objects.get("daily/NIFTY.json", number) for number in numbers] == [b"v%d" % item for item in range(6)]


def test_an_overwritten_first_writer_is_still_its_generation(objects: Objects) -> None:
    objects.put_if_absent("a.bin", b"one")
    first = objects.list("a.bin")[0].generation
    second = objects.put("a.bin", b"two")
    assert second > first
    assert objects.get("a.bin", first) == b"one"
    assert objects.put_if_absent("a.bin", b"three") is False


def test_racing_overwrites_lose_no_generation(objects: Objects) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda number: objects.put("race.bin", b"%d" % number), range(24)))
    assert len(set(numbers)) == 24
    assert sorted(int(objects.get("race.bin", number)) for number in numbers) == list(range(24))


def test_what_is_not_there_is_none(objects: Objects) -> None:
    generation = objects.put("here.bin", b"x")
    assert objects.get("nowhere.bin") is None
    assert objects.get("here.bin", generation + 1) is None
    assert objects.get("here.bin", 0) is None


def test_live_objects_are_listed_by_key_with_size_and_generation(objects: Objects) -> None:
    objects.put("b/2.bin", b"four")
    last = objects.put("b/2.bin", b"seven!!")
    objects.put("b/10.bin", b"")
    objects.put("b/c/1.bin", b"1")
    objects.put("a.bin", b"1")
    assert [item.key for item in objects.list()] == ["a.bin", "b/10.bin", "b/2.bin", "b/c/1.bin"]
    assert [item.key for item in objects.list("b/")] == ["b/10.bin", "b/2.bin", "b/c/1.bin"]
    assert objects.list("b/2") == [ObjectInfo("b/2.bin", last, 7)]
    assert objects.list("c") == []


def test_a_key_may_also_be_the_beginning_of_another(objects: Objects) -> None:
    assert objects.put_if_absent("decisions/2025-08-29", b"file")
    assert objects.put_if_absent("decisions/2025-08-29/cycle", b"inside")
    assert objects.get("decisions/2025-08-29") == b"file"
    assert [item.key for item in objects.list("decisions/2025")] == [
        "decisions/2025-08-29",
        "decisions/2025-08-29/cycle",
    ]


def test_empty_and_large_objects_come_back_whole(objects: Objects) -> None:
    large = bytes(range(256)) * 12_000
    objects.put("large.bin", large)
    objects.put("empty.bin", b"")
    assert objects.get("large.bin") == large
    assert objects.get("empty.bin") == b""


BAD_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    ".",
    "a/./b",
    ".hidden",
    "a b",
    "a@1",
    "a\\b",
    "é",
    "a\x00",
    "x" * 201,
]


def test_a_key_that_could_leave_the_bucket_or_is_not_portable_is_bad_input(objects: Objects) -> None:
    for key in BAD_KEYS:
        with pytest.raises(BadInput):
            objects.put_if_absent(key, b"x")
        with pytest.raises(BadInput):
            objects.put(key, b"x")
        with pytest.raises(BadInput):
            objects.get(key)
    for prefix in ("/", "../", "a/../b", "a//"):
        with pytest.raises(BadInput):
            objects.list(prefix)
    assert objects.list() == []


@pytest.mark.emulators
def test_both_implementations_of_objects_ran(ran: dict[str, set[str]], google_emulators: object) -> None:
    assert ran["objects"] == {"embedded", "google"}

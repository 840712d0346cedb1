"""Objects in one GCS bucket with versioning on. The one precondition used is put-if-absent on upload."""

from __future__ import annotations

from typing import Any

from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from quantsentinel.adapters.google.connection import DEADLINE_S, translated
from quantsentinel.adapters.storage_rules import check_key, check_prefix
from quantsentinel.ports import ObjectInfo

_TYPE = "application/octet-stream"


class GcsObjects:
    """`emulator_url` is the base address of a fake-gcs-server (`http://127.0.0.1:N`)."""

    def __init__(self, project: str, bucket: str, *, emulator_url: str | None = None) -> None:
        arguments: dict[str, Any] = {}
        if emulator_url:
            arguments = {"credentials": AnonymousCredentials(), "client_options": {"api_endpoint": emulator_url}}  # type: ignore[no-untyped-call]  # google-auth is partly typed
        self._client: Any = storage.Client(project, **arguments)  # type: ignore[no-untyped-call]  # ships no types
        self._bucket: Any = self._client.bucket(bucket)  # type: ignore[no-untyped-call]  # ships no types

    def put_if_absent(self, key: str, data: bytes) -> bool:
        blob = self._bucket.blob(check_key(key))
        with translated(key):
            try:
                blob.upload_from_string(data, _TYPE, if_generation_match=0, retry=None, timeout=DEADLINE_S)
            except PreconditionFailed:
                return False
            except Forbidden:
                # An account that may create and not replace can be told 403 of an object that is there.
                if not blob.exists(retry=None, timeout=DEADLINE_S):
                    raise
                return False
        return True

    def put(self, key: str, data: bytes) -> int:
        blob = self._bucket.blob(check_key(key))
        with translated(key):
            blob.upload_from_string(data, _TYPE, retry=None, timeout=DEADLINE_S)
        return int(blob.generation)

    def get(self, key: str, generation: int | None = None) -> bytes | None:
        check_key(key)
        if generation is not None and generation < 1:  # 0 would mean the live one
            return None
        blob = self._bucket.blob(key, generation=generation)
        with translated(key):
            try:
                return bytes(blob.download_as_bytes(retry=None, timeout=DEADLINE_S))
            except NotFound:
                return None

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        check_prefix(prefix)
        with translated(f"list {prefix}"):
            blobs = self._client.list_blobs(self._bucket, prefix=prefix or None, retry=None, timeout=DEADLINE_S)
            found = [ObjectInfo(blob.name, int(blob.generation), int(blob.size)) for blob in blobs]
        return sorted(found, key=lambda info: info.key)

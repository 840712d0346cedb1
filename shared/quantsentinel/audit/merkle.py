"""A Merkle tree over byte strings, hashed as RFC 6962 §2.1 does: leaves and nodes in domains of their own, so that no
node can be passed off as a leaf, and split at the largest power of two below the size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF_RULE = "RFC 6962 §2.1: leaf = SHA-256(0x00 | canonical JSON of [tenant, seq, hash]), node = SHA-256(0x01 | l | r)"


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size` (2 or more)."""
    return 1 << (size - 1).bit_length() - 1


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; SHA-256 of nothing for none."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(root_hash(leaves[:at]), root_hash(leaves[at:]))


def audit_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings from leaf `index` up to the root, nearest first. Raises `IndexError` for no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return ()
    at = _split(len(leaves))
    if index < at:
        return (*audit_path(leaves[:at], index), root_hash(leaves[at:]))
    return (*audit_path(leaves[at:], index - at), root_hash(leaves[:at]))


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf hash and its path lead to; None for a path that cannot be one of that place and size."""
    if not 0 <= index < size:
        return None
    sides: list[bool] = []
    while size > 1:
        at = _split(size)
        is_right = index >= at
        sides.append(is_right)
        index, size = (index - at, size - at) if is_right else (index, at)
    if len(sides) != len(path):
        return None
    found = leaf
    for is_right, sibling in zip(reversed(sides), path, strict=True):
        found = _node(sibling, found) if is_right else _node(found, sibling)
    return found

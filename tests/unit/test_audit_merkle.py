"""The Merkle tree is RFC 6962's, and a proof fits one leaf, one place and one root only."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from quantsentinel.audit.merkle import audit_path, leaf_hash, root_from, root_hash
from quantsentinel.audit.roots import Head, Root, decode_root, encode_root, inclusion, seal, unchained
from quantsentinel.errors import Broken

DAY = date(2025, 8, 29)
CLOSE = datetime(2025, 8, 29, 10, 5, tzinfo=UTC)
# The inputs and roots that the reference implementation of certificate transparency tests itself with.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def heads(count: int) -> list[Head]:
    return [Head(f"tenant-{number:03d}", number, f"sha256:{number}") for number in range(count)]


def test_roots_are_those_of_certificate_transparency() -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in CT_LEAVES]
    assert [root_hash(leaves[: size + 1]).hex() for size in range(len(leaves))] == CT_ROOTS


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 33])
def test_every_leaf_has_a_path_that_leads_to_the_root_from_its_own_place_only(size: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    root = root_hash(leaves)
    for index, leaf in enumerate(leaves):
        path = audit_path(leaves, index)
        assert root_from(leaf, index, size, path) == root
        assert [place for place in range(size) if root_from(leaf, place, size, path) == root] == [index]
        assert root_from(leaf, index, size, (*path, leaf)) is None
        assert root_from(leaf_hash(leaf), index, size, path) != root


def test_a_place_outside_the_tree_has_no_path_and_no_root() -> None:
    leaf = leaf_hash(b"")
    with pytest.raises(IndexError):
        audit_path([leaf], 1)
    assert root_from(leaf, 1, 1, ()) is None


def test_a_proof_holds_for_its_tenants_own_head_alone() -> None:
    root = seal(DAY, CLOSE, heads(7), None)
    for head in root.heads:
        proof = inclusion(root, head.tenant)
        assert proof is not None
        assert proof.holds
        assert not replace(proof, head=replace(head, seq=head.seq + 1)).holds
        assert not replace(proof, head=replace(head, tenant="other")).holds
        assert not replace(proof, header=replace(proof.header, root="00" * 32)).holds
    assert inclusion(root, "stranger") is None


def test_a_root_says_the_same_in_whatever_order_the_heads_came() -> None:
    assert seal(DAY, CLOSE, heads(5), None) == seal(DAY, CLOSE, reversed(heads(5)), None)


def decoded(root: Root) -> Root:
    return decode_root(json.loads(encode_root(root)), "here")


def test_a_stored_root_whose_heads_were_changed_is_refused() -> None:
    root = seal(DAY, CLOSE, heads(3), None)
    assert decoded(root) == root
    with pytest.raises(Broken, match="not those that the root was made from"):
        decoded(replace(root, heads=root.heads[:2]))
    with pytest.raises(Broken, match="no root"):
        decode_root({"header": {}, "heads": []}, "here")


def test_roots_are_a_chain_themselves() -> None:
    first = seal(DAY, CLOSE, heads(3), None).header
    second = seal(date(2025, 9, 1), CLOSE, heads(3), first).header
    third = seal(date(2025, 9, 2), CLOSE, heads(4), second).header
    assert unchained([first, second, third]) is None
    assert unchained([second, third]) is None
    assert unchained([first, third]) == third
    assert unchained([replace(first, root="00" * 32), second, third]) == second

"""Telegram's HTML parse mode: which tags it knows, and how it says what is wrong, with byte offsets.

After `parse_html` of TDLib (td/telegram/MessageEntity.cpp), whose sentences are kept; a lone `&` is text there, too.
"""

from __future__ import annotations

import html
import re

_TAGS = frozenset(
    [
        "a",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "code",
        "pre",
        "blockquote",
        "tg-spoiler",
        "tg-emoji",
        "span",
    ]
)
_TAG = re.compile(r"<(/?)([^\s>]*)([^>]*)>")
_SPOILER = re.compile(r"""\bclass\s*=\s*["']?tg-spoiler["']?""")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);?")


class MarkupError(ValueError):
    """The sentence after "can't parse entities: "."""


def parse_html(text: str) -> str:
    """The text without markup; raises `MarkupError` for an unknown, unclosed or unmatched tag."""
    parts: list[str] = []
    stack: list[str] = []
    position = 0
    while (start := text.find("<", position)) >= 0:
        parts.append(_unescape(text[position:start]))
        tag = _TAG.match(text, start)
        if tag is None:
            raise MarkupError(f"Unclosed start tag at byte offset {_offset(text, start)}")
        _apply(tag, stack, _offset(text, start))
        position = tag.end()
    if stack:
        raise MarkupError(f'Can\'t find end tag corresponding to start tag "{stack[-1]}"')
    parts.append(_unescape(text[position:]))
    return "".join(parts)


def _apply(tag: re.Match[str], stack: list[str], offset: int) -> None:
    closes, name, attributes = tag.group(1), tag.group(2).lower(), tag.group(3)
    if not closes:
        if name not in _TAGS:
            raise MarkupError(f'Unsupported start tag "{name}" at byte offset {offset}')
        if name == "span" and not _SPOILER.search(attributes):
            raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
        stack.append(name)
        return
    if not stack:
        raise MarkupError(f"Unexpected end tag at byte offset {offset}")
    if name not in ("", stack[-1]):
        raise MarkupError(f'Unmatched end tag at byte offset {offset}, expected "</{stack[-1]}>", found "</{name}>"')
    stack.pop()


def _unescape(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)


def _offset(text: str, position: int) -> int:
    return len(text[:position].encode())

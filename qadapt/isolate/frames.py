"""Frames: how messages between a worker and its parent lie on a pipe.

A frame is the magic bytes, the lengths of a JSON document and of a body (big endian, 4 and 8 bytes), and both. The
document says into which parts the body falls. Nothing in it can make the reader run anything.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np

PROTOCOL = 2
"""Version of the frames, verbs and messages; both sides must have the same."""

LARGEST_DOCUMENT, LARGEST_BODY = 2**28, 2**32
"""Most bytes of each; whoever announces more is not to be believed."""

_MAGIC = b"\x00qadapt\xff"
_HEAD = struct.Struct(">8sIQ")

Part: TypeAlias = bytes | memoryview


class FrameError(Exception):
    """What came is not a frame."""


class Frame(NamedTuple):
    """One message: a JSON document, which is an object, and parts of bytes."""

    document: dict[str, Any]
    parts: Sequence[Part] = ()


def pack(frame: Frame) -> list[Part]:
    """The bytes of a frame, piece by piece.

    Raises:
        FrameError: The frame is too large.
        TypeError: The document is none of JSON's.
    """
    text = json.dumps({**frame.document, "sizes": [len(part) for part in frame.parts]}).encode()
    size = sum(len(part) for part in frame.parts)
    if len(text) > LARGEST_DOCUMENT or size > LARGEST_BODY:
        raise FrameError(f"a message of {len(text) + size} bytes is too large")
    return [_HEAD.pack(_MAGIC, len(text), size) + text, *frame.parts]


def push(stream: IO[bytes], pieces: Sequence[Part]) -> None:
    """Write bytes to an unbuffered stream.

    Raises:
        OSError: The other side has gone.
    """
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[stream.write(rest) :]


def write(stream: IO[bytes], frame: Frame) -> None:
    """Write a frame to an unbuffered stream.

    Raises:
        OSError: The other side has gone.
        FrameError: The frame is too large.
        TypeError: The document is none of JSON's.
    """
    push(stream, pack(frame))


def read(stream: IO[bytes]) -> Frame:
    """Read a frame from an unbuffered stream.

    Raises:
        EOFError: The other side has gone.
        FrameError: What came is not a frame.
    """
    # The first byte by itself: no text begins with it, and what is too short for a head would be waited for.
    head = bytes(_pull(stream, 1))
    if head == _MAGIC[:1]:
        head += bytes(_pull(stream, _HEAD.size - 1))
    if not head.startswith(_MAGIC):
        raise FrameError(f"expected a message, got bytes that begin with {head[: len(_MAGIC)]!r}")
    _, length, size = _HEAD.unpack(head)
    if length > LARGEST_DOCUMENT or size > LARGEST_BODY:
        raise FrameError(f"a message of {length + size} bytes is too large")
    text, body = _pull(stream, length), _pull(stream, size)
    try:
        document = json.loads(bytes(text))
        sizes = document.pop("sizes")
        if sum(sizes) != size or any(part < 0 for part in sizes):
            raise ValueError(f"parts of {sizes} bytes in a body of {size}")
        ends = list(accumulate(sizes, initial=0))
        return Frame(document, [body[start:end] for start, end in pairwise(ends)])
    except Exception as error:
        raise FrameError(f"a message that cannot be read: {type(error).__name__}: {error}") from None


def _pull(stream: IO[bytes], size: int) -> memoryview:
    # Not bytearray, which writes to all of the memory that a liar announces.
    data: memoryview = np.empty(size, dtype=np.uint8).data
    got = 0
    while got < size:
        more: int | None = stream.readinto(data[got:])  # type: ignore[attr-defined]
        if not more:
            raise EOFError
        got += more
    return data

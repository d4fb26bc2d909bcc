"""Frames: messages come back as they were sent, and nothing else passes for one."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.isolate.frames import LARGEST_BODY, LARGEST_DOCUMENT, Frame, FrameError, read, write

KEYS = st.text().filter(lambda name: name != "sizes")
DOCUMENTS = st.dictionaries(KEYS, st.none() | st.integers() | st.text() | st.lists(st.booleans()))


class Pipe(io.BytesIO):
    """Bytes that come and go in small pieces, as in a pipe."""

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        return super().readinto(memoryview(buffer)[:7])

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        return super().write(bytes(data[:5]))


def sent(frame: Frame) -> bytes:
    pipe = Pipe()
    write(pipe, frame)
    return pipe.getvalue()


@given(DOCUMENTS, st.lists(st.binary()))
def test_frames_come_back_one_after_the_other(document: dict[str, object], parts: list[bytes]) -> None:
    pipe = Pipe(sent(Frame(document, parts)) + sent(Frame({}, [b"next"])))
    got = read(pipe)
    assert got.document == document
    assert [bytes(part) for part in got.parts] == parts
    assert bytes(read(pipe).parts[0]) == b"next"
    with pytest.raises(EOFError):
        read(pipe)


@given(st.integers(0, 60))
def test_a_frame_that_is_cut_off_is_the_end(length: int) -> None:
    whole = sent(Frame({"a": 1}, [b"x" * 30]))
    with pytest.raises(EOFError):
        read(Pipe(whole[:length]))


@given(st.binary(min_size=20, max_size=80))
def test_other_bytes_are_no_frame(data: bytes) -> None:
    with pytest.raises((FrameError, EOFError)):
        read(Pipe(data))


@given(st.data())
def test_damaged_frames_are_frames_or_errors_of_ours(data: st.DataObject) -> None:
    whole = bytearray(sent(Frame({"verb": "fetch"}, [b"one", b"two"])))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = read(Pipe(bytes(whole)))
    except (FrameError, EOFError):
        return
    assert isinstance(frame.document, dict)
    assert sum(len(part) for part in frame.parts) <= len(whole)


def raw(document: bytes, body: bytes = b"") -> Pipe:
    return Pipe(struct.pack(">8sIQ", b"\x00qadapt\xff", len(document), len(body)) + document + body)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"{",
        b"\xff",
        b'{"sizes": 3}',
        b'{"sizes": [2]}',
        b'{"sizes": [4]}',
        b'{"sizes": [-1, 4]}',
        b'{"sizes": [1.5, 1.5]}',
        b'{"sizes": ["abc"]}',
        b"[" * 100_000,
    ],
)
def test_documents_that_are_none_are_refused(document: bytes) -> None:
    with pytest.raises(FrameError):
        read(raw(document, b"abc"))
    assert bytes(read(raw(json.dumps({"sizes": [1, 2]}).encode(), b"abc")).parts[1]) == b"bc"


@pytest.mark.parametrize("lengths", [(LARGEST_DOCUMENT + 1, 0), (0, LARGEST_BODY + 1), (2**32 - 1, 2**64 - 1)])
def test_a_length_that_nobody_would_send_is_not_waited_for(lengths: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match="too large"):
        read(Pipe(struct.pack(">8sIQ", b"\x00qadapt\xff", *lengths)))


def test_what_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qadapt.isolate.frames.LARGEST_BODY", 10)
    pipe = Pipe()
    with pytest.raises(FrameError, match="too large"):
        write(pipe, Frame({}, [b"x" * 6, b"y" * 5]))
    assert not pipe.getvalue()

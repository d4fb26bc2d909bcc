"""Redact: concealed values are in no text, whatever form they take, and exceptions survive being scrubbed."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt import redact
from qadapt.errors import ProviderError
from qadapt.redact import LEAST, MASK, conceal, concealed, redacted, scrub

KEY = "k3y/with+all='sorts' of\\characters"
SECRETS = st.text(min_size=LEAST).map(str.strip).filter(lambda text: len(text) >= LEAST and text not in MASK)


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_secrets", {})


@given(SECRETS, st.text(), st.text())
def test_a_concealed_value_is_in_no_text(secret: str, before: str, after: str) -> None:
    conceal(f" {secret}\n")
    assert secret in concealed()
    assert secret not in redacted(f"{before}{secret}{after}").replace(MASK, "")


def test_forms_that_a_vendor_or_a_log_gives_it_are_hidden() -> None:
    conceal(KEY)
    for form in (
        KEY,
        quote(KEY),
        quote(KEY, safe=""),
        quote_plus(KEY),
        urlencode({"key": KEY}),
        json.dumps({"key": KEY}),
        repr(KEY),
        repr({"key": [KEY]}),
    ):
        assert MASK in redacted(f"GET {form} failed"), form
        assert "all" not in redacted(form), form


def test_a_secret_in_another_is_hidden_with_it() -> None:
    conceal("abcdefgh", "xxabcdefghyy")
    assert redacted("xxabcdefghyy abcdefgh") == f"{MASK} {MASK}"


def test_what_is_no_secret_stays() -> None:
    conceal(None, "", "short", " seven77 ")
    assert not concealed()
    assert redacted("short seven77") == "short seven77"


def test_messages_of_provider_errors_are_redacted_by_themselves() -> None:
    conceal(KEY)
    assert KEY not in str(ProviderError(f"no entry with {KEY}", provider="acme"))


class VendorError(Exception):
    """Keeps what it got in attributes of several kinds."""

    def __init__(self, message: str) -> None:
        super().__init__("vendor")
        self.body: Mapping[str, object] = {"authorization": [message, (message.encode(), 3)], message: 1}
        self.inner = OSError(5, message, message)

    def __str__(self) -> str:
        return f"{self.body} {self.inner}"


class SlottedError(Exception):
    """Cannot be changed."""

    __slots__ = ()

    @property
    def message(self) -> str:
        raise RuntimeError("not to be read")

    @property
    def reason(self) -> str:
        return "fixed"


def shown(error: BaseException) -> str:
    """Everything that a traceback, a log or a curious user may show."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def chained() -> BaseException:
    """Exceptions of many kinds around one key."""
    try:
        try:
            try:
                raise ValueError(f"context {KEY}")
            except ValueError:
                raise VendorError(f"Bearer {KEY}") from KeyError(KEY)
        except VendorError as error:
            error.add_note(f"sent with {KEY}")
            group = ExceptionGroup(
                "group",
                [
                    error,
                    ConnectionError(RuntimeError(f"nested {KEY}")),
                    UnicodeDecodeError("utf-8", KEY.encode(), 0, 1, "bad"),
                    FileNotFoundError(2, "nothing", f"/tmp/{KEY}"),
                    ImportError("m", name=KEY),
                    json.JSONDecodeError("bad", f"<html>{KEY}", 3),
                    SlottedError("plain"),
                ],
            )
            raise RuntimeError(b"bytes " + KEY.encode(), {KEY}, {"deep": [[KEY]]}) from group
    except RuntimeError as error:
        return error


def test_nothing_of_an_exception_shows_a_secret_after_scrubbing() -> None:
    error = chained()
    conceal(KEY)
    assert "all=" in shown(error)
    scrub(error)
    text = shown(error)
    assert "all=" not in text
    assert text.count(MASK) > 8
    inner = error.__cause__.exceptions[0]  # type: ignore[union-attr]
    assert str(inner.__context__) == f"context {MASK}", "not shown beside a cause, but there"
    assert "vendor" in repr(error.__cause__.exceptions[0])  # type: ignore[union-attr]


def test_what_holds_no_secret_is_left_alone() -> None:
    conceal(KEY)
    body = {"list": [1, "two", (3,)], "bytes": b"\xff\x00"}
    error = VendorError("harmless")
    error.body, held = body, error.inner
    scrub(error)
    assert error.body is body
    assert error.inner is held
    assert error.args == ("vendor",)


def test_loops_end() -> None:
    conceal(KEY)
    first, second = ValueError(KEY), ValueError("second")
    first.__context__, second.__context__ = second, first
    first.args = (KEY, second)
    second.args = (first,)
    endless: list[object] = [KEY]
    endless.append(endless)
    second.endless = endless  # type: ignore[attr-defined]
    scrub(first)
    assert first.args[0] == MASK


@given(st.binary())
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    error = ValueError(data)
    scrub(error)
    assert error.args == (data,)

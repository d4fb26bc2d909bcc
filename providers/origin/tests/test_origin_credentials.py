"""The key of Origin's cloud: what is taken, what is refused, and that it is never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qadapt.errors import AccessError
from qadapt.redact import redacted
from qadapt_origin.credentials import Credentials

SECRET = "0123456789abcdef-secret"
HTTPS = "https://cloud.example"


def read(key: str, url: str = HTTPS, allow: str = "") -> Credentials | None:
    return Credentials.read({"ORIGIN_API_KEY": key, "ORIGIN_URL": url, "ORIGIN_ALLOW_HTTP": allow})


@pytest.mark.parametrize("key", ["", "  ", "\n"])
def test_without_a_key_there_are_no_credentials(key: str) -> None:
    assert read(key) is None
    assert Credentials.read({}) is None


def test_a_key_is_stripped_and_hidden() -> None:
    found = read(f" {SECRET}\r\n")
    assert found == Credentials(SECRET, HTTPS)
    assert SECRET not in repr(found)
    assert SECRET not in redacted(f"oqcs_auth={SECRET}")


@pytest.mark.parametrize("middle", ["\n", "\r", "\r\nX-Injected: 1\r\n", "\0", "\x1b", "\x7f", " ", "é", "\u2028"])
def test_what_would_inject_headers_is_refused_without_being_shown(middle: str) -> None:
    with pytest.raises(AccessError) as caught:
        read(f"{SECRET}{middle}tail-of-the-key")
    assert SECRET not in f"{caught.value} {caught.value!r}"
    assert "tail-of-the-key" not in f"{caught.value} {caught.value!r}"


@given(key=st.text(min_size=1))
def test_no_key_that_is_taken_can_end_a_header(key: str) -> None:
    try:
        found = read(key)
    except AccessError:
        return
    assert found is None or all(33 <= ord(letter) <= 126 for letter in found.key)


LOCAL = ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:9", "http://127.9.9.9"]
FAR = ["http://cloud.example", "http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example"]


@pytest.mark.parametrize("url", [HTTPS, "https://cloud.example:8443", f"{HTTPS}/", *LOCAL])
def test_addresses_that_do_not_show_the_key_are_taken(url: str) -> None:
    found = read(SECRET, url)
    assert found is not None
    assert found.url == url.rstrip("/")


@pytest.mark.parametrize("url", [*FAR, ""])
def test_a_key_goes_out_in_clear_text_only_if_the_user_says_so(url: str) -> None:
    for allow in ("", "0", "yes"):
        with pytest.raises(AccessError, match="ORIGIN_ALLOW_HTTP=1"):
            read(SECRET, url, allow)
    found = read(SECRET, url, "1")
    assert found == Credentials(SECRET, url or None)


@pytest.mark.parametrize(
    "url",
    [
        "cloud.example",
        "ftp://cloud.example",
        "https://",
        "https://user:word@cloud.example",
        "https://cloud.example/path",
        "https://cloud.example?x=1",
        "https://cloud.example#x",
        "https://cloud.example:port",
        "https://cloud.example\nX-Injected: 1",
        "https://cloud\texample",
        "https://[::1",
        "https://cloud.example\\@other.example",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(AccessError, match="not of the form"):
        read(SECRET, url, "1")

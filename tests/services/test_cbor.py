"""CBOR as authenticators write it, and what nobody needs to read."""

import time

import cbor2
import pytest

from idp.services import cbor


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(0, id="nothing"),
        pytest.param(23, id="small"),
        pytest.param(24, id="a byte"),
        pytest.param(65_536, id="four bytes"),
        pytest.param(2**63, id="eight bytes"),
        pytest.param(-1, id="minus one"),
        pytest.param(-257, id="an algorithm"),
        pytest.param(b"\x00" * 300, id="bytes"),
        pytest.param("ŵ", id="text"),
        pytest.param([1, [2, [3, [4]]]], id="four deep"),
        pytest.param({1: 2, 3: -7, -1: 1, -2: b"x", -3: b"y"}, id="a key"),
        pytest.param({"fmt": "none", "attStmt": {}, "authData": b""}, id="an attestation"),
        pytest.param([True, False], id="yes and no"),
    ],
)
def test_reads_what_others_write(value: object) -> None:
    written = cbor2.dumps(value)
    assert cbor.read(written) == (value, len(written))


def test_says_where_an_item_ends() -> None:
    assert cbor.read(b"\xff\x82\x01\x02\x03", 1) == ([1, 2], 4)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x18", id="half a head"),
        pytest.param(b"\x42\x00", id="too few bytes"),
        pytest.param(b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", id="more bytes than there are"),
        pytest.param(
            b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff" + b"\x00" * 1000, id="more items than there are"
        ),
        pytest.param(b"\x9f\xff", id="a list of indefinite length"),
        pytest.param(b"\xbf\xff", id="a map of indefinite length"),
        pytest.param(b"\x5f\xff", id="bytes of indefinite length"),
        pytest.param(b"\x81" * 5 + b"\x00", id="five deep"),
        pytest.param(b"\x81" * 16_000 + b"\x00", id="very deep"),
        pytest.param(b"\xa2\x01\x01\x01\x02", id="a key twice"),
        pytest.param(b"\xa1\xf5\x01", id="a key that is true"),
        pytest.param(b"\xa1\x41\x00\x01", id="a key of bytes"),
        pytest.param(b"\xa1\x80\x01", id="a key that is a list"),
        pytest.param(b"\xc2\x41\x01", id="a tag: a large number"),
        pytest.param(b"\xd8\x1c\x81\xd8\x1d\x00", id="a tag: a list that holds itself"),
        pytest.param(b"\xf6", id="null"),
        pytest.param(b"\xf9\x3c\x00", id="a fraction"),
        pytest.param(b"\x1c", id="a reserved head"),
        pytest.param(b"\x61\xff", id="text that is not UTF-8"),
    ],
)
def test_refuses_the_rest(written: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind: UnicodeDecodeError is one
        cbor.read(written)


def test_as_many_small_things_as_an_answer_can_hold_are_read_in_less_than_a_second() -> None:
    written = b"\x9a\x00\x00\x3f\xfb" + b"\x00" * 16_379
    began = time.perf_counter()
    cbor.read(written)
    assert time.perf_counter() - began < 1

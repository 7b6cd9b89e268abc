"""Read the command line of the stand-in."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Smartcard. `nhsid_useruid` is the number on it, and the `sub` of the person."""

    nhsid_useruid: str
    name: str


PEOPLE = (Person("555000000101", "Alex Example"), Person("555000000102", "Sam Sample"))


@dataclass(frozen=True, slots=True)
class Settings:
    """Where we are, the one application that we serve, and the people we know.

    `client_jwks` is the application's key set: its address, or a file. `ca_file` is a certificate to trust
    besides the public ones.
    """

    base_url: str
    client_id: str
    client_jwks: str | Path
    redirect_uri: str
    backchannel_logout_uri: str | None = None
    people: tuple[Person, ...] = PEOPLE
    ca_file: Path | None = None


def read(argv: Sequence[str]) -> tuple[Settings, int]:
    """Return the settings and the port to listen on; a wrong command line ends the program with a message."""
    parser = argparse.ArgumentParser(description="A stand-in for NHS Care Identity, for demonstrations.")
    parser.add_argument("--port", required=True, type=int, help="port to listen on, at 127.0.0.1")
    parser.add_argument(
        "--base-url", type=_address, help="our own address; http://localhost:PORT if not given"
    )
    parser.add_argument("--client-id", required=True, help="the one application that we serve")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--client-jwks-uri", type=_address, help="address of the application's public keys")
    keys.add_argument("--client-jwks-file", type=Path, metavar="FILE", help="the same in a file")
    parser.add_argument("--redirect-uri", required=True, type=_address, help="where people are sent back to")
    parser.add_argument("--backchannel-logout-uri", type=_address, help="where a session's end is told")
    parser.add_argument("--people", type=Path, metavar="FILE", help='JSON: [{"nhsid_useruid": …, "name": …}]')
    parser.add_argument("--ca-file", type=Path, metavar="PEM", help="CA of the application's certificate")
    given = parser.parse_args(argv)
    for path in (given.client_jwks_file, given.ca_file):
        if path is not None and not path.is_file():
            parser.error(f"{path} is not a file")
    try:
        people = PEOPLE if given.people is None else _people(given.people.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"cannot read the people: {error}")
    settings = Settings(
        base_url=given.base_url or f"http://localhost:{given.port}",
        client_id=given.client_id,
        client_jwks=given.client_jwks_uri or given.client_jwks_file,
        redirect_uri=given.redirect_uri,
        backchannel_logout_uri=given.backchannel_logout_uri,
        people=people,
        ca_file=given.ca_file,
    )
    return settings, given.port


def _people(text: str) -> tuple[Person, ...]:
    listed = json.loads(text)
    if not isinstance(listed, list) or not listed:
        raise ValueError("it must be a list of people, and not an empty one")
    people = tuple(_person(each) for each in listed)
    if len({person.nhsid_useruid for person in people}) < len(people):
        raise ValueError("two people have the same nhsid_useruid")
    return people


def _person(entry: Mapping[str, Any]) -> Person:
    try:
        number, name = entry["nhsid_useruid"], entry["name"]
    except (KeyError, TypeError) as error:
        raise ValueError("everybody needs an nhsid_useruid and a name") from error
    if not isinstance(number, str) or not isinstance(name, str) or not number or not name:
        raise ValueError("nhsid_useruid and name are strings")
    return Person(number, name)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address like https://idp.example/return")
    return text

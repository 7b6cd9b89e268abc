"""Copy what the pages need of nhsuk-frontend out of its npm package into `idp/web/static`.

Run by hand when the version changes: `npm pack nhsuk-frontend@10.6.1`, then
`python deploy/vendor_static.py nhsuk-frontend-10.6.1.tgz`. Nothing is fetched, nothing unpinned is read.

The published style sheet loads the Frutiger font from a third party and looks for its pictures under
`/assets`: a sign-in page may do neither, so fonts are cut out, addresses made relative, and both asserted.
"""
# ruff: noqa: INP001 -- a script, run by its path

import argparse
import hashlib
import json
import re
import shutil
import sys
import tarfile
from pathlib import Path

VERSION = "10.6.1"
# The integrity value the package's publisher signed, as hexadecimal.
SHA512 = (
    "3d9a2ba90663671fc0dbac89a2c9022fdcf489be80b64032174a382bf447afcc"
    "d1ac9c97ad43829cc6e3cb454d5ec18ee2d7d334cc2a964c004cab386b4c5acb"
)
STATIC = Path(__file__).resolve().parent.parent / "idp" / "web" / "static"
DIST = "package/dist/nhsuk"

FONT_FACE = re.compile(r"@font-face\{[^}]*\}")
SOURCE_MAP = re.compile(r"(/\*|//)# sourceMappingURL=\S+( \*/)?\s*$")
ADDRESS = re.compile(r"url\(([^)]*)\)")

# The npm package carries no licence file; this is the one of its repository.
LICENCE = """\
MIT License

Copyright (c) 2019 NHS.UK

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


class UnexpectedPackageError(Exception):
    """The package is not the one this script was written for."""


def main() -> int:
    """Vendor the package named on the command line; 1 when it is not what was expected."""
    parser = argparse.ArgumentParser(description="Vendor nhsuk-frontend into the static files.")
    parser.add_argument("package", type=Path, help=f"nhsuk-frontend-{VERSION}.tgz, as `npm pack` wrote it")
    parser.add_argument("--into", type=Path, default=STATIC, help="the folder of static files")
    arguments = parser.parse_args()
    try:
        written = vendor(arguments.package, arguments.into)
    except UnexpectedPackageError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write("".join(f"{name}\n" for name in written))
    return 0


def vendor(package: Path, into: Path) -> tuple[str, ...]:
    """Replace the vendored folder and its manifest; the names written, relative to `into`."""
    found = hashlib.sha512(package.read_bytes()).hexdigest()
    if found != SHA512:
        raise UnexpectedPackageError(
            f"{package} has SHA-512 {found}; expected {SHA512}. Run: npm pack nhsuk-frontend@{VERSION}"
        )
    files = extract(package)
    folder = into / f"nhsuk-frontend-{VERSION}"
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    manifest = {f"{folder.name}/{name}": hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    (into / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return tuple(manifest)


def extract(package: Path) -> dict[str, bytes]:
    """The files the pages use, by name in the vendored folder, ready to serve."""
    with tarfile.open(package) as archive:
        css = style_sheet(read(archive, f"{DIST}/nhsuk-frontend.min.css"))
        files = {
            "LICENCE.txt": LICENCE.encode(),
            "nhsuk-frontend.min.css": css.encode(),
            "nhsuk-frontend.min.js": script(read(archive, f"{DIST}/nhsuk-frontend.min.js")).encode(),
        }
        for address in sorted(set(ADDRESS.findall(css))):
            files[address] = read(archive, f"{DIST}/assets/{address}").encode()
    return files


def read(archive: tarfile.TarFile, name: str) -> str:
    """One text file of the package."""
    member = archive.extractfile(name)
    if member is None:
        raise UnexpectedPackageError(f"{name} is not a file")
    return member.read().decode()


def style_sheet(css: str) -> str:
    """The style sheet without fonts and source map, its pictures addressed relative to itself."""
    css = SOURCE_MAP.sub("", FONT_FACE.sub("", css)).replace("url(/assets/", "url(")
    addresses = set(ADDRESS.findall(css))
    strays = {address for address in addresses if not re.fullmatch(r"images/[a-z-]+\.svg", address)}
    if strays or "http" in css or "@import" in css:
        raise UnexpectedPackageError(f"The style sheet still reaches outside: {sorted(strays)}")
    return css


def script(javascript: str) -> str:
    """The script without its source map."""
    javascript = SOURCE_MAP.sub("", javascript)
    if "http:" in javascript or "https:" in javascript or re.search(r"\beval\(|new Function", javascript):
        raise UnexpectedPackageError("The script reaches outside, or evaluates text")
    return javascript


if __name__ == "__main__":
    sys.exit(main())

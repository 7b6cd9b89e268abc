"""The vendored design system and our own static files."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from idp.web import static_files

VENDORED = "nhsuk-frontend-10.6.1"
FILES = static_files.load()
SCRIPT = Path(__file__).parents[2] / "deploy" / "vendor_static.py"


def test_the_vendored_files_are_the_ones_in_the_manifest() -> None:
    manifest = json.loads((static_files.FOLDER / "MANIFEST.json").read_text())
    found = {
        path.relative_to(static_files.FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (static_files.FOLDER / VENDORED).rglob("*")
        if path.is_file()
    }
    assert found == manifest


def test_the_licence_travels_with_the_files() -> None:
    assert b"MIT License" in FILES[f"{VENDORED}/LICENCE.txt"].content


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".css", ".js"))])
def test_no_file_reaches_outside(name: str) -> None:
    text = FILES[name].content.decode()
    for trace in ("http:", "https:", "url(//", "/assets/", "@font-face", "@import", "sourceMappingURL"):
        assert trace not in text


def test_every_picture_a_style_sheet_names_is_there() -> None:
    for name, file in FILES.items():
        if name.endswith(".css"):
            for address in re.findall(r"url\(([^)]*)\)", file.content.decode()):
                assert (Path(name).parent / address).as_posix() in FILES


def test_every_module_a_script_imports_is_there() -> None:
    imported = re.findall(r'from "\./([^"]+)"', FILES["idp.js"].content.decode())
    assert imported == [f"{VENDORED}/nhsuk-frontend.min.js"]
    assert set(imported) <= set(FILES)


def test_a_script_beside_another_is_imported_by_its_whole_address(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport { c } from "./vendored/c.js";\n')
    (tmp_path / "b.js").write_text('export { c as b } from "./c.js";\n')
    (tmp_path / "c.js").write_text("export const c = 1;\n")
    before = static_files.load(tmp_path)
    (tmp_path / "c.js").write_text("export const c = 2;\n")
    after = static_files.load(tmp_path)
    for files in (before, after):
        assert files["a.js"].content.decode() == (
            f'import {{ b }} from "./b.js?v={files["b.js"].version}";\n'
            'import { c } from "./vendored/c.js";\n'
        )
        assert (
            files["b.js"].content.decode()
            == f'export {{ c as b }} from "./c.js?v={files["c.js"].version}";\n'
        )
    assert all(before[name].version != after[name].version for name in ("a.js", "b.js", "c.js"))


def test_no_font_is_in_the_repository() -> None:
    assert not [path for path in static_files.FOLDER.rglob("*") if path.suffix in {".woff", ".woff2", ".ttf"}]


def test_an_address_changes_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    before = static_files.url(static_files.load(tmp_path), "a.css")
    (tmp_path / "a.css").write_text("b{}")
    after = static_files.url(static_files.load(tmp_path), "a.css")
    assert re.fullmatch(r"/static/a\.css\?v=[0-9a-f]{12}", before)
    assert before != after


def test_only_files_for_browsers_are_served() -> None:
    assert "MANIFEST.json" not in FILES
    assert {Path(name).suffix for name in FILES} == {".css", ".js", ".svg", ".txt"}


def test_files_travel_compressed() -> None:
    file = FILES[f"{VENDORED}/nhsuk-frontend.min.css"]
    assert file.content_type == "text/css; charset=utf-8"
    assert gzip.decompress(file.compressed) == file.content
    assert len(file.compressed) < 50_000


def test_a_package_with_another_hash_is_not_vendored(tmp_path: Path) -> None:
    (tmp_path / "nhsuk-frontend-10.6.1.tgz").write_bytes(b"something else")
    package = tmp_path / "nhsuk-frontend-10.6.1.tgz"
    into = tmp_path / "static"
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(package), "--into", str(into)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "npm pack nhsuk-frontend@10.6.1" in run.stderr
    assert not into.exists()

"""The nginx of the example in `deploy`, on ports and with certificates of a test's own."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from idp.cli.process import end_with
from tests.machine import cannot

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx"
_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/share/nginx/modules"), Path("/etc/nginx/modules"))
_NJS = "ngx_http_js_module.so"
_REMEDY = "apt-get install nginx-light libnginx-mod-http-js"
_PATIENCE = 20.0


@contextmanager
def running(folder: Path, *, port: int, origin_port: int, tls: Path, secret: str) -> Iterator[None]:
    """Run it in front of an origin on `origin_port`; `tls` holds `tls.pem` and `tls.key`."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        cannot("There is no nginx.", remedy=_REMEDY)
    module = next((each / _NJS for each in _MODULES if (each / _NJS).is_file()), None)
    if module is None:
        cannot("nginx lacks njs.", remedy=_REMEDY)
    configured = folder / "nginx.conf"
    configured.write_text(_configure(module, folder, port=port, origin_port=origin_port, tls=tls))
    shutil.copy(EXAMPLE / "client_cert.js", folder)
    (folder / "proxy_secret.conf").write_text(f'proxy_set_header Idp-Proxy-Secret "{secret}";')
    command = [program, "-p", str(folder), "-c", str(configured), "-e", str(folder / "error.log")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    process = subprocess.Popen(
        [*command, "-g", "daemon off; master_process off;"],
        preexec_fn=partial(end_with, os.getpid()),  # noqa: PLW1509 - no other thread holds a lock now
    )
    try:
        _wait(process, port, folder / "error.log")
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _configure(module: Path, folder: Path, *, port: int, origin_port: int, tls: Path) -> str:
    """The example, where only names, addresses and paths are others."""
    text = (EXAMPLE / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("modules/ngx_http_js_module.so", str(module))
    text = re.sub(
        r"ssl_certificate(_key)? /etc/nginx/idp/\w+\.(pem|key);", rf"ssl_certificate\1 {tls}/tls.\2;", text
    )
    text = text.replace("js_path /etc/nginx/idp;", f"js_path {folder};")
    text = text.replace("/etc/nginx/idp/proxy_secret.conf", f"{folder}/proxy_secret.conf")
    text = text.replace("card.example.nhs.uk", "localhost").replace(
        "127.0.0.1:8443", f"127.0.0.1:{origin_port}"
    )
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    kept = f"pid {folder}/nginx.pid;\n"
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return kept + text.replace("http {\n", f"http {{\n    access_log off;\n{temporary}", 1)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return

"""Style sheets, scripts and pictures, from memory and compressed where the browser takes it."""

from flask import Response

from idp.web import errors, headers
from idp.web.exchange import Exchange


def show(exchange: Exchange, name: str) -> Response:
    """GET /static/<name>. Its address changes with its content, so browsers keep it for ever."""
    found = exchange.rendering.static_files.get(name)
    if found is None:
        return errors.page(exchange, "not_found", detail={"name": name})
    policy = [*headers.static_headers(https=exchange.provider.is_https), ("Vary", "Accept-Encoding")]
    if "gzip" in exchange.request.headers.get("Accept-Encoding", ""):
        policy.append(("Content-Encoding", "gzip"))
        return Response(found.compressed, 200, policy, content_type=found.content_type)
    return Response(found.content, 200, policy, content_type=found.content_type)

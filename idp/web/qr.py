"""Draw a QR code as finished markup that needs nothing a Content-Security-Policy would refuse."""

import segno
from markupsafe import Markup


def svg(text: str) -> Markup:
    """The QR code of a text, as an inline SVG without size or style: the page's own style sheet sizes it."""
    drawn = segno.make(text, error="m", micro=False)
    inline = drawn.svg_inline(
        omitsize=True, svgclass="idp-qr-code", lineclass=None, dark="#000", light="#fff"
    )
    return Markup(inline)  # noqa: S704 - segno draws paths of numbers; the text is not in them

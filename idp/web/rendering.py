"""Turn a template and values into a page.

Two Jinja environments. Ours escapes everything and refuses an undefined value; the NHS design system's
macros rely on undefined values being empty, so they live in their own and reach our templates as functions
that return finished markup. Flask's Jinja integration is not used: it escapes by file name, and the macros
are `*.jinja`.

A page's words are gettext's. `_()` returns plain text, which is escaped like any other, so a message id that
was decided in Python can never carry markup.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    Undefined,
    pass_context,
)
from jinja2.runtime import Context
from markupsafe import Markup

from idp.services import catalogue
from idp.web import static_files
from idp.web.language import Language

Component = Callable[[Mapping[str, object]], Markup]

# The design system's components that our templates call: folder, macro.
COMPONENTS = {
    "button": "button",
    "date-input": "dateInput",
    "details": "details",
    "error-summary": "errorSummary",
    "header": "header",
    "input": "input",
    "inset-text": "insetText",
    "notification-banner": "notificationBanner",
    "password-input": "passwordInput",
    "skip-link": "skipLink",
    "summary-list": "summaryList",
}


class Brand(StrEnum):
    """Whose service the pages say they are. Only the NHS may use its letters and its lozenge."""

    NEUTRAL = "neutral"
    NHS = "nhs"


class Rendering:
    """The pages of one brand, and `static_files`, what they link to. Made once; shared between threads."""

    def __init__(self, brand: Brand) -> None:
        self.static_files = static_files.load()
        self._brand = brand
        self._translations = {language: catalogue.translations(language) for language in Language}
        self._environment = self._pages()

    def render(
        self,
        template: str,
        *,
        language: Language,
        nonce: str,
        path_for_language: Mapping[Language, str],
        service_desk: str | None = None,
        reference: str | None = None,
        notice: str | None = None,
        **values: object,
    ) -> str:
        """The page `template` (`login.html`) in `language`, as text.

        `nonce` is the one in the page's Content-Security-Policy. `path_for_language` is where the language
        toggle leads; empty shows none. `notice` is a message id for the banner above the page. Raises
        jinja2.UndefinedError when the template wants another value.
        """
        return self._environment.get_template(template).render(
            language=language,
            nonce=nonce,
            path_for_language=path_for_language,
            service_desk=service_desk,
            reference=reference,
            notice=notice,
            **values,
        )

    def _pages(self) -> Environment:
        environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in catalogue.TEMPLATES]),
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
            self._gettext, self._ngettext, newstyle=False
        )
        environment.globals |= {
            "Language": Language,
            "brand": self._brand,
            "static": lambda name: static_files.url(self.static_files, name),
            **_components(),
        }
        return environment

    @pass_context
    def _gettext(self, context: Context, message: str) -> str:
        return self._translations[context["language"]].gettext(message)

    @pass_context
    def _ngettext(self, context: Context, singular: str, plural: str, n: int) -> str:
        return self._translations[context["language"]].ngettext(singular, plural, n)


def _components() -> dict[str, Component]:
    """The design system's macros by the names our templates call them: `error_summary`."""
    environment = Environment(
        loader=PackageLoader("nhsuk_frontend_jinja"),
        autoescape=True,
        undefined=ChainableUndefined,
        auto_reload=False,
    )
    return {
        folder.replace("-", "_"): _component(
            getattr(environment.get_template(f"nhsuk/components/{folder}/macro.jinja").module, macro)
        )
        for folder, macro in COMPONENTS.items()
    }


def _component(macro: Component) -> Component:
    def component(params: Mapping[str, object]) -> Markup:
        _check(params)
        return macro(params)

    return component


def _check(value: object, name: str = "") -> None:
    """Refuse what a macro would let through: undefined values, and text where it prints without escaping."""
    match value:
        case Undefined():
            str(value)  # raises jinja2.UndefinedError, naming it
        case str() if name in {"html", "attributes"} and not isinstance(value, Markup):
            raise TypeError(f"{name!r} takes finished markup, not text: {value!r}")
        case Mapping():
            for key, inner in value.items():
                _check(inner, key)
        case list() | tuple():
            for inner in value:
                _check(inner)

"""Elements of a page as text that is HTML and XML at once; whatever is no element is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from preview.text.changes import visible


class Markup(str):
    """Text that is markup already."""


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element. An attribute that is None is left out; `_` in a name is `-`, and one at its end is dropped."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = text(*children)
    element = f"<{name}{written}>{inner}</{name}>" if inner or name not in _VOID else f"<{name}{written}/>"
    return Markup(f"\n{element}" if name in _LINES else element)


# On lines of their own, for those who read the source or its text alone.
_LINES = {
    "body", "caption", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3", "head", "header", "li", "main", "meta",
    "nav", "p", "section", "small", "style", "svg", "table", "td", "text", "th", "title", "tr", "ul",
}  # fmt: skip
_VOID = {"meta", "br", "rect", "line", "path", "circle", "polygon"}


def text(*children: Any) -> Markup:
    """Children one after the other, without what is None."""
    return Markup("".join(_one(child) for child in children))


def _one(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, list | tuple):
        return "".join(map(_one, child))
    return escape(visible(str(child)))


def table(caption: str, heads: Sequence[Any], rows: Iterable[Sequence[Any]], **attributes: Any) -> Markup:
    """A table whose first column names the row. A head that begins with ">" stands over numbers."""
    numbers = {index for index, head in enumerate(heads) if str(head).startswith(">")}
    head = tag(
        "tr",
        [
            tag("th", str(each).lstrip(">") if not isinstance(each, Markup) else each, scope="col",
                class_="number" if index in numbers else None)
            for index, each in enumerate(heads)
        ],
    )  # fmt: skip
    body = [
        tag(
            "tr",
            [
                tag("td" if index else "th", cell, scope=None if index else "row",
                    class_="number" if index in numbers else None)
                for index, cell in enumerate(row)
            ],
        )
        for row in rows
    ]  # fmt: skip
    class_ = attributes.pop("class_", "")
    made = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body), **attributes)
    return tag("div", made, class_=f"scroll {class_}".strip(), tabindex="0", role="region", aria_label=caption)


def section(id_: str, title: str, note: Any, *children: Any) -> Markup:
    """A part of the page with a heading, and what it is about in a sentence."""
    return tag(
        "section", tag("h2", title, id=f"{id_}-title"), tag("p", note, class_="note") if note else None, *children,
        id=id_, aria_labelledby=f"{id_}-title",
    )  # fmt: skip


def svg(id_: str, title: str, description: str, width: int, height: int, *children: Any) -> Markup:
    """A drawing that says in words what it shows; on a narrow screen it scrolls, as tables do."""
    drawn = tag(
        "svg", tag("title", title, id=f"{id_}-t"), tag("desc", description, id=f"{id_}-d"), *children,
        viewBox=f"0 0 {width} {height}", role="img", aria_labelledby=f"{id_}-t {id_}-d",
    )  # fmt: skip
    return tag("div", drawn, class_="scroll", tabindex="0", role="region", aria_label=title)


def label(x: float, y: float, *words: Any, **attributes: Any) -> Markup:
    """A line of text in a drawing."""
    return tag("text", *words, x=_round(x), y=_round(y), **attributes)


def box(x: float, y: float, width: float, height: float, **attributes: Any) -> Markup:
    """A rectangle in a drawing."""
    return tag("rect", x=_round(x), y=_round(y), width=_round(width), height=_round(height), **attributes)


def _round(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

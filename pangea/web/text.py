"""The catalogue of texts: what pages and scripts say, in one language each.

``web_assets/text/en/FILE.json`` has the keys ``FILE.KEY``; those under ``script``
are also given to the browser, as the module ``/static/text.js``. A text that counts
something as ``{n}`` has two forms, ``one`` and ``other``.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

LANGUAGE = "en"
Text = str | Mapping[str, str]
#: The module that the scripts import; ``{name}`` stands for a value.
MODULE = """// Made of web_assets/text: what the scripts say.
const TEXTS = %s;
export function t(key, values = {}) {
  const found = TEXTS[key];
  if (found === undefined) throw new Error("no text for " + key);
  const form = values.n === 1 ? "one" : "other";
  const text = typeof found === "string" ? found : found[form];
  return text.replace(/\\{(\\w+)\\}/g, (whole, name) => String(values[name] ?? whole));
}
"""


def t(key: str, **values: Any) -> str:
    """Return the text of *key* with *values* in their places, in its form for ``n``.

    Raises LookupError for an unknown key: a page never shows a bare one.
    """
    found = _catalogue()[key]
    form = "one" if values.get("n") == 1 else "other"
    text = found if isinstance(found, str) else found[form]
    return text.format_map(values) if values else text


def script_texts() -> bytes:
    """Return the module with all that scripts say."""
    said = json.dumps(_parts("script"), ensure_ascii=False, separators=(",", ":"))
    return (MODULE % said).encode()


@cache
def _catalogue() -> dict[str, Text]:
    return _parts("page") | _parts("script")


def _parts(kind: str) -> dict[str, Text]:
    """Return the texts of a *kind* by ``FILE.KEY``."""
    found: dict[str, Text] = {}
    for file in _files():
        said = json.loads(file.read_text("utf-8"))
        stem = file.name.removesuffix(".json")
        found |= {f"{stem}.{key}": text for key, text in said.get(kind, {}).items()}
    return found


def _files() -> list[Traversable]:
    folder = resources.files("pangea.web_assets").joinpath("text", LANGUAGE)
    files = [item for item in folder.iterdir() if item.name.endswith(".json")]
    return sorted(files, key=lambda item: item.name)

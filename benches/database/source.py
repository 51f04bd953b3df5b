"""The statements in the source: evaluates the string literals, `concat!`, and macros of `crates/catalog/src`."""

import re
from pathlib import Path

CATALOG = Path(__file__).resolve().parents[2] / "crates/catalog/src"
VERB = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b")
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(?P<hash>\#*)"(?P<raw>.*?)"(?P=hash)|"(?P<text>(?:\\.|[^"\\])*)"|'(?:\\.[^']*|[^'\\])'"""
    r"""|(?P<name>\$?[A-Za-z_]\w*!?)|(?P<mark>[^\s\w])|\d\w*""",
    re.DOTALL,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Text(str):
    """A string literal: other tokens are plain `str`."""


def tokens(source):
    """The tokens of Rust source, without comments, characters and numbers.

    >>> tokens('let it = concat!("a ", name!()); // no')
    ['let', 'it', '=', 'concat!', '(', 'a ', ',', 'name!', '(', ')', ')', ';']
    """
    found = []
    for it in TOKEN.finditer(source):
        if it["raw"] is not None:
            found.append(Text(it["raw"]))
        elif it["text"] is not None:
            text = re.sub(r"\\\n\s*", "", it["text"])
            found.append(Text(re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)))
        elif it["name"] or it["mark"]:
            found.append(it["name"] or it["mark"])
    return found


def group(found, at):
    """The tokens in the brackets that open at `at`, and the position after them."""
    depth, end = 0, at
    while True:
        it = found[end]
        if not isinstance(it, Text):
            depth += (it in CLOSING) - (it in CLOSING.values())
        end += 1
        if depth == 0:
            return found[at + 1 : end - 1], end


def macros(found):
    """Macros that are one text: `name -> (parameter or None, tokens of the body)`."""
    defined = {}
    for at, it in enumerate(found):
        if it == "macro_rules!" and not isinstance(it, Text):
            body, _ = group(found, at + 2)
            pattern, after = group(body, 0)
            result, _ = group(body, after + 2)
            parameter = next((it for it in pattern if it.startswith("$")), None)
            defined[found[at + 1] + "!"] = (parameter, result)
    return defined


def value(found, at, known, arguments):
    """The text of the expression at `at`, or `None`, and the position after it."""
    it = found[at]
    if isinstance(it, Text):
        return it, at + 1
    if it in arguments:
        return arguments[it], at + 1
    if it == "concat!":
        inner, end = group(found, at + 1)
        parts, place = [], 0
        while place < len(inner):
            if inner[place] == "," and not isinstance(inner[place], Text):
                place += 1
                continue
            part, place = value(inner, place, known, arguments)
            if part is None:
                return None, end
            parts.append(part)
        return "".join(parts), end
    if it in known:
        inner, end = group(found, at + 1)
        parameter, body = known[it]
        argument = value(inner, 0, known, arguments)[0] if inner else None
        return value(body, 0, known, {parameter: argument} if parameter else {})[0], end
    return None, at + 1


def plain(text):
    """A statement with single spaces."""
    return " ".join(text.split())


def product(path):
    """The source of a file without its tests."""
    return re.split(r"\n#\[cfg\(test\)\]\nmod tests \{", path.read_text(encoding="utf-8"))[0]


def statements():
    """Each statement of the catalog as it is sent to PostgreSQL, with its file. The text of a statement that is
    completed at run time ends with `...`."""
    paths = [
        it
        for it in sorted(CATALOG.rglob("*.rs"))
        if not ({"conformance", "tests"} & set(it.relative_to(CATALOG).parts))
        and it.stem not in ("conformance", "tests")
    ]
    sources = {it: tokens(product(it)) for it in paths}
    shared = {}
    for found in sources.values():
        shared.update({k: v for k, v in macros(found).items() if k not in ("columns!",)})
    for path, found in sources.items():
        known = shared | macros(found)
        bodies = set()
        at = 0
        while at < len(found):
            if found[at] == "macro_rules!" and not isinstance(found[at], Text):
                _, at = group(found, at + 2)
                continue
            text, after = value(found, at, known, {})
            if text is not None and VERB.match(text):
                bodies.add(text)
            at = after
        for text in sorted(bodies):
            # `{}` of `format!`, and not the empty JSON object '{}'.
            shown = plain(re.sub(r"(?<!')\{\}.*", "", text, flags=re.DOTALL))
            is_prefix = shown != plain(text) or text.endswith(" ")
            yield shown + (" ..." if is_prefix else ""), path.relative_to(CATALOG).as_posix()


if __name__ == "__main__":
    for statement, file in statements():
        print(f"{file}: {statement}")

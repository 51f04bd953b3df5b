#!/usr/bin/env python3
"""Checks the language and layout of the documentation. Works offline.

    scripts/prose.py           all Markdown files: line length, words, links
    scripts/prose.py --rust    also the words in all Rust files

Fails when a Markdown line is longer than 100 columns, when a text uses a word that CONTRIBUTING.md rules out, or when a
relative link leads nowhere. Not checked: the length of tables, headings, code blocks and lines whose links or URLs
cannot be broken; words in inline code of Markdown; sections between `<!-- generated: begin -->` or
`<!-- measured: begin -->` and their end, whose text is written by a program.
"""

import re
import subprocess
import sys
from pathlib import Path

COLUMNS = 100

# The private dialect that the project once had. CONTRIBUTING.md has the words to use instead.
WORDS = ["whoever", "anew", "wish", "told", "somebody", "wrongly", "whereabouts", "he", "him", "his"]
# Not `HE`, which is a profile of AAC.
WORD = re.compile(rf"\b(?!HE\b)({'|'.join(WORDS)})\b", re.IGNORECASE)

INLINE_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1")
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)")
# What may make a line longer than it should be: it cannot be broken.
UNBREAKABLE = re.compile(r"\]\([^)]*\)|https?://\S+")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
WRITTEN_BEGINS = re.compile(r"<!-- (generated|measured): begin -->")
WRITTEN_ENDS = re.compile(r"<!-- (generated|measured): end -->")


def words_in(line):
    """The words in a line that the project does not use.

    >>> words_in("Whoever calls is told so.")
    ['Whoever', 'told']
    >>> words_in("The caller gets a whole answer.")
    []
    """
    return [match.group(1) for match in WORD.finditer(line)]


def is_too_long(line):
    """Whether a line of prose could have been broken.

    >>> is_too_long("word " * 30)
    True
    >>> is_too_long("See " + "[the page](" + "x" * 100 + ").")
    False
    >>> is_too_long("| a table | " + "word " * 30)
    False
    >>> is_too_long("ö" * 100)
    False
    """
    if line.lstrip().startswith(("|", "#", "![")):
        return False
    return len(UNBREAKABLE.sub("", line.rstrip())) > COLUMNS


def anchors_of(text):
    """The anchors that GitHub makes of the headings.

    >>> sorted(anchors_of("# The bucket's `CORS` rule\\n## Twice\\n## Twice\\n"))
    ['the-buckets-cors-rule', 'twice', 'twice-1']
    """
    anchors, seen = set(), {}
    for line in prose_of(text):
        heading = re.match(r"#{1,6} +(.*)", line)
        if not heading:
            continue
        title = LINK.sub(lambda link: link["text"], heading.group(1)).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


def prose_of(text):
    """The lines that are not in a code block; the others are empty."""
    fence = None
    for line in text.splitlines():
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1).startswith(fence):
                fence = None
            yield ""
        elif mark:
            fence = mark.group(1)
            yield ""
        else:
            yield line


def link_problem(page, target):
    """Why a link of a page leads nowhere; `None`: it leads somewhere, or to another site."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    if not file.exists():
        return f"`{target}` does not exist"
    if anchor and file.suffix == ".md" and anchor not in anchors_of(file.read_text(encoding="utf-8")):
        return f"`{target}`: the page has no heading for this anchor"
    return None


def check_markdown(page):
    """The problems of a Markdown file, each with the number of its line."""
    text = page.read_text(encoding="utf-8")
    written_by_program = False
    for number, (line, prose) in enumerate(zip(text.splitlines(), prose_of(text), strict=True), start=1):
        if WRITTEN_BEGINS.search(line):
            written_by_program = True
        if WRITTEN_ENDS.search(line):
            written_by_program = False
        if written_by_program:
            continue
        if is_too_long(prose):
            yield number, f"{len(prose)} columns, at most {COLUMNS}"
        for word in words_in(INLINE_CODE.sub("", line)):
            yield number, f"`{word}`: use another word, see CONTRIBUTING.md"
        for link in LINK.finditer(INLINE_CODE.sub("", prose)):
            problem = link_problem(page, link["target"])
            if problem:
                yield number, problem
    # A link whose text continues on the next line.
    broken = re.compile(r"\[[^\[\]`]*\n[^\[\]`]*\]\((?P<target>[^)\s]+)\)")
    plain = "\n".join(prose_of(text))
    for link in broken.finditer(plain):
        problem = link_problem(page, link["target"])
        if problem:
            yield plain.count("\n", 0, link.start()) + 1, problem


def check_rust(file):
    """The problems of a Rust file, each with the number of its line."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        for word in words_in(line):
            yield number, f"`{word}`: use another word, see CONTRIBUTING.md"


def tracked(pattern):
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern]
    names = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Path(name) for name in sorted(set(names.split("\0"))) if name and Path(name).exists()]


def main():
    arguments = sys.argv[1:]
    if arguments not in ([], ["--rust"]):
        print(__doc__, file=sys.stderr)
        return 2
    pages = tracked("*.md")
    programs = tracked("*.rs") if arguments else []
    problems = [(page, *problem) for page in pages for problem in check_markdown(page)]
    problems += [(file, *problem) for file in programs for problem in check_rust(file)]
    for file, number, problem in problems:
        print(f"{file}:{number}: {problem}", file=sys.stderr)
    if problems:
        print(f"prose: {len(problems)} problems", file=sys.stderr)
        return 1
    print(f"prose: {len(pages)} Markdown files, {len(programs)} Rust files: no problems")
    return 0


if __name__ == "__main__":
    sys.exit(main())

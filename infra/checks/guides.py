"""Checks the commands of the guides in docs/deploy without an account: their syntax, and that all they name exists.

A guide is a Markdown file whose commands are in blocks of the language `sh`. All blocks of a file form one script.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aws_cli

ROOT = Path(__file__).resolve().parents[2]
PLANNED = ROOT / "infra/checks/planned.txt"
# Where variables are documented.
REFERENCES = ["docs/configuration.md", "docs/edge.md", "docs/lambda.md"]
# Programs that run another one.
WRAPPERS = {"sudo", "env", "exec", "time", "nohup", "command", "then", "do", "else", "if", "!", "{"}
WRAPPER_OPTIONS_WITH_VALUE = {"-u", "-g", "--user", "--group"}
SHELLCHECK = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edgereel/lint/bin/shellcheck"


@dataclass(frozen=True)
class Block:
    """A block of commands, and the line where it begins."""

    line: int
    text: str


def guides() -> list[Path]:
    """The guides, and the runbook."""
    return [*sorted((ROOT / "docs/deploy").glob("*.md")), ROOT / "docs/runbook.md"]


def blocks(markdown: str) -> list[Block]:
    """The blocks of commands.

    >>> blocks("Text\\n\\n```sh\\nls\\n```\\n\\n```json\\n{}\\n```\\n")
    [Block(line=4, text='ls\\n')]
    """
    found = []
    for match in re.finditer(r"^( *)```sh\n(.*?)^\1```$", markdown, re.MULTILINE | re.DOTALL):
        lines = [line.removeprefix(match[1]) for line in match[2].splitlines(keepends=True)]
        found.append(Block(markdown[: match.start()].count("\n") + 2, "".join(lines)))
    return found


@cache
def planned() -> frozenset[str]:
    """Names that the repository does not have yet."""
    lines = (line.split("#")[0].strip() for line in PLANNED.read_text().splitlines())
    return frozenset(line for line in lines if line)


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, without assignments and redirections. Heredocs count as text.

    >>> list(commands("A=1 edgereel api --listen :80 | tee log\\nsudo -u www edgereel serve"))
    [['edgereel', 'api', '--listen', ':80'], ['tee', 'log'], ['edgereel', 'serve']]
    >>> list(commands('KEY=$(aws sts get --query "A B")'))
    [['aws', 'sts', 'get', '--query', 'A B']]
    """
    text = re.sub(r"\\\n", " ", re.sub(r"<<-?\s*['\"]?(\w+)['\"]?(.*?\n).*?^\s*\1$", r"\2", script, flags=re.M | re.S))
    # Substitutions are commands of their own.
    while match := re.search(r"\$\(((?:[^()]|\([^()]*\))*)\)", text):
        yield from commands(match[1])
        text = text[: match.start()] + "SUBSTITUTED" + text[match.end() :]
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>()")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            # A text of several lines.
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word and set(word) <= set(";&|()"):
                if simple := simplified(command):
                    yield simple
                command = []
            else:
                command.append(word)


def simplified(words: list[str]) -> list[str]:
    """A command without assignments, redirections and the programs that only start it."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif set(word) <= set("<>&") or (not kept and word in WRAPPER_OPTIONS_WITH_VALUE):
            skip = True
        elif kept or not (word in WRAPPERS or word.startswith("-") or re.match(r"[A-Za-z_]\w*\+?=", word)):
            kept.append(word)
    return kept


def syntax(path: Path) -> Iterator[str]:
    """Each block is valid for bash."""
    for block in blocks(path.read_text()):
        done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{path.name}:{block.line}: {done.stderr.strip()}"


def lint(path: Path) -> Iterator[str]:
    """ShellCheck accepts the whole guide as one script: each variable that a command uses is set."""
    program = shutil.which("shellcheck") or (str(SHELLCHECK) if SHELLCHECK.exists() else None)
    text = path.read_text()
    if program is None or not blocks(text):
        return
    # Each line keeps its number.
    lines = [""] * (text.count("\n") + 1)
    for block in blocks(text):
        for offset, line in enumerate(block.text.splitlines()):
            lines[block.line - 1 + offset] = line
    lines[0] = "#!/bin/bash"
    # What the reader has set before; settings of the program are in the environment.
    given = re.search(r"<!-- variables: (.*?) -->", text)
    names = {*(given[1].split() if given else []), *re.findall(r"\bEDGEREEL_\w+", text)}
    lines[1] = "".join(f"{name}=1; : ${name}; " for name in sorted(names))
    # A reader runs the commands one by one, so `cd` needs no `|| exit`; files of the machine are not there.
    options = ["--shell=bash", "--severity=warning", "--exclude=SC2164,SC1090,SC1091,SC2034", "--format=gcc"]
    options += ["--enable=check-unassigned-uppercase", "-"]
    done = subprocess.run([program, *options], input="\n".join(lines), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        yield f"{path.name}{line.removeprefix('-')}"


def variables(path: Path) -> Iterator[str]:
    """Each variable of Edgereel is documented."""
    known = set(re.findall(r"`(EDGEREEL_\w+)`", "".join((ROOT / it).read_text() for it in REFERENCES)))
    for block in blocks(path.read_text()):
        for name in sorted(set(re.findall(r"\bEDGEREEL_\w+", block.text))):
            if not {name, name.removesuffix("_FILE")} & (known | planned()):
                yield f"{path.name}:{block.line}: {name} is in none of {', '.join(REFERENCES)}"


@cache
def is_there(path: str) -> bool:
    """Whether a path is in the repository, or is one that Git ignores because a build makes it."""
    if (ROOT / path).exists():
        return True
    done = subprocess.run(["git", "-C", str(ROOT), "check-ignore", "--quiet", path], check=False)
    return done.returncode == 0


def paths(path: Path) -> Iterator[str]:
    """Each path of the repository exists, or an earlier command of the guide makes it."""
    top = {it.name for it in ROOT.iterdir() if it.is_dir() and not it.name.startswith(".")}
    made: set[str] = set()
    for block in blocks(path.read_text()):
        for command in commands(block.text):
            if command[0] in {"cp", "mv"}:
                made.add(command[-1])
            for word in command:
                candidate = word.split("=")[-1].removeprefix("./").removeprefix("file://").rstrip("/")
                if candidate.split("/")[0] not in top or "/" not in candidate or "$" in candidate or ":" in candidate:
                    continue
                if candidate not in made and candidate not in planned() and not is_there(candidate):
                    yield f"{path.name}:{block.line}: {candidate} does not exist"


def targets(path: Path) -> Iterator[str]:
    """Each target of make exists."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in blocks(path.read_text()):
        for command in commands(block.text):
            if command[0] == "make":
                for target in command[1:]:
                    if not target.startswith("-") and "=" not in target and target not in known:
                        yield f"{path.name}:{block.line}: make has no target {target}"


@cache
def help_of(program: str, *command: str) -> str | None:
    """The help of a command of `edgereel`; None if there is no such command."""
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def invocation(command: list[str], program: str) -> Iterator[str]:
    """Whether the program has the subcommand and the long options of a command."""
    subcommands: list[str] = []
    arguments = command[1:]
    shown = help_of(program) or ""
    while arguments and not arguments[0].startswith("-"):
        listed = re.search(r"^Commands:\n((?:.+\n)+)", shown, re.MULTILINE)
        if listed is None:
            break
        name = arguments.pop(0)
        subcommands.append(name)
        if not re.search(rf"^  {re.escape(name)}\s", listed[1], re.MULTILINE):
            if " ".join(["edgereel", *subcommands]) not in planned():
                yield f"there is no command `edgereel {' '.join(subcommands)}`"
            return
        shown = help_of(program, *subcommands) or ""
    for argument in arguments:
        option = re.match(r"--[a-z][a-z0-9-]*", argument)
        if option is None or re.search(rf"(?<![\w-]){option[0]}(?![\w-])", shown):
            continue
        if " ".join(["edgereel", *subcommands, option[0]]) not in planned():
            yield f"`edgereel {' '.join(subcommands)}` has no option {option[0]}"


def invocations(path: Path) -> Iterator[str]:
    """Each command of `edgereel` exists, with its options. Needs EDGEREEL_BIN, the path of the program."""
    program = os.environ.get("EDGEREEL_BIN")
    if not program:
        return
    for block in blocks(path.read_text()):
        for command in commands(block.text):
            if Path(command[0]).name == "edgereel" and len(command) > 1:
                yield from (f"{path.name}:{block.line}: {it}" for it in invocation(command, program))


def cloud(path: Path) -> Iterator[str]:
    """Each command of the AWS CLI exists, with its options."""
    for block in blocks(path.read_text()):
        for command in commands(block.text):
            if command[0] == "aws" and len(command) > 1:
                yield from (f"{path.name}:{block.line}: {it}" for it in aws_cli.problems(command))


CHECKS = [syntax, lint, variables, paths, targets, invocations, cloud]

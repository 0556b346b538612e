#!/usr/bin/env python3
"""Writes docs/python-api.md, the reference of the Python package, from its stubs and docstrings.

    scripts/python_api.py            writes the page
    scripts/python_api.py --check    exits with 1 if the page is not the one that this would write

`__init__.pyi` says which names there are and where each is defined. Nothing is imported: Python's standard library is enough.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python/seqformer"
PAGE = ROOT / "docs/python-api.md"
HEAD = """# Reference of the Python package

Every public name of `seqformer`, with parameters, shapes and units. [python.md](python.md) and [python-torch.md](python-torch.md) show how they
are used. Written by `scripts/python_api.py` from the docstrings: change those, and run it again.
"""
# Their lines are names with a type, followed by indented text.
FIELDS = ("Parameters", "Returns", "Raises", "Attributes")


def parse(module):
    """The stub of a module if it has one, otherwise its source."""
    stub = PACKAGE / f"{module}.pyi"
    return ast.parse((stub if stub.exists() else PACKAGE / f"{module}.py").read_text())


def definitions(tree):
    """Classes and functions by name; of overloaded functions the last one, which has the docstring."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def text(line):
    """A line without the roles and marks of reStructuredText."""
    line = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", line)
    return re.sub(r"``([^`]+)``", r"`\1`", line)


def markdown(docstring):
    """A docstring in NumPy's style as lines of Markdown."""
    lines = (docstring or "").splitlines()
    section, code, out = None, False, []
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if following and set(following) == {"-"}:
            section = line
            out.append(f"**{line}**\n")
        elif line and set(line) == {"-"}:
            continue
        elif line.startswith((">>>", "...")):
            if not code:
                out.append("```python")
            code = True
            out.append(line)
        else:
            if code:
                out.append("```")
            code = False
            if section in FIELDS and line and not line.startswith(" "):
                name, colon, kind = line.partition(" : ")
                out.append(f"- `{name}`{': ' if colon else ''}{text(kind)}")
            else:
                out.append(text(line))
    return [*out, "```"] if code else out


def signature(node, owner=None):
    arguments = ast.unparse(node.args)
    if owner is not None:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    name = {None: node.name, "__init__": owner}.get(None if owner is None else node.name, f"{owner}.{node.name}")
    return f"{name}({arguments}){returns}"


def is_property(node):
    names = (ast.unparse(decorator) for decorator in node.decorator_list)
    return any(name.endswith("property") for name in names)


def inherited(node, known):
    """The class and those of its module that it is made from, the nearest first."""
    bases = (known.get(ast.unparse(base)) for base in node.bases)
    return [node, *(ancestor for base in bases if base for ancestor in inherited(base, known))]


def members(node, known):
    """Public methods and properties with a docstring, and `__init__` and `__call__`, each once."""
    found = {}
    for owner in inherited(node, known):
        for member in owner.body:
            if isinstance(member, ast.FunctionDef):
                is_public = not member.name.startswith("_") or member.name == "__call__"
                if is_public and ast.get_docstring(member):
                    found.setdefault(member.name, member)
    return found.values()


def of_class(node, known, public):
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) in public]
    lines = [f"### `{node.name}`\n"]
    if bases:
        lines.append(f"A `{bases[0]}`.\n")
    made = next((member for member in node.body if getattr(member, "name", "") == "__init__"), None)
    if made and "Parameters" in (ast.get_docstring(node) or ""):
        lines += ["```python", signature(made, node.name), "```\n"]
    lines += markdown(ast.get_docstring(node))
    for member in members(node, known):
        heading = f"{node.name}.{member.name}" if is_property(member) else signature(member, node.name)
        lines += [f"\n#### `{heading}`\n", *markdown(ast.get_docstring(member))]
    return lines


def entry(node, known, public):
    if isinstance(node, ast.ClassDef):
        return of_class(node, known, public)
    return [f"### `{node.name}`\n", "```python", signature(node), "```\n", *markdown(ast.get_docstring(node))]


def of_module(name):
    """A public module: its own text, and what its `__all__` names."""
    tree = parse(name)
    known = definitions(tree)
    listed = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    lines = [f"\n## `seqformer.{name}`\n", *markdown(ast.get_docstring(tree))]
    for public in listed:
        lines += ["", *entry(known[public], known, listed)]
    return lines


def page():
    names, modules = {}, []
    for node in parse("__init__").body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node.module == "seqformer":
                    modules.append(alias.name)
                else:
                    names[alias.name] = node.module.removeprefix("seqformer.")
    known = {module: definitions(parse(module)) for module in set(names.values())}
    lines = [HEAD, "## `seqformer`"]
    for name in sorted(names, key=str.lower):
        of_its_module = known[names[name]]
        lines += ["", *entry(of_its_module[name], of_its_module, names)]
    for module in sorted(modules):
        if (PACKAGE / f"{module}.py").exists():
            lines += of_module(module)
    lines.append("\n`seqformer.compat` is described in [python.md](python.md#scripts-for-pycocotools).")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip(" ") for line in lines)) + "\n"


def main():
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text() != page():
            sys.exit("docs/python-api.md: expected what the docstrings say, found another text: run scripts/python_api.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        PAGE.write_text(page())


main()

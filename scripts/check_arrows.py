#!/usr/bin/env python3
"""Finds circles: crates or modules that import each other. Python's standard library and cargo are all that it needs.

    scripts/check_arrows.py [--all] [CRATE ...]    exits with 1 if there is a circle; --all prints every arrow of one

Crates: their dependencies by `cargo metadata`, those for tests aside.

Modules: within each module, the modules directly below it are taken with all that lies in them, and none of them may
lead back to itself over others. So neither files side by side nor directories import each other in a circle. A module
and its own parts (`a.rs` and `a/b.rs`) count as one from outside and may refer to each other; only the root of a crate
may not be both what its modules import and what imports them. An arrow is any path in the code, in `use` or elsewhere,
and leads to the file that defines the name, whatever re-exports lie between. Code under `#[cfg(test)]` is left out.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

IDENTIFIER = r"(?:r#)?[A-Za-z_]\w*"
PATH = re.compile(rf"(?<![\w:.$'])(?:::)?({IDENTIFIER}(?:\s*::\s*{IDENTIFIER})+)")
DEFINITION = re.compile(rf"\b(?:struct|enum|union|trait|fn|const(?!\s+(?:fn|unsafe|extern|async)\b)|static|type|macro_rules!)\s+(?:mut\s+)?({IDENTIFIER})")
USE = re.compile(r"\buse\s+((?:[^;])*);")
MOD = re.compile(rf"((?:#\s*\[(?:[^\[\]]|\[[^\]]*\])*\]\s*)*)(?:pub(?:\([^)]*\))?\s+)?mod\s+({IDENTIFIER})\s*;")


def plain(text):
    """The code without comments and literals, as many lines as before."""
    token = re.compile(
        r"//[^\n]*|/\*.*?\*/|b?r(#*)\".*?\"\1|b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'", re.S
    )
    return token.sub(lambda found: "\n" * found.group().count("\n") + " ", text)


def end_of_item(text, start):
    """Where an item ends that begins at `start`: behind its `;` or its braces."""
    depth = 0
    for place in range(start, len(text)):
        letter = text[place]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0 and letter == "}":
                return place + 1
        elif letter == ";" and depth == 0:
            return place + 1
    return len(text)


def without_tests(text):
    """The code without items under `#[cfg(test)]`."""
    while found := re.search(r"#\s*\[\s*cfg\s*\(\s*test\s*\)\s*\]", text):
        end = end_of_item(text, found.end())
        text = text[: found.start()] + "\n" * text.count("\n", found.start(), end) + text[end:]
    return text


def imports(tree, prefix=()):
    """The names that a `use` brings: (name or None for all, path)."""
    tree = tree.strip()
    depth, start, brace = 0, 0, tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        path = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
        if path[-1] == "*":
            return [(None, path[:-1])]
        if path[-1] == "self":
            path = path[:-1]
        return [(alias.strip() or path[-1], path)]
    prefix += tuple(part.strip() for part in tree[:brace].split("::") if part.strip())
    found, inner = [], tree[brace + 1 : tree.rindex("}")]
    for place, letter in enumerate(inner + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if inner[start:place].strip():
                found += imports(inner[start:place], prefix)
            start = place + 1
    return found


class Module:
    """A file of a crate."""

    def __init__(self, file, folder, parent, name):
        self.file, self.parent, self.name, self.children = file, parent, name, {}
        self.text = without_tests(plain(file.read_text()))
        self.names, self.all = {}, []
        self.definitions = set(DEFINITION.findall(self.text))
        self.uses = [(found.start(), imports(found.group(1))) for found in USE.finditer(self.text)]
        for _, brought in self.uses:
            for name, path in brought:
                if name is None:
                    self.all.append(path)
                elif name != "_":
                    self.names.setdefault(name, path)
        for attributes, child in MOD.findall(self.text):
            # Literals are gone from `text`: a path of its own is read from the file.
            own = re.search(rf'#\[path = "([^"]+)"\]\s*(?:pub\s+)?mod {child};', file.read_text())
            places = [folder / f"{child}.rs", folder / child / "mod.rs"]
            places = [file.parent / own.group(1)] if own else places
            for place in places:
                if place.exists():
                    self.children[child] = Module(place, folder / child, self, child)
                    break

    def root(self):
        return self.parent.root() if self.parent else self

    def below(self):
        yield self
        for child in self.children.values():
            yield from child.below()

    def lineage(self):
        return (self.parent.lineage() if self.parent else []) + [self]

    def find(self, path, seen=frozenset()):
        """The module that defines what a path from here leads to; None for other crates and local names."""
        first, *rest = path
        if first == "crate":
            return self.root().descend(rest, seen)
        if first == "self":
            return self.descend(rest, seen)
        if first == "super":
            return self.parent.find(["self", *rest], seen) if rest and self.parent and rest[0] != "super" else (
                self.parent.find(rest, seen) if rest and self.parent else self.parent
            )
        if first in self.children or first in self.names or first in self.definitions:
            return self.descend(path, seen)
        return None

    def descend(self, path, seen):
        if not path:
            return self
        first, *rest = path
        if first in self.children:
            return self.children[first].descend(rest, seen)
        if first in self.definitions:
            return self
        if (self, first) in seen:
            return None
        seen = seen | {(self, first)}
        if first in self.names:
            return self.find([*self.names[first], *rest], seen)
        for path_of_all in self.all:
            target = self.find(list(path_of_all), seen)
            if target and target is not self and (found := target.descend([first, *rest], seen)):
                return found
        return None

    def nearest(self, path):
        """The last file on a path whose name nobody was seen to define, as where a macro does."""
        place = {"crate": self.root(), "self": self, "super": self.parent}.get(path[0])
        for name in path[1:] if place else []:
            if name == "super" and place.parent:
                place = place.parent
            elif name in place.children:
                place = place.children[name]
            else:
                break
        return place

    def arrows(self):
        """(module, line, path) of all that the code here refers to."""
        for start, brought in self.uses:
            for name, path in brought:
                yield start, path
        code = USE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), self.text)
        for found in PATH.finditer(code):
            yield found.start(), tuple(part.strip() for part in found.group(1).split("::"))


def circles(arrows):
    """The strongly connected parts of more than one node, by Tarjan's algorithm."""
    order, low, stack, parts = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in arrows.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                parts.append(sorted(part))

    for node in sorted(arrows):
        if node not in order:
            visit(node)
    return parts


def check_target(root, folder, every):
    """Prints the circles of the modules of a target; how many there are."""
    top = Module(root, root.parent, None, "crate")
    arrows = []
    for module in top.below():
        for start, path in module.arrows():
            target = module.find(list(path))
            if target and target is not module:
                line = module.text.count("\n", 0, start) + 1
                arrows.append((module, target, f"{module.file.relative_to(folder)}:{line} {'::'.join(path)}"))
    found = 0
    for home in top.below():
        graph, shown = {}, {}
        depth = len(home.lineage())
        for module, target, text in arrows:
            ends = []
            for end in (module, target):
                lineage = end.lineage()
                if lineage[: depth] != home.lineage() or (len(lineage) == depth and home is not top):
                    break
                ends.append(lineage[depth].name if len(lineage) > depth else home.file.name)
            if len(ends) == 2 and ends[0] != ends[1]:
                graph.setdefault(ends[0], set()).add(ends[1])
                shown.setdefault((ends[0], ends[1]), []).append(text)
        for part in circles(graph):
            found += 1
            print(f"{home.file.relative_to(folder)}: a circle of {len(part)}: {', '.join(part)}")
            for (source, target), texts in sorted(shown.items()):
                if source in part and target in part:
                    for text in texts if every else texts[:1]:
                        print(f"    {source} -> {target}: {text}")
    return found


def main():
    every, wanted = "--all" in sys.argv, [name for name in sys.argv[1:] if not name.startswith("--")]
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["packages"]
    names = {package["name"] for package in packages}
    graph = {
        package["name"]: {d["name"] for d in package["dependencies"] if d["kind"] != "dev" and d["name"] in names}
        for package in packages
    }
    found = 0
    for part in circles(graph):
        found += 1
        print(f"crates: a circle of {len(part)}: {', '.join(part)}")
    modules = 0
    for package in sorted(packages, key=lambda package: package["name"]):
        if wanted and package["name"] not in wanted:
            continue
        for target in package["targets"]:
            if set(target["kind"]) & {"lib", "bin"}:
                modules += 1
                root = Path(target["src_path"])
                found += check_target(root, root.parent.parent.parent, every)
    print(f"{len(names)} crates, {modules} programs and libraries: {found or 'no'} circle{'s' if found != 1 else ''}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Which code a training reaches: its name changes with that code, and with no other.

:func:`code_of` follows the names in the source of a function, from definition to definition, through ``nndl`` and
``chapter6``. A definition is a function, a class with all its methods and bases, or an assignment, at the top of a
module. Docstrings, comments, formatting and annotations do not count, apart from those of a class's fields, which a
dataclass is made of. What the import of a reached module, or of the packages around it, does by itself counts.

Nothing is imported, only read, and each file once a process. Only names are followed, which has its limits:

- An object that is handed in brings code that the function does not name. Give its class, or what makes it, to
  :func:`code_of` as well: ``code_of(train, nndl.LSTM)``.
- A module that is used as a value, as in ``getattr(module, name)``, counts whole, a package with all that is in it. So
  does a text such as ``"nndl.op.cell"``, or, as an ``import_module`` takes it, ``f"{__name__}.cell"`` or
  ``f"nndl.op.{name}"``. The name of a module that is put together in any other way is not seen.
- A table that a decorator fills from elsewhere is not seen by who reads the table. Write such a table out.
- Of other libraries only the names count; their versions belong beside the digest.
"""

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from nndl.error import SettingError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nndl", "chapter6")
LAZY = "_HOME"  # in a package: the module, of any package or of this one, that a name is taken from at its first use
WHOLE = "*"
_NOT_RUN = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
# In the text of a definition: the name of a module or a definition, and the folder of sources in another language.
_DOTTED = re.compile(rf"Constant\(value='((?:{'|'.join(PACKAGES)})[.][\w.]*(?::\w+)?)'")
_NATIVE = re.compile(r"Constant\(value='(cpp)[/']")

Source = tuple[str, tuple[str, ...]]  # a module, and the names to look up from there, each in the one before
Place = tuple[str, str]  # a module and a definition in it; "" for what its import does, WHOLE for all of it
Scope = dict[str, Source | None]  # what an import binds, with its source; what else is bound, with None
_GLOBAL: Source = ("", ())


def code_of(*things: Any, root: Path = ROOT) -> str:
    """A digest of all code that functions and classes reach, 64 hexadecimal digits.

    Args:
        things: functions and classes at the top of a module of ``nndl`` or ``chapter6``.
        root: the folder of the two packages.

    Raises:
        SettingError: a function that stands elsewhere, as in a notebook.
        ImportError: the code names something in the two packages that is not there.
    """
    found = _reach(root, _places(root, things))
    return hashlib.sha256("".join(f"{name} {found[name]}\n" for name in sorted(found)).encode()).hexdigest()


def reached(*things: Any, root: Path = ROOT) -> list[str]:
    """What :func:`code_of` counts, sorted: definitions, modules whose import does something, native sources."""
    return sorted(_reach(root, _places(root, things)))


def _places(root: Path, things: Iterable[Any]) -> frozenset[Place]:
    places = set()
    for thing in things:
        module, name = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "").partition(".")[0]
        here = _read(root, module) if _is_ours(module) else None
        if here is None or name not in here.definitions:
            where = f"{name or repr(thing)} of {module or 'no module'}"
            raise SettingError(f"{where}: expected a function or class at the top of a file of {' or '.join(PACKAGES)}")
        places.add((module, name))
    return frozenset(places)


@cache
def _reach(root: Path, start: frozenset[Place]) -> dict[str, str]:
    """The digests of all places that these lead to, by name."""
    digests, waiting = {}, set(start)
    while waiting:
        place = waiting.pop()
        digests[place], leads_to = _look(root, *place)
        waiting |= leads_to - digests.keys()
    return {".".join(filter(None, place)): digest for place, digest in digests.items() if digest}


@cache
def _look(root: Path, module: str, name: str) -> tuple[str, set[Place]]:
    """The digest of a place, "" where nothing is there, and the places that it leads to."""
    if not module:  # a native source
        return hashlib.sha256((root / name).read_bytes()).hexdigest(), set()
    here = _read(root, module)
    if name == WHOLE:
        return "", {(module, each) for each in ("", *here.definitions)} | {(each, WHOLE) for each in here.inside}
    statements = here.definitions[name] if name else here.effects
    text = "\n".join(map(ast.dump, statements))
    links = {(spelled, _follow(root, *source)) for each in statements for spelled, source in _names(here, each, ())}
    if name in here.imports:
        links.add((name, _follow(root, *here.imports[name])))
    links |= {(dotted, place) for dotted in _DOTTED.findall(text) if (place := _named(root, dotted))}
    # What its names stand for belongs to the text: an import may change from one to another that is reached as well.
    text += "".join(f"\n{spelled} = {'.'.join(place)}" for spelled, place in sorted(links))
    leads_to = {place for _, place in links if _is_ours(place[0])}
    for folder in _NATIVE.findall(text):
        files = (path for path in here.path.with_name(folder).glob("*") if path.is_file())
        leads_to |= {("", path.relative_to(root).as_posix()) for path in files}
    around = module if name else module.rpartition(".")[0]
    if around:
        leads_to.add((around, ""))
    return hashlib.sha256(text.encode()).hexdigest() if text else "", leads_to


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


# --- what stands in a file ---


class _Module(NamedTuple):
    name: str
    path: Path
    imports: Scope
    definitions: dict[str, list[ast.stmt]]
    effects: list[ast.stmt]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def inside(self) -> list[str]:
        """The modules of a package."""
        folder = self.path.parent
        paths = [*folder.glob("*.py"), *(path.parent for path in folder.glob("*/__init__.py"))]
        return [f"{self.name}.{path.stem}" for path in paths if path != self.path] if self.is_package else []

    @property
    def lazy(self) -> dict[str, str]:
        return ast.literal_eval(self.definitions[LAZY][0].value) if LAZY in self.definitions else {}


@cache
def _read(root: Path, name: str) -> _Module | None:
    """A module taken apart; None where there is none."""
    path = root.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.is_file():
        return None
    module = _Module(name, path, {}, defaultdict(list), [])
    for statement in _run(_Bare(name).visit(ast.parse(path.read_bytes())).body):
        is_import, is_definition = isinstance(statement, ast.Import | ast.ImportFrom), _is_definition(statement)
        if not is_import and not is_definition:
            module.effects.append(statement)
        for bound, source in _bound(module, statement).items():
            if source:
                module.imports[bound] = source
            if not is_import:  # an import in a try is both
                module.definitions[bound] += [statement] if is_definition else []
    return module


def _run(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that an import runs."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) in _NOT_RUN:
            yield from _run(statement.orelse)
        else:
            yield statement


def _is_definition(statement: ast.stmt) -> bool:
    """Whether a statement only gives names a value."""
    if isinstance(statement, ast.Assign | ast.AugAssign):
        stored = [node for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)]
        return not any(isinstance(node, ast.Attribute | ast.Subscript) for node in stored)
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


class _Bare(ast.NodeTransformer):
    """Takes away what has no effect: docstrings and annotations, but for those of the fields of a class."""

    def __init__(self, module: str) -> None:
        self.module = module

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Not to take away: a text that begins with the module's own name gets it."""
        self.generic_visit(node)
        match node.values:
            case [ast.FormattedValue(value=ast.Name(id="__name__"), conversion=-1), ast.Constant(value=text), *rest]:
                own = ast.Constant(self.module + text)
                return ast.JoinedStr([own, *rest]) if rest else own
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return self.visit(ast.Assign([node.target], node.value)) if node.value else None

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        visited = [each if isinstance(each, ast.AnnAssign) else self.visit(each) for each in node.body]
        node.body = [each for each in visited if each is not None]
        return node


# --- names: where they are bound, what is read, where it leads ---


def _bound(module: _Module, *nodes: ast.AST) -> Scope:
    """The names that statements bind in their own scope."""
    scope: Scope = {}
    waiting = list(nodes)
    while waiting:
        match node := waiting.pop():
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                scope.setdefault(name, None)
                continue  # what is in it is another scope
            case ast.Lambda():
                continue
            case ast.comprehension():
                waiting += [node.iter, *node.ifs]
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                scope.setdefault(name, None)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                scope.setdefault(name, None)
            case ast.MatchMapping(rest=str(name)):
                scope.setdefault(name, None)
            case ast.Global(names=names):
                scope |= dict.fromkeys(names, _GLOBAL)
            case ast.Import(names=names):
                for each in names:
                    first = each.name.partition(".")[0]
                    scope[each.asname or first] = (each.name if each.asname else first, ())
            case ast.ImportFrom(names=names):
                package = module.name if module.is_package else module.name.rpartition(".")[0]
                source = resolve_name("." * node.level + (node.module or ""), package)
                if names[0].name == "*" and _is_ours(source):
                    raise ImportError(f"{module.name}: from {source} import * cannot be followed; write the names")
                scope |= {each.asname or each.name: (source, (each.name,)) for each in names}
        waiting += ast.iter_child_nodes(node)
    return scope


def _names(module: _Module, node: ast.AST, scopes: tuple[Scope, ...]) -> Iterator[tuple[str, Source]]:
    """The dotted names that a statement takes from outside of it: as spelled, and where they start."""
    outside, inside = list(ast.iter_child_nodes(node)), []
    match node:
        case ast.Name() | ast.Attribute():
            inner, attributes = node, ()
            while isinstance(inner, ast.Attribute):
                inner, attributes = inner.value, (inner.attr, *attributes)
            if isinstance(inner, ast.Name):
                outside = []
                if source := _source(module, inner.id, scopes):
                    yield ".".join((inner.id, *attributes)), (source[0], source[1] + attributes)
        case ast.AnnAssign():
            outside = [node.value] if node.value else []
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            inside = node.body if isinstance(node.body, list) else [node.body]
            outside = [*getattr(node, "decorator_list", []), node.args]
            arguments = (each.arg for each in ast.iter_child_nodes(node.args) if isinstance(each, ast.arg))
            scopes_inside = (*scopes, dict.fromkeys(arguments) | _bound(module, *inside))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            inside, outside = outside, [node.generators[0].iter]
            targets = (each for part in node.generators for each in ast.walk(part.target))
            scopes_inside = (*scopes, {each.id: None for each in targets if isinstance(each, ast.Name)})
    for each in outside:
        yield from _names(module, each, scopes)
    for each in inside:
        yield from _names(module, each, scopes_inside)


def _source(module: _Module, name: str, scopes: tuple[Scope, ...]) -> Source | None:
    """Where a name is to be looked up; None for a local one and for those of the language."""
    source = next((scope[name] for scope in reversed(scopes) if name in scope), _GLOBAL)
    if source is not _GLOBAL:
        return source
    return (module.name, (name,)) if name in module.definitions or name in module.imports else None


def _follow(root: Path, module: str, names: tuple[str, ...]) -> Place:
    """Where a dotted name leads, through packages that hand on what stands elsewhere."""
    if not _is_ours(module):
        return module, ".".join(names)
    here = _read(root, module)
    if here is None:
        raise ImportError(f"there is no module {module} in {root}")
    if not names:
        return module, WHOLE
    name, rest = names[0], names[1:]
    if name in here.definitions:
        return module, name
    source, wanted = here.imports.get(name, (module, (name,)))
    if (source, wanted) != (module, (name,)):
        return _follow(root, source, wanted + rest)
    if _read(root, f"{module}.{name}"):
        return _follow(root, f"{module}.{name}", rest)
    if name in here.lazy:
        home = here.lazy[name]
        return _follow(root, home if _is_ours(home) else f"{module}.{home}", names)
    if name.startswith("__"):  # __file__, and what else every module has
        return module, ""
    raise ImportError(f"{module} has no {name}")


def _named(root: Path, dotted: str) -> Place | None:
    """What a text is the name of; None where it is a text like any other."""
    module, *names = filter(None, re.split("[.:]", dotted))
    try:
        return _follow(root, module, tuple(names))
    except ImportError:
        return None

"""Removes each check of what a peer says, one at a time; some test must fail of it.

`python -m tests.mesh.mutants` prints a line for each, and ends with 1 if a check can
go without a test that fails. Nothing on the disk is changed: each check is taken out
of the running code of a process of its own.
"""

import ast
import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

#: What reads what a peer says, and the tests of it.
TESTS = {
    "circuit_flow": ("circuit",),
    "first_message": ("handshake", "handshake_vectors"),
    "handshake": ("handshake", "handshake_vectors"),
    "info": ("info", "handshake"),
    "join_token": ("join_token",),
    "messages": ("recorded", "link"),
    "roster": ("roster",),
    "rotation": ("rotation",),
    "secret_ring": ("secret_ring",),
    "stream": ("stream",),
    "transcript": ("transcript", "handshake"),
}
#: How a process ends that could not take its check out; pytest ends with up to 5.
NOT_TAKEN_OUT = 70
#: A test that waits for what never comes has missed it, too.
LONGEST_S = 20


class Mutant(NamedTuple):
    """A check of a ``module``, on a ``line`` that ``says`` so."""

    module: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.says}"


def mutants(name: str) -> list[Mutant]:
    """Return the checks of a module: what raises if something is so, or was refused."""
    tree = ast.parse(inspect.getsource(_module(name)))
    found = [
        Mutant(name, node.lineno, ast.unparse(node).partition("\n")[0])
        for node in ast.walk(tree)
        if _is_check(node)
    ]
    return sorted(found)


def passes(name: str, mutant: Mutant | None = None) -> bool:
    """Tell whether a module's tests pass without a check; in a process of its own.

    Raises RuntimeError if the check could not be taken out.
    """
    child = os.fork()
    if not child:
        code = NOT_TAKEN_OUT
        with contextlib.suppress(BaseException):
            if mutant:
                _take_out(mutant)
            code = 1
            code = _pytest(name, "-x", "-m", "not slow", f"--timeout={LONGEST_S}")
        os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NOT_TAKEN_OUT:
        raise RuntimeError(f"a check could not be taken out: {mutant}")
    return status == 0


def _pytest(name: str, *how: str) -> int:
    """Run pytest with a module's tests, without a word."""
    files = [f"tests/mesh/test_{each}.py" for each in TESTS[name]]
    with (
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
    ):
        return int(pytest.main(["-q", "-p", "no:cacheprovider", *how, *files]))


def _module(name: str) -> Any:
    return importlib.import_module(f"pangea.mesh.{name}")


def _is_check(node: ast.AST) -> bool:
    kinds = ast.If | ast.ExceptHandler
    return isinstance(node, kinds) and isinstance(node.body[-1], ast.Raise)


class _Remover(ast.NodeTransformer):
    """Lets nothing come of the check on a line."""

    def __init__(self, line: int) -> None:
        self._line = line

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if node.lineno == self._line and _is_check(node):
            # It is still asked, so that the names within stay those they were.
            never = ast.Constant(False)
            node.test = ast.BoolOp(ast.And(), [node.test, never])
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        if node.lineno == self._line and _is_check(node):
            node.body = [ast.Pass()]
        return node


def _take_out(mutant: Mutant) -> None:
    """Give the functions of a module the code that they have without a check."""
    module = _module(mutant.module)
    tree = _Remover(mutant.line).visit(ast.parse(inspect.getsource(module)))
    made = compile(ast.fix_missing_locations(tree), module.__file__, "exec")
    codes = {code.co_qualname: code for code in _codes(made)}
    for function in _functions(vars(module).values(), module.__name__):
        function.__code__ = codes[function.__qualname__]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _functions(values: Any, module: str) -> Iterator[FunctionType]:
    """Yield the functions that a module itself defines, also those of its classes."""
    for value in list(values):
        if isinstance(value, type) and value.__module__ == module:
            yield from _functions(vars(value).values(), module)
            continue
        inner = getattr(value, "__func__", None) or getattr(value, "fget", None)
        function = inspect.unwrap(inner or getattr(value, "func", None) or value)
        is_ours = isinstance(function, FunctionType) and function.__module__ == module
        # What dataclasses and structs make of a class is in no source.
        if is_ours and function.__code__.co_filename.endswith(".py"):
            yield function


def main() -> int:
    """Take out one check after the other; return 1 if no test misses one."""
    missed = 0
    for name in sys.argv[1:] or TESTS:
        # What the tests import is imported once, for all processes.
        _pytest(name, "--collect-only")
        if not passes(name):
            print(f"the tests of {name} fail as it is")
            return 2
        for mutant in mutants(name):
            alive = passes(name, mutant)
            missed += alive
            print(f"{'SURVIVES' if alive else 'missed':9} {mutant}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""What Snakemake 9 would work out anew for each of a run's many jobs, remembered.

It looks up at every job what arguments a function takes, by ``inspect.signature``; at every file
that a job reads, which rules could make it, though it has been asked for that file before; formats
the shell command of a job twice to print it once, and names its log twice; evaluates requests that
are plain numbers; asks of every file that has no flags for each flag; sorts the outputs of all jobs
as paths, to see that none lies in another. In all two fifths of a dry run (docs/scale.md). Nothing
that a job does depends on this module; where Snakemake has changed, each part of it does nothing.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])
#: Functions whose arguments are remembered at a time: more than rules have.
_FUNCTIONS = 10_000
_OF_SIZE = "asks_for_size"
#: How Snakemake is told to fill a command otherwise than it usually does.
_OPTIONS = frozenset(("stepout", "_quote_all", "quote_func"))


def arguments_known(function: _Function) -> _Function:
    """Tell Snakemake once what arguments a function takes, or a method beside ``self``."""
    try:
        from snakemake.common import overwrite_function_params
    except ImportError:
        return function
    arguments = dict(inspect.signature(function).parameters)
    arguments.pop("self", None)
    overwrite_function_params(function, arguments)
    return function


def asks_for_size(function: _Function) -> _Function:
    """Mark a request that is a function of wildcards, threads and attempt alone.

    Snakemake evaluates it without the wrapping that functions of inputs need.
    """
    setattr(arguments_known(function), _OF_SIZE, True)
    return function


def spare_repetition() -> None:
    """Let Snakemake work out once what is the same for all jobs, or was asked before."""
    try:
        from snakemake import common, io, jobs, rules, utils
        from snakemake.dag import DAG
        from snakemake.io import fmt
        from snakemake.resources import Resource
    except ImportError:
        return
    if _takes(Resource, "evaluate", "self", "args", "kwargs"):
        arguments_known(Resource.evaluate)
    if _takes(common, "get_function_params", "func"):
        lookup = _arguments_remembered(common.get_function_params)
        _replace("get_function_params", lookup)
    if _takes(io, "is_flagged", "value", "flag"):
        _replace("is_flagged", _kinds_remembered(io.is_flagged, io.AnnotatedStringInterface))
    if _takes(fmt, "fmt_iofile", "f", "as_input", "as_output"):
        _replace("fmt_iofile", _names_as_they_are(fmt.fmt_iofile, io._IOFile))
    if isinstance(getattr(io._IOFile, "is_storage", None), property):
        io._IOFile.is_storage = _flags_first(io._IOFile.is_storage, io.AnnotatedString)
    if getattr(jobs, "format", None) is utils.format:
        jobs.format = _looked_up_first(utils.format, utils)
    if _takes(DAG, "update", "self", "jobs", "file", "visited", "known_producers", more=True):
        DAG.update = _producers_remembered(DAG.update)
    if _takes(DAG, "check_directory_outputs", "self"):
        DAG.check_directory_outputs = _where_folders_are_outputs(DAG.check_directory_outputs)
    if isinstance(getattr(jobs.Job, "shellcmd", None), property):
        jobs.Job.shellcmd = _asked_twice(jobs.Job.shellcmd)
    kept = (getattr(jobs.Job, name, None) for name in ("benchmark", "log"))
    if _takes(jobs.Job, "is_valid", "self") and all(isinstance(each, property) for each in kept):
        jobs.Job.is_valid = _kept_for_later(jobs.Job.is_valid)
    if _takes(rules.Rule, "apply_input_function", "self", "func", "wildcards", more=True):
        rules.Rule.apply_input_function = _plain_as_it_is(rules.Rule.apply_input_function, Resource)
    if _takes(Resource, "cli_evaluator", "name", "val", more=True):
        Resource.cli_evaluator = staticmethod(_words_as_they_are(Resource.cli_evaluator))


def _takes(owner: Any, name: str, *arguments: str, more: bool = False) -> bool:
    """Whether a class or module has this function, with these arguments first."""
    function = getattr(owner, name, None)
    if not callable(function):
        return False
    found = list(inspect.signature(function).parameters)
    return found[: len(arguments)] == list(arguments) and (more or len(found) == len(arguments))


def _replace(name: str, function: Any) -> None:
    """Put a function in the place of the one that it wraps, in all modules of Snakemake."""
    for module in [each for key, each in sys.modules.items() if key.startswith("snakemake.")]:
        if vars(module).get(name) is function.__wrapped__:
            setattr(module, name, function)


def _kinds_remembered(is_flagged: Any, annotated: type) -> Any:
    """Whether a file has a flag; which types of objects can have any is looked up once."""
    known: dict[type, bool] = {str: False}

    @functools.wraps(is_flagged)
    def remembered(value: Any, flag: str) -> bool:
        kind = type(value)
        if kind not in known:
            known[kind] = issubclass(kind, annotated)
        # Few files have any flag.
        return known[kind] and bool(value.flags) and bool(value.is_flagged(flag))

    return remembered


def _names_as_they_are(named: Any, file_type: type) -> Any:
    """The name of a file as it is printed, which is its own where it has no flags."""

    @functools.wraps(named)
    def plain(f: Any, as_input: bool = False, as_output: bool = False) -> str:
        if isinstance(f, file_type) and not getattr(f, "flags", True):
            return str(f)
        name: str = named(f, as_input=as_input, as_output=as_output)
        return name

    return plain


def _flags_first(is_storage: property, annotated: type) -> property:
    """Whether a file is in some storage, asked of files that have flags."""
    ask: Any = is_storage.fget

    @functools.wraps(ask)
    def asked(file: Any) -> bool:
        name = file._file
        if type(name) is annotated and not getattr(name, "_flags", True):
            return False
        return bool(ask(file))

    return property(asked)


def _looked_up_first(fill: Any, utils: Any) -> Any:
    """The filling of a command with a job's values, without copies of everything that is defined.

    All that a command can name is given by the job. What is not found there, and every error, is
    left to Snakemake.
    """
    formatter = utils.SequenceFormatter(separator=" ")
    formatter.element_formatter = utils.QuotedFormatter()

    @functools.wraps(fill)
    def filled(_pattern: Any, *args: Any, **variables: Any) -> Any:
        if not args and not _OPTIONS & variables.keys():
            with contextlib.suppress(Exception):
                return formatter.vformat(_pattern, (), variables)
        variables["stepout"] = variables.get("stepout", 1) + 1  # this function is not meant
        return fill(_pattern, *args, **variables)

    return filled


def _arguments_remembered(lookup: Any) -> Any:
    """The arguments of a function, looked up once for the functions of the rules."""
    known = functools.lru_cache(maxsize=_FUNCTIONS)(lookup)

    @functools.wraps(lookup)
    def remembered(func: Any) -> Mapping[str, inspect.Parameter]:
        found: Mapping[str, inspect.Parameter] = (
            known(func) if inspect.isfunction(func) else lookup(func)
        )
        return found

    return remembered


def _producers_remembered(add: Any) -> Any:
    """Adding a job to the graph, after which its file's producer is known to all who read it.

    Snakemake hands a table of producers along, but notes in it only the files that no rule makes.
    A job that was added with all that it depends on is in no cycle, and remains the producer.
    """

    @functools.wraps(add)
    async def update(
        dag: Any,
        jobs: Any,
        file: Any = None,
        visited: Any = None,
        known_producers: Any = None,
        **more: Any,
    ) -> Any:
        job = await add(dag, jobs, file, visited, known_producers, **more)
        if file is not None and known_producers is not None:
            known_producers[file] = [job]
        return job

    return update


def _where_folders_are_outputs(check: Any) -> Any:
    """The check that no output lies in another, made where an output is a folder of one."""

    @functools.wraps(check)
    def checked(dag: Any) -> None:
        named = {str(file) for job in dag.jobs for file in job.output}
        here = f"{Path.cwd()}/"
        outputs = {name if name.startswith("/") else here + name for name in named}
        above = folders = {path.rpartition("/")[0] for path in outputs}
        while folders:
            folders = {folder.rpartition("/")[0] for folder in folders} - above
            above = above | folders
        unclear = any("./" in name or "//" in name or name.endswith(".") for name in named)
        if unclear or outputs & above:
            check(dag)

    return checked


def _plain_as_it_is(apply: Any, resource: Any) -> Any:
    """A request that is a plain number or text needs no evaluation; one of ours, little."""

    @functools.wraps(apply)
    def applied(rule: Any, func: Any, wildcards: Any, *rest: Any, **more: Any) -> Any:
        asked = getattr(func, "__self__", None)
        if isinstance(asked, resource):
            if not asked.is_evaluable():
                return asked, False
            function: Any = getattr(asked, "_evaluator", None)
            if hasattr(function, _OF_SIZE) and "threads" in more and "attempt" in more:
                value = function(wildcards, more["threads"], more["attempt"])
                return resource(asked.name, value, raw=asked.raw), False
        return apply(rule, func, wildcards, *rest, **more)

    return applied


def _words_as_they_are(evaluate: Any) -> Any:
    """Default resources of one word: a word that means nothing to Python stands for itself.

    So it is with the name of an account. The default of ``tmpdir`` is a word too.
    """
    words: set[str] = set()

    @functools.wraps(evaluate)
    def evaluated(name: str, val: str, **more: Any) -> Any:
        if val in words:
            return val
        if val == "system_tmpdir":
            return tempfile.gettempdir()
        found = evaluate(name, val, **more)
        if val.isidentifier() and found == val:
            words.add(val)
        return found

    return evaluated


def _asked_twice(command: property) -> property:
    """A property of a job that is remembered until another job, or attempt, is asked for it."""
    last: tuple[Any, ...] = ()
    said: str | None = None

    def remembered(job: Any) -> str | None:
        nonlocal last, said
        if not last or any(a is not b for a, b in zip(last, _state(job), strict=True)):
            assert command.fget is not None
            said = command.fget(job)
            last = _state(job)  # afterwards: formatting evaluates parameters and resources
        return said

    return property(remembered)


def _kept_for_later(check: Any) -> Any:
    """The check that a job's log and benchmark can be named, which keeps the names for the job."""

    @functools.wraps(check)
    def checked(job: Any) -> None:
        _ = job.benchmark, job.log

    return checked


def _state(job: Any) -> tuple[Any, ...]:
    """All that the command of a job can change with."""
    return job, job.attempt, job.params, job.resources

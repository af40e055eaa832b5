"""Groups whose commands are imported when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group with commands of its own, and of other modules of this package.

    Args:
        elsewhere: Name of a command to its module and its attribute there.
    """

    def __init__(
        self, *arguments: Any, elsewhere: Mapping[str, tuple[str, str]], **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted; none is imported."""
        return sorted({*super().list_commands(ctx), *self._elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name; None where there is none."""
        if cmd_name not in self._elsewhere:
            return super().get_command(ctx, cmd_name)
        module, attribute = self._elsewhere[cmd_name]
        found = getattr(importlib.import_module(f"wgs_pipeline.cli.{module}"), attribute)
        command: click.Command = found
        return command

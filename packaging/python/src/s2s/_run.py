"""Runs a program, and hands on what it says."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._errors import error

_LOG = logging.getLogger("s2s")
_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_PROGRESS = "s2s::progress"


def find(program: str) -> str:
    """The program that was installed with this module; without one, that on the PATH."""
    folders = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent)]
    beside = (found for folder in folders if (found := shutil.which(program, path=folder)))
    found = next(beside, None) or shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program}: not beside this Python, and not on the PATH. Install s2s-st")
    return found


def execute(program: str, arguments: Sequence[str], progress: bool) -> str:
    """Runs a program to its end and returns its stdout; raises what it refuses."""
    command = [find(program), *arguments, "--log-format", "json"]
    said: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as out,
        _Bars(progress) as bars,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace") as process,
    ):
        assert process.stderr is not None
        try:
            for line in process.stderr:
                _hear(line.rstrip("\n"), said, bars)
            code = process.wait()
        except KeyboardInterrupt:
            # The stage saves what it has.
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        if code != 0:
            told = "\n".join(said) or f"{program}: ended with {code} and said nothing"
            raise error(told, code)
        out.seek(0)
        return out.read()


def _hear(line: str, said: list[str], bars: "_Bars") -> None:
    """Takes a line of a program: an object, or the words of whoever spoke before its log was there."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        said.append(line)
        return
    if event.get("target") == _PROGRESS:
        bars.show(event)
        return
    message, level = str(event.get("message", "")), str(event.get("level", ""))
    if level == "error":
        said.append(message)
    else:
        _LOG.log(_LEVELS.get(level, logging.DEBUG), "%s", message)


class _Bars:
    """The task that is under way, where tqdm is there to draw it."""

    def __init__(self, wanted: bool) -> None:
        self._bar: Any = None
        self._tqdm: Any = None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._tqdm = tqdm

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, event: dict[str, Any]) -> None:
        if self._tqdm is None:
            return
        if self._bar is None or self._bar.desc != event["task"]:
            self.__exit__()
            self._bar = self._tqdm(total=event["all"], unit=" " + event["unit"], leave=False)
            self._bar.desc = event["task"]
        self._bar.set_postfix_str(event.get("note", ""), refresh=False)
        self._bar.update(event["done"] - self._bar.n)

"""What a program refuses, as exceptions: one for each of its exit codes."""


class S2SError(RuntimeError):
    """A program failed. `exit_code` is its own; the message is what it said."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UsageError(S2SError, ValueError):
    """What was asked for makes no sense (2)."""


class BadData(S2SError, ValueError):
    """An input was read, and cannot be used (65)."""


class MissingInput(S2SError, FileNotFoundError):
    """An input does not exist (66)."""


class Bug(S2SError):
    """The program is wrong (70)."""


class Stopped(S2SError):
    """A signal stopped it, and the work so far is saved: the same call goes on (75)."""


_BY_EXIT_CODE: dict[int, type[S2SError]] = {2: UsageError, 65: BadData, 66: MissingInput, 70: Bug, 75: Stopped}


def error(message: str, exit_code: int) -> S2SError:
    """The exception for an exit code."""
    return _BY_EXIT_CODE.get(exit_code, S2SError)(message, exit_code)

"""Runs commands whose results are kept: what is done by the same command from the same inputs is not done again."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time


class StepFailed(Exception):
    """A command failed; the message is for the user."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Steps:
    """Where the programs are, and which of their results may be kept."""

    def __init__(self, programs, threads, any_build=False):
        self.programs = pathlib.Path(programs)
        self.threads, self.any_build = threads, any_build
        self.builds, self.running, self.stopped = {}, set(), False

    def program(self, name):
        """Path of a program of s2s."""
        path = self.programs / name
        if not path.exists():
            raise StepFailed(f"{path} is not there: build it (make build), or name the folder of the programs with --bin-dir")
        return path

    def build(self, name):
        """SHA-256 of a program: another build may find other results."""
        if name not in self.builds:
            self.builds[name] = digest(self.program(name).read_bytes())
        return self.builds[name]

    def s2s(self, name, arguments, target, after=(), resume=False):
        """Runs a program of s2s that writes `target`; returns the record of the run.

        `after` are the identities of what it reads. With `resume` the program itself goes on with what an earlier run of the same
        command left in `target`.
        """
        arguments = [str(a) for a in arguments]
        threads = [] if name in ("s2s-score", "s2s-simulate") else ["--threads", str(self.threads)]
        return self.run([name, *arguments], [str(self.program(name)), *arguments, *threads], target, after, self.build(name), resume)

    def run(self, what, command, target, after=(), build="", resume=False, env=None, cwd=None):
        """Runs `command`, known as `what`, unless `target` holds its result already."""
        target = pathlib.Path(target)
        wanted = {"what": [str(w) for w in what], "after": list(after), "build": build}
        done, started = (target.with_name(f"{target.name}.{name}.json") for name in ("done", "started"))
        record = self.kept(done, wanted)
        if record and target.exists():
            return record
        earlier = resume and self.kept(started, wanted)
        if not earlier:
            remove(target)
            remove(target.with_suffix(".ckpt"))
        done.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic() - (earlier["seconds"] if earlier else 0.0)

        def so_far():
            return {**wanted, "seconds": round(time.monotonic() - begin, 2)}

        started.write_text(json.dumps(so_far()))
        try:
            self.execute(command, {**os.environ, **env} if env else None, cwd)
        except StepFailed:
            started.write_text(json.dumps(so_far()))
            raise
        record = so_far()
        done.write_text(json.dumps(record))
        started.unlink()
        return record

    def execute(self, command, environment, cwd):
        """Runs a command to its end; a failure says what the command said last."""
        if self.stopped:
            raise StepFailed("stopped")
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
        with subprocess.Popen(command, env=environment, cwd=cwd, **pipes) as process:
            self.running.add(process)
            said = process.communicate()[1]
            self.running.discard(process)
        if process.returncode:
            last = "\n    ".join(said.strip().splitlines()[-6:])
            raise StepFailed(f"exit code {process.returncode} of {' '.join(map(str, command))}\n    {last}")

    def stop(self):
        """Ends what is running, and begins nothing more: s2s-fit saves, and goes on in the next run."""
        self.stopped = True
        for process in list(self.running):
            process.terminate()

    def kept(self, path, wanted):
        """The record at `path` if it is of the wanted run."""
        try:
            record = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        keys = ("what", "after") if self.any_build else ("what", "after", "build")
        return record if all(record.get(key) == wanted[key] for key in keys) else None


def identity(record):
    """What identifies the result of a run to those that read it."""
    return digest(json.dumps([record[key] for key in ("what", "after", "build")]).encode())


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

#!/usr/bin/env python3
"""Lints the Nextflow modules by nf-core's own linter, offline, as if they stood in nf-core/modules: nfcore.py MODULES FOLDER.

The linter wants to clone nf-core/modules; here it gets a repository that holds these modules alone, with schemas of ours that ask for the
keys that nf-core's ask for. What cannot be known without a network is left out: whether the images and the package of this version are
published. Everything else that fails, fails here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OFFLINE = {"docker_tag", "singularity_tag", "bioconda_version", "bioconda_latest", "container_links"}
SCHEMAS = {
    "meta": {"type": "object", "required": ["name", "description", "keywords", "tools", "output", "authors", "maintainers"]},
    "environment": {"type": "object", "required": ["channels", "dependencies"], "not": {"required": ["name"]}},
}


def git(folder, *words):
    who = ["-c", "user.name=s2s", "-c", "user.email=s2s@example.org", "-c", "init.defaultBranch=master"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def repository(modules, folder):
    """A repository in the layout of nf-core/modules."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(modules, folder / "modules/nf-core/s2s")
    (folder / ".nf-core.yml").write_text("repository_type: modules\norg_path: nf-core\n")
    for name, schema in SCHEMAS.items():
        (folder / f"modules/{name}-schema.json").write_text(json.dumps(schema))
    (folder / "tests/config").mkdir(parents=True)
    (folder / "tests/config/nextflow.config").write_text("")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "Modules")


modules, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
repository(modules, folder)
home = folder.parent / "nf-core-home"
shutil.rmtree(home, ignore_errors=True)
instead = {"KEY_0": f"url.{folder.as_uri()}.insteadOf", "VALUE_0": "https://github.com/nf-core/modules.git", "COUNT": "1"}
os.environ.update({f"GIT_CONFIG_{name}": value for name, value in instead.items()}, XDG_CONFIG_HOME=str(home))
from nf_core.components.nfcore_component import NFCoreComponent  # noqa: E402: it looks for its home when it is imported
from nf_core.modules.lint import ModuleLint  # noqa: E402

# The images, which Nextflow would be started for again and again.
NFCoreComponent.get_container_with_inspect = lambda self, **_: None
lint = ModuleLint(folder, hide_progress=True)
lint.lint(all_modules=True, print_results=False, local=False)
kinds = {"failed": lint.failed, "warned": lint.warned}
known = {kind: [one for one in found if one.lint_test not in OFFLINE] for kind, found in kinds.items()}
for kind, found in known.items():
    for one in found:
        print(kind, one.component_name, one.lint_test, one.message)
left_out = len(lint.failed) - len(known["failed"])
print(f"nf-core: {len(lint.passed)} passed, {len(known['failed'])} failed, {len(known['warned'])} warned, {left_out} not to be known offline")
sys.exit(bool(known["failed"]) or len(lint.passed) < 100)

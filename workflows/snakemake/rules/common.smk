# What the rules share: the configuration, the samples, and how a stage is run.
import re
import sys
from pathlib import Path

from snakemake.utils import validate

sys.path.append(str(Path(workflow.basedir) / "scripts"))
import genes
import provenance
import samples

validate(config, workflow.source_path("../schemas/config.schema.yaml"))

OUT = config["outdir"].rstrip("/")
LABELS = ["s2s", *config["baselines"]]
# A recipe that the programs carry is a name; any other is a file, on which the rules depend.
RECIPE = config["recipe"]
RECIPE_FILE = [] if RECIPE in ("quick", "standard", "paper") else [RECIPE]


SAMPLES = samples.read(config["input"], workflow.source_path("../schemas/samples.schema.yaml"), f"{OUT}/sections")


def stage(command):
    """The shell of a rule that runs `command`.

    The shell outlives a signal to the job, so that the stage can save and say so. A failure that another try cannot mend
    (usage, bad or missing data, a bug, I/O) is noted with its log, and further tries end at once: only a stop after saving
    (75) and a kill are tried again in earnest.
    """
    return f"""
    if [ {{resources.attempt}} -eq 1 ]; then rm -f "{{log}}.final"; fi
    if [ -e "{{log}}.final" ]; then tail -n +2 "{{log}}.final" | tee "{{log}}" >&2; exit "$(head -n 1 "{{log}}.final")"; fi
    trap : TERM INT USR1
    code=0
    {{{{ {command}; }}}} > "{{log}}" 2>&1 || code=$?
    case $code in 2|65|66|70|74) {{{{ echo $code; cat "{{log}}"; }}}} > "{{log}}.final" ;; esac
    exit $code
    """

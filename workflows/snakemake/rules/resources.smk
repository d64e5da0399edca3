# What the jobs of a rule are given.
import json
import math

# Snakemake is a part of every job on a cluster, and its memory counts.
SNAKEMAKE_MIB = 300
# MiB of a fit where its dry run could not tell.
UNKNOWN_MIB = 8000


def growth(attempt):
    """Memory is doubled at the second and third try, and no more, since later tries follow preemptions."""
    return 2 ** min(attempt - 1, 2)


def mib(rule):
    """The memory of a rule's jobs: that of the config, and more at further tries."""
    return lambda wildcards, attempt: SNAKEMAKE_MIB + config["memory_mib"][rule] * growth(attempt)


def attempt(wildcards, attempt):
    """Which try it is, told to the shell."""
    return attempt


def runtime(rule):
    """The minutes of a rule's jobs."""
    return config["minutes"][rule]


def estimate(input):
    """What s2s-fit's dry run says of all genes."""
    return json.loads(Path(input.estimate).read_text())


def fit_mib(wildcards, input, attempt):
    """Memory: the config's, else a quarter more than the estimate, and more at further tries."""
    own = config["memory_mib"]["fit"] or math.ceil(1.25 * (estimate(input)["memory_mib"] or UNKNOWN_MIB))
    return SNAKEMAKE_MIB + own * growth(attempt)


def fit_minutes(wildcards, input):
    """Minutes of a batch: the config's per gene, else twice the estimate; a job that is stopped by the limit resumes."""
    genes = len(Path(input.genes).read_text().split())
    own = config["minutes"]["fit_per_gene"]
    if own:
        return 5 + math.ceil(genes * own)
    # A network that all genes share takes its steps however many they are.
    share = lambda networks: genes / networks if networks > 1 else 1
    return 5 + math.ceil(sum(2 * part["minutes"] * share(part["networks"]) for part in estimate(input)["parts"]))

__author__ = "The maintainers of s2s"
__copyright__ = "The maintainers of s2s"
__license__ = "MIT OR Apache-2.0"

from pathlib import Path

from snakemake.shell import shell

log = snakemake.log_fmt_shell(stdout=True, stderr=True)
extra = snakemake.params.get("extra", "")
stores = snakemake.input.stores
stores = [stores] if isinstance(stores, str) else list(stores)
predictions = " ".join(f"'{store}'" for store in stores)
labels = " ".join(f"--label '{Path(store).stem}'" for store in stores)

shell(
    "s2s-score {snakemake.input.dataset:q} {predictions} {labels}"
    " --output {snakemake.output.report:q}"
    " {extra} {log}"
)

__author__ = "The maintainers of s2s"
__copyright__ = "The maintainers of s2s"
__license__ = "MIT OR Apache-2.0"

from snakemake.shell import shell

log = snakemake.log_fmt_shell(stdout=True, stderr=True)
extra = snakemake.params.get("extra", "")
bin_um = snakemake.params.get("bin_um")
if bin_um is not None:
    extra = f"--bin-um {bin_um} {extra}"

shell(
    "s2s-prep {snakemake.input.section:q}"
    " --mode {snakemake.params.mode}"
    " --output {snakemake.output.dataset:q}"
    " --threads {snakemake.threads}"
    " {extra} {log}"
)

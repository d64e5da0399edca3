__author__ = "The maintainers of s2s"
__copyright__ = "The maintainers of s2s"
__license__ = "MIT OR Apache-2.0"

from snakemake.shell import shell

log = snakemake.log_fmt_shell(stdout=True, stderr=True)
extra = snakemake.params.get("extra", "")
genes = snakemake.input.get("genes") or snakemake.params.get("genes", "all")
config = snakemake.input.get("config")
if config:
    extra = f"--config '{config}' {extra}"
images = snakemake.input.get("images")
if images:
    extra = f"--images '{images}' {extra}"

shell(
    "s2s-fit {snakemake.input.dataset:q}"
    " --genes {genes:q}"
    " --output {snakemake.output.fits:q}"
    " --threads {snakemake.threads}"
    " {extra} {log}"
)

__author__ = "The maintainers of s2s"
__copyright__ = "The maintainers of s2s"
__license__ = "MIT OR Apache-2.0"

from snakemake.shell import shell

log = snakemake.log_fmt_shell(stdout=True, stderr=True)
extra = snakemake.params.get("extra", "")
genes = snakemake.input.get("genes") or snakemake.params.get("genes")
if genes:
    extra = f"--genes '{genes}' {extra}"
models = snakemake.input.get("models", [])
if models:
    names = [models] if isinstance(models, str) else models
    source = "--model " + " ".join(f"'{name}'" for name in names)
else:
    source = f"--method {snakemake.params.get('method', 'blend')}"

shell(
    "s2s-predict {snakemake.input.dataset:q}"
    " --output {snakemake.output.store:q}"
    " --threads {snakemake.threads}"
    " {extra} {source} {log}"
)

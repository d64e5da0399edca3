rule predict:
    input:
        dataset=rules.prep.output.dataset,
        fits=lambda wildcards: expand(rules.fit.output, sample=wildcards.sample, batch=batches(wildcards)),
        recipe=RECIPE_FILE,
    output:
        directory(f"{OUT}/{{sample}}/s2s.zarr"),
    log:
        f"{OUT}/logs/{{sample}}.predict.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.predict.tsv"
    container:
        config["container"]
    threads: config["threads"]["predict"]
    resources:
        mem_mb=mib("predict"),
        runtime=runtime("predict"),
        gpu=config["gpus"],
        attempt=attempt,
    params:
        # Where the batches were fitted: nothing is left in it.
        fitting=f"{OUT}/{{sample}}/fitting",
        device=config["device"],
        recipe=recipe,
    shell:
        stage(
            "s2s-predict --dataset {input.dataset:q} --config {params.recipe:q} --output {output:q}"
            " --device {params.device} --threads {threads} --model {input.fits:q}"
            " && (rmdir {params.fitting:q} 2>/dev/null || true)"
        )


rule interpolate:
    input:
        dataset=rules.prep.output.dataset,
        genes=f"{OUT}/{{sample}}/genes.txt",
    output:
        directory(f"{OUT}/{{sample}}/{{method}}.zarr"),
    log:
        f"{OUT}/logs/{{sample}}.{{method}}.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.{{method}}.tsv"
    container:
        config["container"]
    threads: config["threads"]["predict"]
    resources:
        mem_mb=mib("predict"),
        runtime=runtime("predict"),
        attempt=attempt,
    shell:
        stage(
            "s2s-predict --dataset {input.dataset:q} --method {wildcards.method} --genes {input.genes:q}"
            " --output {output:q} --threads {threads}"
        )

rule predict:
    input:
        dataset=rules.prep.output.dataset,
        fits=lambda wildcards: expand(rules.fit.output, sample=wildcards.sample, batch=batches(wildcards)),
        recipe=config["recipe"],
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
        models=models,
        device=config["device"],
    shell:
        stage(
            "LC_ALL=C; s2s-predict --dataset {input.dataset:q} --config {input.recipe:q} --output {output:q}"
            " --device {params.device} --threads {threads} --model {params.models}"
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

rule fit:
    input:
        dataset=rules.prep.output.dataset,
        estimate=rules.prep.output.estimate,
        genes=f"{OUT}/{{sample}}/batches/{{batch}}.txt",
        recipe=RECIPE_FILE,
    output:
        directory(f"{OUT}/{{sample}}/fits/{{batch}}"),
    log:
        f"{OUT}/logs/{{sample}}.{{batch}}.fit.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.{{batch}}.fit.tsv"
    container:
        config["container"]
    threads: config["threads"]["fit"]
    resources:
        mem_mb=fit_mib,
        runtime=fit_minutes,
        gpu=config["gpus"],
        attempt=attempt,
    params:
        fitting=fitting,
        flags=fit_flags,
        recipe=recipe,
    shell:
        stage(
            "mkdir -p {params.fitting:q} && s2s-fit --dataset {input.dataset:q} --genes {input.genes:q} --config"
            " {params.recipe:q} --output {params.fitting:q} --threads {threads} {params.flags}"
            " && mv {params.fitting:q} {output:q}"
        )

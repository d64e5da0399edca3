# A section that guides others, as it was measured: what guides it itself has no part in them, so that sections may guide each other.
rule section:
    input:
        section=lambda wildcards: SAMPLES[wildcards.sample]["input"],
        recipe=RECIPE_FILE,
    output:
        dataset=temp(directory(f"{OUT}/sections/{{sample}}.s2s")),
    log:
        f"{OUT}/logs/{{sample}}.section.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.section.tsv"
    container:
        config["container"]
    threads: config["threads"]["prep"]
    resources:
        mem_mb=mib("prep"),
        runtime=runtime("prep"),
        attempt=attempt,
    params:
        flags=prep_flags,
        recipe=recipe,
    shell:
        stage(
            "s2s-prep --input {input.section:q} --output {output.dataset:q} --config {params.recipe:q} {params.flags}"
            " --threads {threads}"
        )


rule prep:
    input:
        section=lambda wildcards: SAMPLES[wildcards.sample]["input"],
        images=guide_files("image"),
        transforms=guide_files("transform"),
        sections=guide_files("section"),
        recipe=RECIPE_FILE,
    output:
        dataset=directory(f"{OUT}/{{sample}}/{{sample}}.s2s"),
        estimate=f"{OUT}/{{sample}}/estimate.json",
    log:
        f"{OUT}/logs/{{sample}}.prep.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.prep.tsv"
    container:
        config["container"]
    threads: config["threads"]["prep"]
    resources:
        mem_mb=mib("prep"),
        runtime=runtime("prep"),
        attempt=attempt,
    params:
        flags=prep_flags,
        guides=guide_flags,
        recipe=recipe,
        # The dry run times a few steps, by the recipe and on the threads of the fits.
        fit_threads=config["threads"]["fit"],
        fit_args=config["fit_args"],
    shell:
        stage(
            "s2s-prep --input {input.section:q} --output {output.dataset:q} --config {params.recipe:q} {params.flags}"
            " {params.guides} --threads {threads} && s2s-fit --dry-run --json --dataset {output.dataset:q} --genes all"
            " --config {params.recipe:q} --threads {params.fit_threads} {params.fit_args} > {output.estimate:q}"
        )


checkpoint batches:
    input:
        dataset=rules.prep.output.dataset,
        genes=config["genes"] if Path(config["genes"]).is_file() else [],
    output:
        genes=f"{OUT}/{{sample}}/genes.txt",
        batches=directory(f"{OUT}/{{sample}}/batches"),
    log:
        f"{OUT}/logs/{{sample}}.batches.log",
    params:
        genes=config["genes"],
        genes_per_job=config["genes_per_job"],
    run:
        genes.batches(params.genes, params.genes_per_job, input.dataset, output.genes, output.batches)

rule score:
    input:
        dataset=rules.prep.output.dataset,
        predictions=expand(f"{OUT}/{{{{sample}}}}/{{label}}.zarr", label=LABELS),
    output:
        html=report(
            f"{OUT}/{{sample}}/report/report.html",
            caption="../report/score.rst",
            category="Scores and maps",
            labels={"sample": "{sample}"},
        ),
        scores=multiext(f"{OUT}/{{sample}}/report/scores", ".csv", ".json", ".parquet"),
    log:
        f"{OUT}/logs/{{sample}}.score.log",
    benchmark:
        f"{OUT}/benchmarks/{{sample}}.score.tsv"
    container:
        config["container"]
    resources:
        mem_mb=mib("score"),
        runtime=runtime("score"),
        attempt=attempt,
    params:
        folder=subpath(output.html, parent=True),
        labels=" ".join(f"--label {label}" for label in LABELS),
    shell:
        stage(
            "s2s-score --dataset {input.dataset:q} --prediction {input.predictions:q} {params.labels} --output"
            " {params.folder:q}"
        )

rule provenance:
    input:
        sections=[row["input"] for row in SAMPLES.values()],
        guides=given_guides(),
        samples=config["input"],
        recipe=RECIPE_FILE,
        reports=expand(f"{OUT}/{{sample}}/report/scores.json", sample=SAMPLES),
    output:
        told=f"{OUT}/provenance.json",
    log:
        f"{OUT}/logs/provenance.log",
    params:
        config=config,
    run:
        provenance.write(
            output.told, params.config, [input.samples, *input.recipe, *input.sections, *input.guides], SAMPLES
        )

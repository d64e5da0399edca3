#!/usr/bin/env nextflow
// Imputes sections: prepares every sample, fits its genes in batches, predicts, scores against interpolation.
//
//   nextflow run workflows/nextflow --input samples.csv --genes top:100 --outdir results -profile slurm,apptainer
//
// `--help` tells every parameter. The results are those of workflows/snakemake, file by file.

include { S2S_SIMULATE    } from './modules/local/s2s/simulate/main'
include { S2S_PREP        } from './modules/local/s2s/prep/main'
include { S2S_FIT         } from './modules/local/s2s/fit/main'
include { S2S_PREDICT     } from './modules/local/s2s/predict/main'
include { S2S_INTERPOLATE } from './modules/local/s2s/interpolate/main'
include { S2S_SCORE       } from './modules/local/s2s/score/main'

workflow S2S {
    take:
    sections // channel: [ val(meta), path(section) ]

    main:
    recipe = file(params.recipe, checkIfExists: true)
    images = params.images ? file(params.images, checkIfExists: true) : []

    S2S_PREP(sections, recipe)
    prepared = S2S_PREP.out.dataset

    chosen = prepared.map { meta, dataset, _estimate -> [meta, dataset, Genes.choose(params.genes, dataset)] }
    batches = prepared.flatMap { meta, dataset, estimate ->
        def parts = Genes.choose(params.genes, dataset).collate(params.genes_per_job)
        def known = [recipe.text, params.seed, params.device, params.images, params.fit_args]
        parts.withIndex(1).collect { genes, number ->
            def batch = meta + Genes.batch(genes, number, estimate, params) + [batches: parts.size()]
            [batch, dataset, genes, "${workflow.workDir}/fitting/${meta.id}-${batch.batch}-${Genes.digest(dataset, genes, known)}"]
        }
    }
    S2S_FIT(batches, recipe, images)

    fits = S2S_FIT.out.fits
        .map { meta, folder -> [groupKey(meta.id, meta.batches), folder] }
        .groupTuple(sort: { folder -> folder.name })
        .map { id, folders -> [id.toString(), folders] }
    to_predict = prepared
        .map { meta, dataset, _estimate -> [meta.id, meta, dataset] }
        .join(fits)
        .map { _id, meta, dataset, folders -> [meta, dataset, folders] }
    S2S_PREDICT(to_predict, recipe)

    methods = params.baselines ? params.baselines.tokenize(',') : []
    S2S_INTERPOLATE(chosen.combine(channel.fromList(methods)))

    stores = S2S_PREDICT.out.store
        .mix(S2S_INTERPOLATE.out.store)
        .map { meta, store -> [groupKey(meta.id, 1 + methods.size()), store] }
        .groupTuple()
        .map { id, all -> [id.toString(), (['s2s'] + methods).collect { label -> all.find { it.name == "${label}.zarr" } }] }
    to_score = prepared
        .map { meta, dataset, _estimate -> [meta.id, meta, dataset] }
        .join(stores)
        .map { _id, meta, dataset, all -> [meta, dataset, all] }
    S2S_SCORE(to_score)

    versions = S2S_PREP.out.versions.mix(
        S2S_FIT.out.versions, S2S_PREDICT.out.versions, S2S_INTERPOLATE.out.versions, S2S_SCORE.out.versions
    )
    versions.unique { it.text }.collectFile(name: 'versions.yml', storeDir: "${params.outdir}/pipeline_info", sort: { it.text })
}

workflow {
    main:
    def schema = file("${projectDir}/nextflow_schema.json").text
    if (params.help) {
        log.info(Parameters.help(schema))
        return
    }
    def mistakes = Parameters.mistakes(params, schema)
    if (mistakes) {
        error(mistakes.join('\n'))
    }

    if (params.input) {
        def sheet = file(params.input, checkIfExists: true)
        sections = channel.fromList(Samples.read(sheet, params)).map { meta, input -> [meta, file(input, checkIfExists: true)] }
    }
    else {
        S2S_SIMULATE(channel.of(Samples.simulated(params)))
        sections = S2S_SIMULATE.out.section
    }
    S2S(sections)

    workflow.onComplete = {
        if (workflow.success && !workflow.stubRun) {
            Provenance.write(params, workflow)
        }
    }
}

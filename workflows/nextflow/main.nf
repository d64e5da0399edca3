#!/usr/bin/env nextflow
// Imputes sections: prepares every sample, fits its genes in batches, predicts, scores against interpolation.
//
//   nextflow run workflows/nextflow --input samples.csv --genes top:100 --outdir results -profile slurm,apptainer
//
// `--help` tells every parameter. The results are those of workflows/snakemake, file by file.

include { S2S_SIMULATE                    } from './modules/nf-core/s2s/simulate/main'
include { S2S_PREP                        } from './modules/nf-core/s2s/prep/main'
include { S2S_PREP as S2S_SECTION         } from './modules/nf-core/s2s/prep/main'
include { S2S_ESTIMATE                    } from './modules/nf-core/s2s/estimate/main'
include { S2S_FIT                         } from './modules/nf-core/s2s/fit/main'
include { S2S_PREDICT                     } from './modules/nf-core/s2s/predict/main'
include { S2S_PREDICT as S2S_INTERPOLATE  } from './modules/nf-core/s2s/predict/main'
include { S2S_SCORE                       } from './modules/nf-core/s2s/score/main'

workflow S2S {
    take:
    sections // channel: [ val(meta), path(section), [ path(image) ], [ path(transform) ], [ samples or datasets that guide ] ]

    main:
    // A recipe that the programs carry is a flag (conf/modules.config), any other a file.
    recipe = Recipe.isNamed(params.recipe) ? [] : file(params.recipe, checkIfExists: true)
    images = params.images ? file(params.images, checkIfExists: true) : []

    // A section that guides others is prepared as it was measured: what guides it itself has no part in them, so that sections may
    // guide each other.
    S2S_SECTION(sections.filter { it[0].guides }.map { it.take(2) + [[], [], []] }, recipe)
    measured = S2S_SECTION.out.dataset.toList().map { all -> all.collectEntries { meta, dataset -> [meta.id, dataset] } }
    split = sections.branch { row ->
        guided: row[4]
        alone: true
    }
    guided = split.guided
        .combine(measured)
        .map { meta, section, pictures, maps, beside, known ->
            [meta, section, pictures, maps, beside.collect { known[it] ?: file(it, checkIfExists: true) }]
        }
    S2S_PREP(split.alone.mix(guided), recipe)
    S2S_ESTIMATE(S2S_PREP.out.dataset, recipe)

    // [ meta, dataset, genes in the order in which they are fitted ]
    chosen = S2S_PREP.out.dataset.map { meta, dataset ->
        def (genes, note) = Genes.choose(params.genes, dataset)
        if (note) {
            log.info("note: ${note}")
        }
        [meta, dataset, genes]
    }
    batches = chosen
        .map { meta, dataset, genes -> [meta.id, meta, dataset, genes] }
        .join(S2S_ESTIMATE.out.estimate.map { meta, estimate -> [meta.id, estimate] })
        .flatMap { _id, meta, dataset, genes, estimate ->
            def parts = genes.collate(params.genes_per_job)
            def known = [recipe ? recipe.text : params.recipe, params.seed, params.device, params.images, params.fit_args]
            parts.withIndex(1).collect { part, number ->
                def batch = Genes.batch(part, number, estimate, params)
                def resumed = "${workflow.workDir}/fitting/${meta.id}-${batch.batch}-${Genes.digest(dataset, part, known)}"
                def list = Genes.write(part, file("${params.outdir}/${meta.id}/batches/${batch.batch}.txt"))
                [meta + batch + [batches: parts.size(), fitting: resumed], dataset, list, []]
            }
        }
    S2S_FIT(batches, recipe, images)

    fits = S2S_FIT.out.fits
        .map { meta, folder -> [groupKey(meta.id, meta.batches), folder] }
        .groupTuple(sort: { folder -> folder.name })
        .map { id, folders -> [id.toString(), folders] }
    to_predict = S2S_PREP.out.dataset
        .map { meta, dataset -> [meta.id, meta, dataset] }
        .join(fits)
        .map { _id, meta, dataset, folders -> [meta, dataset, folders, []] }
    S2S_PREDICT(to_predict, recipe)

    methods = params.baselines ? params.baselines.tokenize(',') : []
    to_interpolate = chosen
        .map { meta, dataset, genes -> [meta, dataset, [], Genes.write(genes, file("${params.outdir}/${meta.id}/genes.txt"))] }
        .combine(channel.fromList(methods))
        .map { meta, dataset, models, genes, method -> [meta + [method: method], dataset, models, genes] }
    S2S_INTERPOLATE(to_interpolate, recipe)

    stores = S2S_PREDICT.out.store
        .mix(S2S_INTERPOLATE.out.store)
        .map { meta, store -> [groupKey(meta.id, 1 + methods.size()), store] }
        .groupTuple()
        .map { id, all -> [id.toString(), (['s2s'] + methods).collect { label -> all.find { it.name == "${label}.zarr" } }] }
    to_score = S2S_PREP.out.dataset
        .map { meta, dataset -> [meta.id, meta, dataset] }
        .join(stores)
        .map { _id, meta, dataset, all -> [meta, dataset, all] }
    S2S_SCORE(to_score)

    channel.topic('versions')
        .map { process, tool, version -> "\"${process.tokenize(':').last()}\":\n    ${tool}: ${version}\n" }
        .unique()
        .collectFile(name: 'versions.yml', storeDir: "${params.outdir}/pipeline_info", sort: true)
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
        sections = channel.fromList(Samples.read(sheet, params)).map { meta, input, pictures, maps, beside ->
            [
                meta,
                file(input, checkIfExists: true),
                pictures.collect { path -> file(path, checkIfExists: true) },
                maps.collect { path -> file(path, checkIfExists: true) },
                beside,
            ]
        }
    }
    else {
        S2S_SIMULATE(channel.of(Samples.simulated(params)))
        sections = S2S_SIMULATE.out.section.map { it + [[], [], []] }
    }
    S2S(sections)

    workflow.onComplete = {
        if (workflow.success && !workflow.stubRun) {
            Provenance.write(params, workflow)
        }
    }
}

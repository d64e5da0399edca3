process S2S_SCORE {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    tuple val(meta), path(dataset), path(predictions, stageAs: 'predictions/*')

    output:
    tuple val(meta), path("${prefix}"), emit: scores
    tuple val(meta), path("${prefix}/report.html"), emit: report
    tuple val(meta), path("${prefix}/*_mqc.json"), emit: multiqc, optional: true
    tuple val("${task.process}"), val('s2s'), eval("s2s-score -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    // A prediction is called by its file: blend.zarr is blend.
    def labels = [predictions].flatten().collect { store -> "--label ${store.baseName}" }.join(' ')
    """
    s2s-score \\
        --dataset ${dataset} \\
        --prediction ${predictions} \\
        --output ${prefix} \\
        ${labels} \\
        ${args}
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    mkdir -p ${prefix}
    touch ${prefix}/report.html ${prefix}/scores.csv ${prefix}/scores.json ${prefix}/scores.parquet
    echo '{}' > ${prefix}/stub.summary_mqc.json
    """
}

process S2S_SIMULATE {
    tag "$meta.id"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    val meta

    output:
    tuple val(meta), path("${prefix}"), emit: section
    tuple val("${task.process}"), val('s2s'), eval("s2s-simulate -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    s2s-simulate \\
        ${args} \\
        --output ${prefix}
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    mkdir ${prefix}
    touch ${prefix}/transcripts.parquet ${prefix}/rates.parquet ${prefix}/experiment.xenium
    """
}

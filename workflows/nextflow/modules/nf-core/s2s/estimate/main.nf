process S2S_ESTIMATE {
    tag "$meta.id"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    tuple val(meta), path(dataset)
    path config

    output:
    tuple val(meta), path("${prefix}.json"), emit: estimate
    tuple val("${task.process}"), val('s2s'), eval("s2s-fit -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def recipe = config ? "--config ${config}" : ''
    """
    s2s-fit \\
        --dry-run --json \\
        --dataset ${dataset} \\
        --genes all \\
        --threads ${task.cpus} \\
        ${recipe} \\
        ${args} \\
        > ${prefix}.json
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    echo '{"memory_mib": 100, "minutes": 2, "parts": [{"networks": 2, "minutes": 2}]}' > ${prefix}.json
    """
}

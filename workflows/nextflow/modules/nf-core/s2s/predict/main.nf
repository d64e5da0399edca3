process S2S_PREDICT {
    tag "$meta.id"
    label 'process_medium'
    label 'process_gpu'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    tuple val(meta), path(dataset), path(models, stageAs: 'models/*'), path(genes)
    path config

    output:
    tuple val(meta), path("${prefix}.zarr"), emit: store
    tuple val("${task.process}"), val('s2s'), eval("s2s-predict -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    // Without models, a method that needs none: the experts' mean, or what ext.args names.
    def recipe = config ? "--config ${config}" : ''
    def source = models ? "--model ${models}" : args.contains('--method') ? '' : '--method blend'
    def some = genes ? "--genes ${genes}" : ''
    def device = args.contains('--device') ? '' : "--device ${task.accelerator ? 'auto' : 'cpu'}"
    """
    s2s-predict \\
        --dataset ${dataset} \\
        --output ${prefix}.zarr \\
        --threads ${task.cpus} \\
        ${device} \\
        ${recipe} \\
        ${some} \\
        ${args} \\
        ${source}
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    mkdir -p ${prefix}.zarr
    touch ${prefix}.zarr/zarr.json
    """
}

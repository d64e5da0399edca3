process S2S_FIT {
    tag "$meta.id"
    label 'process_high'
    label 'process_gpu'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    tuple val(meta), path(dataset), path(genes), path(checkpoint, stageAs: 'checkpoint/*')
    path config
    path images

    output:
    tuple val(meta), path("${prefix}"), emit: fits, optional: true
    tuple val(meta), path("${prefix}.checkpoint"), emit: checkpoint, optional: true
    tuple val("${task.process}"), val('s2s'), eval("s2s-fit -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    // What a stopped fit saved is taken up again. With ext.args2 = 'checkpoint', a fit that is stopped by a signal (75) hands that out
    // and ends well; without, it fails, to be tried again.
    def recipe = config ? "--config ${config}" : ''
    def pictures = images ? "--images ${images}" : ''
    def device = args.contains('--device') ? '' : "--device ${task.accelerator ? 'auto' : 'cpu'}"
    def resumed = checkpoint ? "cp -rL ${checkpoint}/. ${prefix}" : ''
    def stopped = task.ext.args2 == 'checkpoint' ? "mv ${prefix} ${prefix}.checkpoint" : 'exit 75'
    """
    mkdir -p ${prefix}
    ${resumed}
    # The shell outlives a signal to the job, so that the stage can save and say so; its words go to a file, which does not
    # break as a pipe does when the signal ends the reader.
    trap : TERM INT USR1 USR2
    code=0
    s2s-fit \\
        --dataset ${dataset} \\
        --genes ${genes} \\
        --output ${prefix} \\
        --threads ${task.cpus} \\
        ${device} \\
        ${recipe} \\
        ${pictures} \\
        ${args} \\
        2> fit.log || code=\$?
    cat fit.log >&2 || true
    if [ \$code -eq 75 ]; then
        ${stopped}
    elif [ \$code -ne 0 ]; then
        exit \$code
    fi
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    mkdir -p ${prefix}
    while read -r gene; do
        touch "${prefix}/\${gene}.safetensors" "${prefix}/\${gene}.fit.parquet"
    done < ${genes}
    """
}

process S2S_PREP {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/s2s-st:0.1.0--0':
        'quay.io/biocontainers/s2s-st:0.1.0--0' }"

    input:
    tuple val(meta), path(section), path(images, arity: '0..*', stageAs: 'images/?/*'), path(transforms, arity: '0..*', stageAs: 'transforms/?/*'), path(sections, arity: '0..*', stageAs: 'sections/?/*')
    path config

    output:
    tuple val(meta), path("${prefix}.s2s"), emit: dataset
    tuple val("${task.process}"), val('s2s'), eval("s2s-prep -V | sed 's/.* //'"), topic: versions, emit: versions_s2s

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def recipe = config ? "--config ${config}" : ''
    def guides = images.collect { "--image ${it}" } + transforms.collect { "--image-transform ${it}" } + sections.collect { "--section ${it}" }
    """
    s2s-prep \\
        --input ${section} \\
        --output ${prefix}.s2s \\
        --threads ${task.cpus} \\
        ${recipe} \\
        ${guides.join(' ')} \\
        ${args}
    """

    stub:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    echo "${args}"
    mkdir ${prefix}.s2s
    touch ${prefix}.s2s/bins.parquet ${prefix}.s2s/measured.parquet ${prefix}.s2s/patches.parquet
    echo '{"sample": "stub", "fingerprints": {}, "genes": [{"name": "A", "morans_i": 0.5}, {"name": "B", "morans_i": 0.7}]}' > ${prefix}.s2s/manifest.json
    """
}

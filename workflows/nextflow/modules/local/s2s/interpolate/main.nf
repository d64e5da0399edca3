process S2S_INTERPOLATE {
    tag "${meta.id}:${method}"
    label 'process_predict'

    input:
    tuple val(meta), path(dataset), val(genes), val(method)

    output:
    tuple val(meta), path("${meta.id}/${method}.zarr"), emit: store
    path "${meta.id}/genes.txt", emit: genes
    path "versions.yml", emit: versions

    script:
    def args = task.ext.args ?: ''
    """
    mkdir ${meta.id}
    printf '%s\\n' ${Genes.quoted(genes)} > ${meta.id}/genes.txt
    s2s-predict --dataset ${dataset} --method ${method} --genes ${meta.id}/genes.txt --output ${meta.id}/${method}.zarr ${args} --threads ${task.cpus}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        s2s: \$(s2s-predict -V | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    """
    mkdir ${meta.id}
    printf '%s\\n' ${Genes.quoted(genes)} > ${meta.id}/genes.txt
    mkdir ${meta.id}/${method}.zarr
    echo '"${task.process}": {s2s: stub}' > versions.yml
    """
}

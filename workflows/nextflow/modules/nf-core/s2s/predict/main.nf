process S2S_PREDICT {
    tag "${meta.id}"
    label 'process_predict'
    label 'process_gpu'

    input:
    tuple val(meta), path(dataset), path(fits, stageAs: 'fits/*')
    path recipe

    output:
    tuple val(meta), path("${meta.id}/s2s.zarr"), emit: store
    path "versions.yml", emit: versions

    script:
    def args = task.ext.args ?: ''
    """
    mkdir ${meta.id}
    LC_ALL=C
    s2s-predict --dataset ${dataset} --config ${recipe} --output ${meta.id}/s2s.zarr ${args} --threads ${task.cpus} \\
        --model fits/*/*.safetensors

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        s2s: \$(s2s-predict -V | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    """
    ls fits/*/*.safetensors
    mkdir -p ${meta.id}/s2s.zarr
    echo '"${task.process}": {s2s: stub}' > versions.yml
    """
}

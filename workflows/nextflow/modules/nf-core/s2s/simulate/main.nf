process S2S_SIMULATE {
    tag "${meta.id}"
    label 'process_single'

    input:
    val meta

    output:
    tuple val(meta), path("section"), emit: section

    script:
    def args = task.ext.args ?: ''
    """
    s2s-simulate ${args} --output section
    """

    stub:
    """
    mkdir section
    touch section/transcripts.parquet
    """
}

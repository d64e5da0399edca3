process S2S_SCORE {
    tag "${meta.id}"
    label 'process_score'

    input:
    tuple val(meta), path(dataset), path(stores)

    output:
    tuple val(meta), path("${meta.id}/report"), emit: report
    path "versions.yml", emit: versions

    script:
    def args = task.ext.args ?: ''
    def labels = stores.collect { store -> "--label ${store.baseName}" }.join(' ')
    """
    mkdir ${meta.id}
    s2s-score --dataset ${dataset} --prediction ${stores.join(' ')} ${labels} ${args} --output ${meta.id}/report

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        s2s: \$(s2s-score -V | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    """
    mkdir -p ${meta.id}/report
    touch ${meta.id}/report/{report.html,scores.csv,scores.json,scores.parquet}
    echo '"${task.process}": {s2s: stub}' > versions.yml
    """
}

process S2S_FIT {
    tag "${meta.id}:${meta.batch}"
    label 'process_fit'
    label 'process_gpu'
    // What the dry run estimates: a quarter more memory, doubled at the second and third try (and no more, since later tries
    // follow preemptions), and twice the time. A fit that is stopped by the limit goes on where it was.
    memory { 1.MB * meta.memory_mib * 2 ** Math.min(task.attempt - 1, 2) }
    time { 1.min * meta.minutes }
    // Told to end, a task of Nextflow kills all its processes, and with the first of a container's the others at once. Here only
    // the stage is told, and the task ends when that has saved.
    beforeScript 'on_term() { set +e; pkill -TERM -s 0 -x s2s-fit; wait "$pid"; }'

    input:
    tuple val(meta), path(dataset), val(genes), val(fitting)
    path recipe
    path images, stageAs: 'staged/*'

    output:
    tuple val(meta), path("${meta.id}/fits/${meta.batch}"), emit: fits
    path "${meta.id}/batches/${meta.batch}.txt", emit: genes
    path "versions.yml", emit: versions

    script:
    // `fitting` is the same folder at every try, outside the task's own: what a stopped try saved is there for the next.
    def args = task.ext.args ?: ''
    def pictures = images ? "--images ${images}" : ''
    """
    mkdir -p ${meta.id}/batches ${meta.id}/fits
    printf '%s\\n' ${Genes.quoted(genes)} > ${meta.id}/batches/${meta.batch}.txt
    mkdir -p '${fitting}'
    # The shell outlives a signal to the job, so that the stage can save and say so; its words go to a file, which does not
    # break as a pipe does when the signal ends the reader.
    trap : TERM INT USR1 USR2
    code=0
    s2s-fit --dataset ${dataset} --genes ${meta.id}/batches/${meta.batch}.txt --config ${recipe} --output '${fitting}' \\
        --threads ${task.cpus} ${pictures} ${args} 2> fit.log || code=\$?
    cat fit.log >&2 || true
    [ \$code -eq 0 ] || exit \$code
    mv '${fitting}' ${meta.id}/fits/${meta.batch}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        s2s: \$(s2s-fit -V | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    """
    mkdir -p ${meta.id}/batches ${meta.id}/fits
    printf '%s\\n' ${Genes.quoted(genes)} > ${meta.id}/batches/${meta.batch}.txt
    mkdir ${meta.id}/fits/${meta.batch}
    touch ${genes.collect { "'${meta.id}/fits/${meta.batch}/${it}.safetensors'" }.join(' ')}
    echo '"${task.process}": {s2s: stub}' > versions.yml
    """
}

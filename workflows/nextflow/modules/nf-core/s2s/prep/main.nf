process S2S_PREP {
    tag "${meta.id}"
    label 'process_prep'

    input:
    // Apart from the outputs' folder: inputs are often named after their sample.
    tuple val(meta), path(section, stageAs: 'staged/*')
    path recipe

    output:
    tuple val(meta), path("${meta.id}/${meta.id}.s2s"), path("${meta.id}/estimate.json"), emit: dataset
    path "versions.yml", emit: versions

    script:
    def args = [meta.prep, task.ext.args].findAll().join(' ')
    """
    mkdir ${meta.id}
    cd staged
    s2s-prep --input ${section.name.tokenize('/').last()} --output ../${meta.id}/${meta.id}.s2s --config ../${recipe} ${args} --threads ${task.cpus}
    cd ..
    s2s-fit --dry-run --json --dataset ${meta.id}/${meta.id}.s2s --genes all --config ${recipe} > ${meta.id}/estimate.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        s2s: \$(s2s-prep -V | sed 's/.* //')
    END_VERSIONS
    """

    stub:
    """
    mkdir -p ${meta.id}/${meta.id}.s2s
    echo '{"genes": [{"name": "A", "morans_i": 0.5}, {"name": "B", "morans_i": 0.7}], "fingerprints": {}}' > ${meta.id}/${meta.id}.s2s/manifest.json
    echo '{"memory_mib": 100, "minutes": 2, "parts": [{"networks": 2}]}' > ${meta.id}/estimate.json
    echo '"${task.process}": {s2s: stub}' > versions.yml
    """
}

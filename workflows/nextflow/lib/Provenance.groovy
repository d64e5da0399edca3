import groovy.io.FileType
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.Files
import java.nio.file.Path
import java.security.MessageDigest

/** Writes provenance.json beside the results, in the form that workflows/snakemake/scripts/provenance.py gives it. */
class Provenance {

    /** `params` and `workflow` are Nextflow's own. */
    static void write(Map params, Object workflow) {
        def outdir = Path.of(params.outdir as String)
        def samples = outdir.toFile().listFiles().findAll { new File(it, "${it.name}.s2s").isDirectory() }.sort { it.name }*.toPath()
        def manifest = new JsonSlurper().parse(samples[0].resolve("${samples[0].fileName}.s2s/manifest.json"))
        def recipe = Recipe.isNamed(params.recipe as String) ? null : params.recipe
        def inputs = [params.input, recipe].findAll() + sections(params)
        def told = [
            format: 1,
            engine: [name: 'nextflow', version: workflow.nextflow.version.toString()],
            s2s: manifest.provenance.version,
            parameters: new TreeMap(params.findAll { !it.key.contains('-') }.collectEntries { [it.key, it.value?.toString()] }),
            inputs: inputs.collect { [path: it as String, sha256: hash(Path.of(it as String))] },
            outputs: samples.collectMany { outputs(outdir, it) },
        ]
        Files.writeString(outdir.resolve('provenance.json'), JsonOutput.prettyPrint(JsonOutput.toJson(told)) + '\n')
    }

    private static List<String> sections(Map params) {
        def rows = params.input ? Samples.read(Path.of(params.input as String), params) : []
        def names = rows.collect { it[0].id }
        return rows.collect { it[1] } + rows.collectMany { it[2] + it[3] + (it[4] - names) }.unique()
    }

    /** The results of a sample, by their paths below `outdir`. */
    private static List<Map> outputs(Path outdir, Path sample) {
        def fixed = ["${sample.fileName}.s2s", 'genes.txt', 's2s.zarr', 'nearest.zarr', 'bilinear.zarr', 'bicubic.zarr', 'idw.zarr', 'kriging.zarr', 'smoothed.zarr', 'cokriging.zarr', 'forest.zarr', 'blend.zarr', 'report']
        def found = fixed.collect { sample.resolve(it as String) }.findAll { Files.exists(it) }
        found += sample.resolve('fits').toFile().listFiles().sort { it.name }*.toPath()
        return found.collect { [path: outdir.relativize(it).toString(), sha256: hash(it)] }
    }

    /** SHA-256 of a file; for a folder, of a line `NAME HASH` for each file below it, in the order of their names. */
    private static String hash(Path path) {
        def digest = MessageDigest.getInstance('SHA-256')
        if (Files.isRegularFile(path)) {
            path.toFile().eachByte(1 << 20) { bytes, length -> digest.update(bytes, 0, length) }
        }
        else {
            def files = []
            path.toFile().eachFileRecurse(FileType.FILES) { if (!it.name.startsWith('.')) { files << it.toPath() } }
            def named = files.collectEntries { [path.relativize(it).toString(), it] }.sort()
            named.each { name, file -> digest.update("${name} ${hash(file)}\n".toString().bytes) }
        }
        return digest.digest().encodeHex().toString()
    }
}

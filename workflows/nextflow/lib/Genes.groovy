import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.Files
import java.nio.file.Path

/** Chooses the genes of a sample, and describes the batches that jobs fit: as workflows/snakemake/scripts/genes.py does. */
class Genes {

    /** MiB of a fit where its dry run could not tell. */
    private static final int UNKNOWN_MIB = 8000

    /**
     * The names that `spec` means in `dataset`, and a note of those that are left out; in the order in which they will be fitted: all, top:N (the N genes with the
     * highest Moran's I over the measured bins), A,B,C, or a file with a name per line. Genes without counts in the measured tissue are
     * left out: nothing can be learned of them.
     */
    static List choose(String spec, Path dataset) {
        def manifest = new JsonSlurper().parse(dataset.resolve('manifest.json'))
        def names = manifest.genes*.name
        if (spec.startsWith('top:')) {
            def structured = manifest.genes.findAll { it.morans_i != null }
            structured = structured.sort { a, b -> b.morans_i <=> a.morans_i ?: a.name <=> b.name }
            names = structured.take(spec.substring(4) as int)*.name
        }
        else if (spec != 'all') {
            def list = Path.of(spec)
            def given = Files.isRegularFile(list) ? Files.readAllLines(list) : spec.tokenize(',')
            def wanted = given*.trim().findAll().unique()
            def absent = wanted - names
            if (absent) {
                throw new IllegalArgumentException("genes ${spec}: not in dataset ${manifest.sample}: ${absent.take(10).join(', ')}. Take them off the list")
            }
            names = wanted
        }
        def silent = names.intersect(manifest.genes.findAll { it.bins == 0 }*.name)
        def named = silent.take(10).join(', ') + (silent.size() > 10 ? ', …' : '')
        def note = silent ? "${manifest.sample}: left out, without counts in the measured tissue: ${silent.size()} of ${names.size()} genes (${named})" : ''
        names = names - silent
        if (!names) {
            throw new IllegalArgumentException("genes ${spec}: none in dataset ${manifest.sample}")
        }
        return [names, note]
    }

    /** The names as a file, a line each. A file that holds them already is left as it is, so that `-resume` knows it again. */
    static Path write(List<String> genes, Path path) {
        def text = genes.join('\n') + '\n'
        if (!Files.exists(path) || Files.readString(path) != text) {
            Files.createDirectories(path.parent)
            Files.writeString(path, text)
        }
        return path
    }

    /** What the job that fits the batch of this number needs to know: its name, MiB of memory and minutes. */
    static Map batch(List<String> genes, int number, Path estimate, Map params) {
        def told = new JsonSlurper().parse(estimate)
        // A network that all genes share takes its steps however many they are.
        def estimated = told.parts.sum { 2 * it.minutes * (it.networks > 1 ? genes.size() / it.networks : 1) }
        def minutes = params.fit_minutes_per_gene ? genes.size() * params.fit_minutes_per_gene : estimated
        return [
            batch: String.format('batch_%04d', number),
            memory_mib: params.fit_memory_mib ?: Math.ceil(1.25 * (told.memory_mib ?: UNKNOWN_MIB)) as long,
            minutes: 5 + (Math.ceil(minutes) as long),
        ]
    }

    /** What a fit depends on, in twelve letters: a fit is resumed only where nothing of it has changed. */
    static String digest(Path dataset, List<String> genes, List known) {
        def prepared = new JsonSlurper().parse(dataset.resolve('manifest.json')).fingerprints
        prepared.remove('truth.parquet')
        return JsonOutput.toJson([genes, known*.toString(), new TreeMap(prepared)]).sha256().take(12)
    }
}

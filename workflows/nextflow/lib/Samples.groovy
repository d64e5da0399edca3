import java.nio.file.Files
import java.nio.file.Path

/** The sample sheet: sample,input, where a sample differs from the parameters mode,platform,bin_um,scale, and what guides it: image,transform,section. */
class Samples {

    static final List<String> OWN = ['mode', 'platform', 'bin_um', 'scale']

    /** Columns with several values each, separated by semicolons. */
    static final List<String> GUIDES = ['image', 'transform', 'section']

    /**
     * [meta, input, images, transforms, sections] for each row; relative paths start at the folder of the sheet. Sections are samples of
     * the sheet, by their names, or datasets.
     */
    static List read(Path sheet, Map params) {
        // Spreadsheets mark their text as UTF-8 by a character that nobody sees.
        def lines = Files.readAllLines(sheet)*.replace('\uFEFF', '').findAll { it.trim() }
        def header = lines ? cells(lines[0]) : []
        def unknown = header - ['sample', 'input'] - OWN - GUIDES
        if (unknown || !header.containsAll(['sample', 'input'])) {
            throw new IllegalArgumentException("${sheet}: header ${header.join(',')}, expected sample,input and any of ${(OWN + GUIDES).join(',')}")
        }
        def rows = lines.drop(1).withIndex(2).collect { line, number ->
            def own = cells(line)
            if (own.size() > header.size()) {
                throw new IllegalArgumentException("${sheet}, line ${number}: more cells than the header has columns")
            }
            def row = [header, own].transpose().collectEntries { key, value -> [key, value] }.findAll { it.value }
            check(sheet, number, row)
            row
        }
        def twice = rows.countBy { it.sample }.find { it.value > 1 }
        if (twice) {
            throw new IllegalArgumentException("${sheet}: sample ${twice.key} is there twice. Give each row a name of its own")
        }
        if (!rows) {
            throw new IllegalArgumentException("${sheet}: no samples. Expected a line for each below the header sample,input")
        }
        def guiding = rows.collectMany { several(it.section) } as Set
        return rows.collect { row ->
            def below = { name -> sheet.toAbsolutePath().parent.resolve(name).normalize().toString() }
            def guided = several(row.section).collect { name -> section(sheet, rows, row.sample, name) ? name : below(name) }
            def own = [guides: row.sample in guiding, auto: 'auto' in several(row.image) ? '--image auto' : '']
            [meta(row, params) + own, below(row.input), (several(row.image) - 'auto').collect(below), several(row.transform).collect(below), guided]
        }
    }

    /** The values of a cell. */
    private static List<String> several(String cell) {
        return (cell ?: '').split(';')*.trim().findAll()
    }

    /** Whether the section `name` of a sample is another sample; else it must be a dataset. */
    private static boolean section(Path sheet, List<Map> rows, String sample, String name) {
        if (name == sample) {
            throw new IllegalArgumentException("${sheet}: sample ${sample} is its own section. Name another one, cut beside it")
        }
        def known = rows.any { it.sample == name }
        if (!known && !name.endsWith('.s2s')) {
            throw new IllegalArgumentException("${sheet}: section ${name} of sample ${sample} is no sample of the sheet, and no dataset (OTHER.s2s)")
        }
        return known
    }

    /** The sample that is made where there is no sheet. */
    static Map simulated(Map params) {
        return meta([sample: 'simulated'], params) + [guides: false, auto: '']
    }

    private static Map meta(Map row, Map params) {
        def own = OWN.collectEntries { key -> [key, row[key] ?: params[key]] }.findAll { it.value != null }
        def flags = own.collect { key, value -> "--${key.replace('_', '-')} ${value}" }
        return [id: row.sample, prep: flags.join(' '), recipe: Recipe.flag(params.recipe as String)]
    }

    private static void check(Path sheet, int number, Map row) {
        def wrong = { key, expected ->
            throw new IllegalArgumentException("${sheet}, line ${number}: ${key} ${row[key] ?: 'is missing'}, expected ${expected}")
        }
        if (!(row.sample ==~ /[A-Za-z0-9][A-Za-z0-9_-]*/)) { wrong('sample', 'letters, digits, _ and -') }
        if (!row.input) { wrong('input', "the platform's files") }
        if (row.mode && !(row.mode in ['benchmark', 'impute'])) { wrong('mode', 'benchmark or impute') }
        if (row.bin_um && !(row.bin_um ==~ /[0-9.]+/)) { wrong('bin_um', 'a number') }
        if (row.transform && !row.image) { wrong('image', 'one, for the column transform is the map from its pixels') }
        if (row.scale && !(row.scale ==~ /[0-9]+/)) { wrong('scale', 'a whole number') }
    }

    /** What stands between commas. Those within quotes are none: behind them there is an odd number of quotes. */
    private static List<String> cells(String line) {
        def parts = line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/, -1)*.trim()
        return parts.collect { it.replaceAll(/^"|"$/, '').replace('""', '"') }
    }
}

import java.nio.file.Files
import java.nio.file.Path

/** The sample sheet: sample,input, and where a sample differs from the parameters mode,platform,bin_um,scale. */
class Samples {

    static final List<String> OWN = ['mode', 'platform', 'bin_um', 'scale']

    /** [meta, input] for each row; relative inputs start at the folder of the sheet. */
    static List read(Path sheet, Map params) {
        def lines = Files.readAllLines(sheet).findAll { it.trim() }
        def header = lines ? cells(lines[0]) : []
        def unknown = header - ['sample', 'input'] - OWN
        if (unknown || !header.containsAll(['sample', 'input'])) {
            throw new IllegalArgumentException("${sheet}: header ${header.join(',')}, expected sample,input and any of ${OWN.join(',')}")
        }
        def rows = lines.drop(1).withIndex(2).collect { line, number ->
            def row = [header, cells(line)].transpose().collectEntries { key, value -> [key, value] }.findAll { it.value }
            check(sheet, number, row)
            [meta(row, params), sheet.toAbsolutePath().parent.resolve(row.input).normalize().toString()]
        }
        def twice = rows.countBy { it[0].id }.find { it.value > 1 }
        if (twice) {
            throw new IllegalArgumentException("${sheet}: sample ${twice.key} is there twice. Give each row a name of its own")
        }
        if (!rows) {
            throw new IllegalArgumentException("${sheet}: no samples. Expected a line for each below the header sample,input")
        }
        return rows
    }

    /** The sample that is made where there is no sheet. */
    static Map simulated(Map params) {
        return meta([sample: 'simulated'], params)
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
        if (row.scale && !(row.scale ==~ /[0-9]+/)) { wrong('scale', 'a whole number') }
    }

    private static List<String> cells(String line) {
        return line.split(',', -1)*.trim().collect { it.replaceAll(/^"|"$/, '') }
    }
}

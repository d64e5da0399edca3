import groovy.json.JsonSlurper

/** Checks the parameters against nextflow_schema.json, and tells them. */
class Parameters {

    /** What is wrong with `params`, a line for each mistake. */
    static List<String> mistakes(Map params, String schema) {
        def known = properties(schema)
        def unknown = params.keySet().findAll { !known.containsKey(it) && !it.contains('-') }
        def wrong = unknown.collect { "--${it}: no such parameter. --help tells those that there are" as String }
        known.each { name, rule ->
            def what = mistake(params[name], rule)
            if (what) {
                wrong << ("--${name} ${params[name]}: expected ${what}" as String)
            }
        }
        return wrong
    }

    /** A line for each parameter: its name, its default, what it means. */
    static String help(String schema) {
        def lines = properties(schema).collect { name, rule ->
            def standard = rule.default == null ? '' : " [default: ${rule.default}]"
            "  --${name.padRight(22)} ${rule.description}${standard}"
        }
        return 'Parameters:\n' + lines.join('\n')
    }

    private static Map properties(String schema) {
        return new JsonSlurper().parseText(schema)['$defs'].values()*.properties.sum()
    }

    /** What was expected instead of `value`; null where it is right. A parameter that is not given is right. */
    private static String mistake(Object value, Map rule) {
        if (value == null) { return null }
        def fits = [
            string: value instanceof CharSequence,
            integer: value instanceof Integer || value instanceof Long,
            number: value instanceof Number,
            boolean: value instanceof Boolean,
        ]
        if (!fits[rule.type]) { return "a value of type ${rule.type}" }
        if (rule.enum && !(value in rule.enum)) { return "one of ${rule.enum.join(', ')}" }
        if (rule.pattern && !(value ==~ rule.pattern)) { return "what matches ${rule.pattern}" }
        if (rule.minimum != null && value < rule.minimum) { return "${rule.minimum} or more" }
        if (rule.exclusiveMinimum != null && value <= rule.exclusiveMinimum) { return "more than ${rule.exclusiveMinimum}" }
        return null
    }
}

/** The recipes that the programs carry with them, which need no file. */
class Recipe {

    static final List<String> NAMED = ['quick', 'standard', 'paper']

    static boolean isNamed(String recipe) {
        return recipe in NAMED
    }

    /** The flag for a recipe of a name; a file is staged, and named by the module. */
    static String flag(String recipe) {
        return isNamed(recipe) ? "--config ${recipe}" : ''
    }
}

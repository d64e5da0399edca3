//! Numbers in sentences.

/// `number` of the things that are called `one`: "1 gene", "2 genes".
pub(crate) fn counted(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

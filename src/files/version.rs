//! Versions of formats: every file tells its own, and what is newer than this program is told as such.

/// Whether a file of format `found` is read by who writes format `newest` and still reads `oldest`; otherwise what to do.
///
/// `what` is the kind of file, `again` the stage that makes it anew.
pub(crate) fn readable(what: &str, found: u64, oldest: u32, newest: u32, again: &str) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    if found > u64::from(newest) {
        return Err(format!(
            "{what} format {found}, written by a newer s2s; this is {version}, which reads up to {newest}. Update s2s, or run {again} \
             of this version again"
        ));
    }
    if found < u64::from(oldest) {
        return Err(format!("{what} format {found}, but s2s {version} reads from {oldest} on. Run {again} again"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_and_too_old_ones_are_refused_with_what_to_do() {
        assert_eq!(readable("store", 2, 2, 3, "s2s-predict"), Ok(()));
        assert_eq!(readable("store", 3, 2, 3, "s2s-predict"), Ok(()));
        let newer = readable("store", 4, 2, 3, "s2s-predict").unwrap_err();
        assert!(
            newer.contains("store format 4") && newer.contains("newer s2s") && newer.contains("Update s2s"),
            "{newer}"
        );
        assert!(readable("store", 1, 2, 3, "s2s-predict").unwrap_err().contains("Run s2s-predict again"));
    }
}

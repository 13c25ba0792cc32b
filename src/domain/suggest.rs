//! Did you mean: the known word nearest to what was typed.

/// Returns the candidate nearest to `typed`, if one is near enough to be meant.
///
/// Near enough is one edit in a short word and a third of its length in a longer one; a swap of
/// neighbours is one edit. Among equally near ones the first in order of the alphabet is taken.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if typed.chars().count() > LONGEST {
        return None;
    }
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&typed, known), known))
        .filter(|(distance, known)| *distance <= limit && *distance < known.chars().count())
        .min()
        .map(|(_, known)| known)
}

/// Returns "did you mean …?", or the list of what there is, for a hint.
pub fn hint<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    what: &str,
) -> Option<String> {
    if let Some(near) = nearest(typed, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = known.into_iter().collect();
    (!all.is_empty()).then(|| format!("{what}: {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_noise_finds_none() {
        let known = ["run", "requests", "reconcile", "restart-service"];
        assert_eq!(nearest("rnu", known), Some("run"));
        assert_eq!(nearest("RUN", known), Some("run"));
        assert_eq!(nearest("restrat-servce", known), Some("restart-service"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("", known), None);
    }
}

//! Host ranges as Ansible writes them: `web[01:20]`, `db[a:c]`, `n[1:9:2]`.

/// Why a pattern is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It cannot be read.
    #[error("{0:?} is not a host range")]
    Form(String),
    /// It names too many hosts.
    #[error("{0:?} names more hosts than an inventory may have")]
    TooMany(String),
}

/// Returns the hosts that a pattern names, at most `room` of them.
pub fn expand(pattern: &str, room: usize) -> Result<Vec<String>, RangeError> {
    let form = || RangeError::Form(pattern.to_owned());
    let Some((before, rest)) = pattern.split_once('[') else {
        if pattern.contains(']') {
            return Err(form());
        }
        return if room > 0 {
            Ok(vec![pattern.to_owned()])
        } else {
            Err(RangeError::TooMany(pattern.to_owned()))
        };
    };
    let (range, after) = rest.split_once(']').ok_or_else(form)?;
    let middles = range_values(range, room).ok_or_else(form)?;
    let tails = expand(after, room)?;
    if middles.len().saturating_mul(tails.len()) > room {
        return Err(RangeError::TooMany(pattern.to_owned()));
    }
    Ok(middles
        .iter()
        .flat_map(|middle| tails.iter().map(move |tail| format!("{before}{middle}{tail}")))
        .collect())
}

/// Returns the values of `01:20`, `a:c` or `1:9:2`; one more than `room` if there are too many.
fn range_values(range: &str, room: usize) -> Option<Vec<String>> {
    let mut parts = range.split(':');
    let (first, last, step) = (parts.next()?, parts.next()?, parts.next());
    let step = step.map_or(Some(1), |step| step.parse::<usize>().ok()).filter(|step| *step > 0)?;
    if parts.next().is_some() {
        return None;
    }
    if let ([first], [last]) = (first.as_bytes(), last.as_bytes())
        && first.is_ascii_alphabetic()
        && last.is_ascii_alphabetic()
    {
        let letters: Vec<_> =
            (*first..=*last).step_by(step).map(|byte| char::from(byte).to_string()).collect();
        return (!letters.is_empty()).then_some(letters);
    }
    let number = |text: &str| -> Option<u64> {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())?
    };
    let first_number = if first.is_empty() { 0 } else { number(first)? };
    let last_number = number(last)?;
    // As in Ansible: a leading zero asks for a fixed width, and then both ends must have it.
    let width = if first.len() > 1 && first.starts_with('0') { first.len() } else { 0 };
    if first_number > last_number || (width > 0 && last.len() != first.len()) {
        return None;
    }
    Some(
        (first_number..=last_number)
            .step_by(step)
            .take(room.saturating_add(1))
            .map(|number| format!("{number:0width$}"))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_ansible() {
        let names = |pattern| expand(pattern, 100).unwrap().join(" ");
        assert_eq!(names("web"), "web");
        assert_eq!(names("web[01:03].example"), "web01.example web02.example web03.example");
        assert_eq!(names("db[a:c]"), "dba dbb dbc");
        assert_eq!(names("n[1:9:4]"), "n1 n5 n9");
        assert_eq!(names("r[1:2]n[a:b]"), "r1na r1nb r2na r2nb");
        for bad in ["web[1:", "web[]", "web]", "web[3:1]", "web[01:100]", "w[1:2:0]", "w[a:2]"] {
            assert!(matches!(expand(bad, 100), Err(RangeError::Form(_))), "{bad}");
        }
        assert!(matches!(expand("web[1:1000000000]", 100), Err(RangeError::TooMany(_))));
    }
}

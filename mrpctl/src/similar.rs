//! What was meant by a mistyped name.

/// The candidate that differs least, if it differs little.
pub(crate) fn closest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() + 1) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to be put in, taken out or changed to make one text of the other, whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *against);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let names = ["alice", "bob", "--plain"];
        for (text, meant) in [
            ("alcie", Some("alice")),
            ("alise", Some("alice")),
            ("Alice2", Some("alice")),
            ("bop", Some("bob")),
            ("--plian", Some("--plain")),
            ("carol", None),
            ("", None),
        ] {
            assert_eq!(closest(text, names), meant, "{text}");
        }
    }

    #[test]
    fn distances_are_counted_in_letters() {
        for (one, other, want) in [
            ("", "", 0),
            ("a", "", 1),
            ("json", "jsn", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(
                (distance(one, other), distance(other, one)),
                (want, want),
                "{one} {other}"
            );
        }
    }
}

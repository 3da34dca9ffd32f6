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

/// Letters to be put in, taken out or changed, and neighbours to change places, to make one text of the other, whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.to_lowercase().chars().collect();
    let other: Vec<char> = other.to_lowercase().chars().collect();
    // Rows of the distances between all beginnings of both: the one before the last, the last, the one that is filled.
    let mut earlier: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut row = vec![line + 1];
        for (column, against) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != against);
            let mut least = changed.min(row[column] + 1).min(last[column + 1] + 1);
            let have_swapped =
                line > 0 && column > 0 && *letter == other[column - 1] && one[line - 1] == *against;
            if have_swapped {
                least = least.min(earlier[column - 1] + 1);
            }
            row.push(least);
        }
        earlier = std::mem::replace(&mut last, row);
    }
    last[other.len()]
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
            ("obb", Some("bob")),
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
            ("hlep", "help", 1),
            ("obb", "bob", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!(
                (distance(one, other), distance(other, one)),
                (want, want),
                "{one} {other}"
            );
        }
    }
}

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
    strsim::osa_distance(&one.to_lowercase(), &other.to_lowercase())
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

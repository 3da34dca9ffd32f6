//! What programs send by themselves is marked, and not answered by programs: two daemons would talk to each other for ever
//! otherwise.

use mrp_proto::message::Metadata;

/// The mark, in a message's metadata.
pub const MARK: &str = "mrpd-auto";
/// How many automatic messages led to this one.
pub const HOPS: &str = "mrpd-hops";
/// Automatic messages in a row, at most, where one may lead to another (a topic that is fed by a topic).
pub const MOST_HOPS: u32 = 8;

/// Whether nobody wrote it by hand. Such a message is never answered automatically.
pub fn is_automatic(metadata: &Metadata) -> bool {
    metadata.get(MARK).is_some_and(|mark| mark == "1")
}

/// How many automatic messages led to this one. What is no number counts as the most.
pub fn hops(metadata: &Metadata) -> u32 {
    match metadata.get(HOPS) {
        Some(hops) => hops.parse().unwrap_or(MOST_HOPS),
        None => u32::from(is_automatic(metadata)),
    }
}

/// The marks of a message that another one, with `cause` as its metadata, leads to.
pub fn marks(cause: &Metadata) -> Metadata {
    let hops = hops(cause).saturating_add(1);
    let marks = [(MARK, "1".to_owned()), (HOPS, hops.to_string())];
    marks
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_marked_and_counts_on() {
        let by_hand = Metadata::new();
        assert!(!is_automatic(&by_hand));
        let first = marks(&by_hand);
        assert!(is_automatic(&first));
        assert_eq!(hops(&first), 1);
        assert_eq!(hops(&marks(&first)), 2);
        let forged = Metadata::from([(HOPS.to_owned(), "many".to_owned())]);
        assert_eq!(hops(&forged), MOST_HOPS);
    }
}

//! Conditions on the blob that a request means (RFC 9110 section 13): a blob never changes, so its hash says all.

use http::{HeaderMap, HeaderName, header};

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request goes on.
    Go,
    /// The client has the blob already.
    Unchanged,
    /// The client means another blob.
    Failed,
}

/// Judges `If-Match` and, if that holds, `If-None-Match`.
pub(super) fn judge(headers: &HeaderMap, tag: &str) -> Verdict {
    if lists(headers, &header::IF_MATCH, |listed| listed == tag) == Some(false) {
        return Verdict::Failed;
    }
    // A weak tag is as good here (section 13.1.2).
    let is_named = |listed: &str| listed.strip_prefix("W/").unwrap_or(listed) == tag;
    match lists(headers, &header::IF_NONE_MATCH, is_named) {
        Some(true) => Verdict::Unchanged,
        Some(false) | None => Verdict::Go,
    }
}

/// Whether a header lists the tag, or any; `None` without the header.
fn lists(headers: &HeaderMap, name: &HeaderName, is_named: impl Fn(&str) -> bool) -> Option<bool> {
    let mut given = headers.get_all(name).iter().peekable();
    given.peek()?;
    // Our tags have no comma in them, so what is cut in the middle is no tag of ours either.
    let mut listed = given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    Some(listed.any(|listed| listed == "*" || is_named(listed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn verdict(headers: &[(HeaderName, &str)]) -> Verdict {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        judge(&headers.collect(), TAG)
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for (given, expected) in [
            (TAG, Verdict::Unchanged),
            ("W/\"abc\"", Verdict::Unchanged),
            ("\"x\", \"abc\"", Verdict::Unchanged),
            ("*", Verdict::Unchanged),
            ("\"x\"", Verdict::Go),
            ("abc", Verdict::Go),
            ("", Verdict::Go),
        ] {
            let found = verdict(&[(header::IF_NONE_MATCH, given)]);
            assert_eq!(found, expected, "{given}");
        }
        assert_eq!(verdict(&[]), Verdict::Go);
    }

    #[test]
    fn a_client_that_means_another_blob_is_refused() {
        for (given, expected) in [
            (TAG, Verdict::Go),
            ("*", Verdict::Go),
            ("\"x\",\"abc\"", Verdict::Go),
            ("W/\"abc\"", Verdict::Failed),
            ("\"x\"", Verdict::Failed),
        ] {
            assert_eq!(verdict(&[(header::IF_MATCH, given)]), expected, "{given}");
        }
        let both = [(header::IF_MATCH, "\"x\""), (header::IF_NONE_MATCH, TAG)];
        assert_eq!(verdict(&both), Verdict::Failed);
    }
}

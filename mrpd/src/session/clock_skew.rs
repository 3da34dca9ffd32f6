//! A clock that is so wrong that relays refuse what is signed by it.

use crate::board::Board;
use crate::clock;
use crate::roster::Link;
use mrp_client::session::DownReason;
use mrp_proto::code::Code;
use mrp_proto::time::Timestamp;

/// Whether a session ended for the clock.
pub(super) fn is_suspected(reason: &DownReason) -> bool {
    let code = match reason {
        DownReason::AuthRefused { code, .. } => code.as_deref(),
        DownReason::Refused(refusal) => Some(refusal.code.as_str()),
        _ => None,
    };
    code.and_then(Code::parse) == Some(Code::TimestampOutOfRange)
}

/// Asks the relay for its time, and says by how much this machine's differs.
pub(super) async fn tell(board: Board, subject: String, link: Link) {
    let Ok(health) = link.client.health().await else {
        return;
    };
    let sentence = describe(&link.relay.name, clock::now(), health.timestamp);
    tracing::warn!("{sentence}");
    board.warn(&subject, vec![sentence]);
}

fn describe(relay: &str, here: Timestamp, there: Timestamp) -> String {
    let seconds = here.distance(there).as_secs();
    let side = if here > there { "ahead of" } else { "behind" };
    format!(
        "this machine's clock is {seconds} s {side} that of the relay {relay:?}, which therefore refuses what is signed here; set the clock"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_told_with_its_side() {
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        assert!(describe("r", at(4000), at(400)).contains("is 3600 s ahead of that"));
        assert!(describe("r", at(400), at(4000)).contains("is 3600 s behind that"));
    }

    #[test]
    fn only_a_refusal_for_its_time_is_the_clocks() {
        let refused = |code: &str| DownReason::AuthRefused {
            error: String::new(),
            code: Some(code.to_owned()),
        };
        assert!(is_suspected(&refused("timestamp_out_of_range")));
        assert!(!is_suspected(&refused("invalid_signature")));
    }
}

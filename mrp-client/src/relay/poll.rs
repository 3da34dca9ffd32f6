//! What a poll asks for, and the query that says so.

use mrp_proto::key::PublicKey;
use mrp_proto::message::Status;
use mrp_proto::relay_api::{MAX_WAIT_SECONDS, path};
use std::time::Duration;

/// Whether handing a message out counts as delivering it (protocol A4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Handover {
    /// It does: the next poll begins behind it. The only way with relays that lack the feature
    /// [`ack`](mrp_proto::relay_api::feature::ACK).
    #[default]
    Automatic,
    /// It does not: the message is handed out again until [`Relay::ack`](crate::Relay::ack).
    Manual,
}

/// What to read from the inbox. The default is the first page of what waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Poll {
    /// Where the messages stand; the relay's default is [`Status::Sent`], what waits.
    pub status: Option<Status>,
    /// Messages in the page, 1 to 100; the relay's default is 50.
    pub limit: Option<usize>,
    /// [`next_cursor`](mrp_proto::relay_api::MessagePage::next_cursor) of the page before.
    pub cursor: Option<String>,
    /// Only messages from this agent.
    pub sender: Option<PublicKey>,
    /// Only answers to this message.
    pub in_reply_to: Option<String>,
    /// Only messages of this thread.
    pub thread_id: Option<String>,
    /// How long the relay may hold an empty answer back until something arrives: up to 30 s, in whole seconds, rounded up. For
    /// relays with the feature [`wait`](mrp_proto::relay_api::feature::WAIT).
    pub wait: Option<Duration>,
    /// Whether reading is delivering.
    pub handover: Handover,
}

impl Poll {
    /// The request target: path and query.
    pub(super) fn target(&self) -> String {
        let status = self.status.map(|status| match status {
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Expired => "expired",
        });
        let wait = Some(self.longest_wait().as_secs()).filter(|&seconds| seconds > 0);
        let handover = (self.handover == Handover::Manual).then_some("manual");
        with_query(
            path::MESSAGES,
            [
                ("status", status.map(str::to_owned)),
                ("limit", self.limit.map(|limit| limit.to_string())),
                ("cursor", self.cursor.clone()),
                ("sender_key", self.sender.map(|key| key.to_string())),
                ("in_reply_to", self.in_reply_to.clone()),
                ("thread_id", self.thread_id.clone()),
                ("wait", wait.map(|seconds| seconds.to_string())),
                ("ack", handover.map(str::to_owned)),
            ],
        )
    }

    /// How long the relay may wait, in whole seconds.
    pub(super) fn longest_wait(&self) -> Duration {
        let millis = self.wait.unwrap_or_default().as_millis();
        let seconds = u64::try_from(millis.div_ceil(1000)).unwrap_or(u64::MAX);
        Duration::from_secs(seconds.min(MAX_WAIT_SECONDS))
    }
}

/// The request target of a page of a thread.
pub(super) fn thread_target(thread_id: &str, limit: Option<usize>, cursor: Option<&str>) -> String {
    with_query(
        &path::thread(thread_id),
        [
            ("limit", limit.map(|limit| limit.to_string())),
            ("cursor", cursor.map(str::to_owned)),
        ],
    )
}

pub(super) fn with_query<const N: usize>(path: &str, pairs: [(&str, Option<String>); N]) -> String {
    let mut target = path.to_owned();
    let mut separator = '?';
    for (name, value) in pairs {
        let Some(value) = value else { continue };
        target.push(separator);
        target.push_str(name);
        target.push('=');
        target.push_str(&path::encode_segment(&value));
        separator = '&';
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    #[test]
    fn only_what_is_asked_is_in_the_query() {
        assert_eq!(Poll::default().target(), "/v1/messages");
        let sender = SecretKey::from_seed(&[1; 32]).public();
        let all = Poll {
            status: Some(Status::Delivered),
            limit: Some(7),
            cursor: Some("a+b/c=&".into()),
            sender: Some(sender),
            in_reply_to: Some("msg_1".into()),
            thread_id: Some("conv/1 ü?x".into()),
            wait: Some(Duration::from_secs(5)),
            handover: Handover::Manual,
        };
        assert_eq!(
            all.target(),
            format!(
                "/v1/messages?status=delivered&limit=7&cursor=a%2Bb%2Fc%3D%26&sender_key={sender}\
                 &in_reply_to=msg_1&thread_id=conv%2F1%20%C3%BC%3Fx&wait=5&ack=manual"
            )
        );
    }

    #[test]
    fn waits_are_whole_seconds_within_bounds() {
        let wait = |wait: Duration| {
            let wait = Some(wait);
            Poll {
                wait,
                ..Poll::default()
            }
            .target()
        };
        assert_eq!(wait(Duration::ZERO), "/v1/messages");
        assert_eq!(wait(Duration::from_millis(1)), "/v1/messages?wait=1");
        assert_eq!(wait(Duration::from_millis(2500)), "/v1/messages?wait=3");
        assert_eq!(wait(Duration::MAX), "/v1/messages?wait=30");
    }

    #[test]
    fn a_thread_id_may_be_any_text() {
        assert_eq!(
            thread_target("conv/1 ü?x", Some(5), Some("c")),
            "/v1/messages/threads/conv%2F1%20%C3%BC%3Fx?limit=5&cursor=c"
        );
        assert_eq!(thread_target("t", None, None), "/v1/messages/threads/t");
    }
}

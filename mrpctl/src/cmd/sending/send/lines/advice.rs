//! What is to be said of recipients who may not be able to open what they are sent: once each, however many lines go there.

use crate::cmd::sending::letter::Draft;
use mrp_proto::key::PublicKey;
use mrpd_api::body::Sent;
use mrpd_api::body::sending::RecipientQuery;
use mrpd_api::client::Client;
use std::collections::HashSet;

/// Recipients that are asked about, at most: a relay counts the questions of a stream to thousands.
const MOST: usize = 100;

/// Whom was asked about already.
#[derive(Debug, Default)]
pub(super) struct Advice {
    asked: HashSet<PublicKey>,
}

/// What is to be asked about a recipient.
#[derive(Debug)]
pub(super) struct Question {
    to: PublicKey,
    query: RecipientQuery,
}

impl Advice {
    /// What to ask about the recipient of a sealed message, the first time that they get one.
    pub(super) fn question(&mut self, draft: &Draft, sent: &Sent) -> Option<Question> {
        let is_new = sent.encrypted && self.asked.len() < MOST && self.asked.insert(sent.to);
        is_new.then(|| Question {
            to: sent.to,
            query: RecipientQuery {
                agent: draft.send.agent.clone(),
                relay: draft.send.relay.clone(),
                sealing: Some(draft.send.sealing),
                advice: Some(1),
            },
        })
    }
}

/// What is to be said. Where nobody can be asked, that is nothing: the message is on its way all the same.
pub(super) async fn ask(question: Option<Question>, client: &Client) -> Vec<String> {
    let Some(Question { to, query }) = question else {
        return Vec::new();
    };
    let answer = client.recipients(&to.to_string(), &query).await;
    let recipients = answer.map(|answer| answer.recipients).unwrap_or_default();
    recipients
        .into_iter()
        .flat_map(|recipient| recipient.warnings)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;
    use mrpd_api::body::{Send, Stage};

    fn asks(advice: &mut Advice, number: u8, encrypted: bool) -> bool {
        let draft = Draft {
            send: Send::default(),
            id: "k".into(),
        };
        let sent = Sent {
            id: "out_1".into(),
            message_id: None,
            stage: Stage::Queued,
            to: SecretKey::from_seed(&[number; 32]).public(),
            encrypted,
            warnings: Vec::new(),
            error: None,
            due_at: None,
        };
        advice.question(&draft, &sent).is_some()
    }

    #[test]
    fn each_recipient_is_asked_about_once_and_not_too_many_of_them() {
        let mut advice = Advice::default();
        assert!(!asks(&mut advice, 1, false), "in clear anybody can read it");
        assert!(asks(&mut advice, 1, true));
        assert!(!asks(&mut advice, 1, true));
        let asked = (2..=255).filter(|number| asks(&mut advice, *number, true));
        assert_eq!(asked.count() + 1, MOST);
    }
}

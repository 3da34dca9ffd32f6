//! Which hooks a message is for.

use super::hook::Filter;
use crate::audience::{Admission, Proof};
use crate::contacts::Names;
use mrpd_api::message::{Direction, Kind, Message};

/// What a hook's filter says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is for the hook.
    Run,
    /// It is not.
    Other,
    /// It would be, but for its sender. The log says so.
    PassedOver(String),
}

/// Holds a message against a filter.
pub(crate) fn judge(filter: &Filter, message: &Message, proof: Proof, names: &Names) -> Verdict {
    let fits = |wanted: &Option<Vec<String>>, value: Option<&str>| match wanted {
        Some(wanted) => value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value)),
        None => true,
    };
    let kind = match &filter.kinds {
        Some(kinds) => kinds.contains(&message.kind),
        None => message.kind != Kind::Undecryptable,
    };
    let agent = filter
        .agent
        .as_ref()
        .is_none_or(|agent| *agent == message.agent);
    if message.dir != Direction::In
        || !kind
        || !agent
        || !fits(&filter.types, Some(&message.content_type))
        || !fits(&filter.threads, message.thread.as_deref())
    {
        return Verdict::Other;
    }
    let admission = filter
        .from
        .admits(&message.from.key.to_string(), proof, names);
    if admission == Admission::NotNamed {
        return Verdict::Other;
    }
    if let Some(condition) = &filter.condition {
        match condition.holds(message) {
            Ok(true) => {}
            Ok(false) => return Verdict::Other,
            Err(error) => return Verdict::PassedOver(format!("match {error}")),
        }
    }
    match remedy(admission) {
        Some(remedy) => Verdict::PassedOver(remedy.to_owned()),
        None => Verdict::Run,
    }
}

/// Why a sender is not let in, and what the user can do about it.
pub fn remedy(admission: Admission) -> Option<&'static str> {
    match admission {
        Admission::Admitted => None,
        Admission::NotNamed => Some("the sender is not named in from"),
        Admission::Unknown => Some(
            "the sender is no contact: add one (mrpctl contact add NAME KEY), or write from = [\"*\"]",
        ),
        Admission::Unverified => Some(
            "who sent it is only the relay's word: have the sender seal or sign, or write unverified = true",
        ),
        Admission::Lapsed => Some(
            "it is not proven who sent it, although this sender's messages always were: somebody may be pretending; ask the sender to seal or sign",
        ),
    }
}

//! Noticing that something has changed, for those who watch a resource.

use super::Desk;
use super::resources::{CONTACTS, INBOX, Place};
use crate::exit::Failure;
use futures_util::StreamExt as _;
use mrpd_api::body::{Contact, EventQuery};
use mrpd_api::client::Objects;
use mrpd_api::event::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Changes that may wait for a slow reader; they are hints, and more of them would say nothing new.
const QUEUE: usize = 64;
/// The daemon has no event for contacts, so they are looked at from time to time.
const CONTACTS_EVERY: Duration = Duration::from_secs(5);
/// Pauses while the daemon is away.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What may look otherwise now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The resource of this URI.
    Of(String),
    /// Nobody knows: events were missed.
    Everything,
}

impl Change {
    /// Which of the watched resources it means.
    pub(super) fn of<'a>(&self, watched: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        let is_meant = |uri: &&String| match self {
            Self::Of(changed) => *uri == changed,
            Self::Everything => true,
        };
        watched.into_iter().filter(is_meant).cloned().collect()
    }
}

/// Changes from now on, for as long as somebody takes them.
pub(super) fn changes(desk: Arc<Desk>) -> mpsc::Receiver<Change> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        tokio::select! {
            () = sender.closed() => {}
            () = follow(&desk, &sender) => {}
        }
    });
    receiver
}

async fn follow(desk: &Desk, sender: &mpsc::Sender<Change>) {
    let mut pause = SHORTEST_PAUSE;
    let mut contacts = None;
    loop {
        if let Ok(events) = events(desk).await {
            pause = SHORTEST_PAUSE;
            // What came between two streams was heard by nobody.
            if contacts.is_some() && sender.send(Change::Everything).await.is_err() {
                return;
            }
            if heard(desk, events, &mut contacts, sender).await.is_none() {
                return;
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn events(desk: &Desk) -> Result<Objects<Event>, Failure> {
    let query = EventQuery {
        kinds: Some("message".to_owned()),
    };
    Ok(desk.daemon().await?.events(&query).await?)
}

/// Passes on what is heard, up to the end of the events; nothing where nobody takes it any more.
async fn heard(
    desk: &Desk,
    mut events: Objects<Event>,
    contacts: &mut Option<Vec<Contact>>,
    sender: &mpsc::Sender<Change>,
) -> Option<()> {
    let mut ticks = interval(CONTACTS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let changed = tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Message { id, .. })) => of_message(desk, &id).await,
                Some(Ok(Event::Missed { .. })) => vec![Change::Everything],
                Some(Ok(_)) => Vec::new(),
                Some(Err(_)) | None => return Some(()),
            },
            _ = ticks.tick() => of_contacts(desk, contacts).await,
        };
        for change in changed {
            sender.send(change).await.ok()?;
        }
    }
}

/// A message is in the inbox, and in its thread if it has one.
async fn of_message(desk: &Desk, id: &str) -> Vec<Change> {
    let mut changes = vec![Change::Of(INBOX.to_owned())];
    let message = match desk.daemon().await {
        Ok(client) => client.message(id).await.ok(),
        Err(_) => None,
    };
    match message {
        Some(line) => changes.extend(
            line.message
                .thread
                .map(|thread| Change::Of(Place::of_thread(&thread))),
        ),
        None => changes = vec![Change::Everything],
    }
    changes
}

async fn of_contacts(desk: &Desk, known: &mut Option<Vec<Contact>>) -> Vec<Change> {
    let now = match desk.daemon().await {
        Ok(client) => client.contacts().await.ok(),
        Err(_) => None,
    };
    let Some(now) = now else { return Vec::new() };
    let has_changed = known.as_ref().is_some_and(|known| *known != now);
    *known = Some(now);
    if has_changed {
        vec![Change::Of(CONTACTS.to_owned())]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_means_its_resource_or_all() {
        let watched = ["a".to_owned(), "b".to_owned()];
        assert_eq!(Change::Of("b".to_owned()).of(&watched), ["b"]);
        assert!(Change::Of("c".to_owned()).of(&watched).is_empty());
        assert_eq!(Change::Everything.of(&watched), watched);
    }
}

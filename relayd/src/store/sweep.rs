//! Freeing what time has passed by, in bounded batches (protocol A4.8).

use super::failure::Failure;
use super::queue::Admission;
use super::tables::Tables;
use super::{Store, StoreError, answers, blobs, claims, removal};
use mrp_proto::time::Timestamp;
use std::time::{Duration, Instant};

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Messages that lost their bodies.
    pub expired: usize,
    /// Expired messages that are gone now.
    pub removed: usize,
    /// Replay claims that cannot be repeated any more.
    pub claims: usize,
    /// Remembered answers that are due no more.
    pub answers: usize,
    /// Blobs that their owners had for long enough.
    pub blobs: usize,
    /// Whether there is more to do: call again.
    pub more: bool,
}

impl Store {
    /// Expires messages, removes those that expired a day ago, forgets replay claims and remembered answers whose time is over,
    /// and takes blobs from owners that had them for long enough: `budget` records at most.
    ///
    /// Other operations wait meanwhile, so a single call does no more than 1,000 records or 16 MiB of messages however large the
    /// budget is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, now: Timestamp, budget: usize) -> Result<Swept, StoreError> {
        self.sweep_within(now, budget, Duration::MAX).await
    }

    /// As [`sweep`](Self::sweep), and it ends with the record with which that much time is over. Readers see what it did to messages
    /// before there is more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_within(
        &self,
        now: Timestamp,
        budget: usize,
        time: Duration,
    ) -> Result<Swept, StoreError> {
        let swept: Swept = self
            .write::<_, StoreError, _>(Admission::Other, move |tables| {
                Ok(sweep(tables, now, Budget::new(budget, time))?)
            })
            .await?;
        let has_moved = swept.expired + swept.removed > 0;
        // While a copy is made the engine keeps every version that is shown.
        let is_copied = self.shared().snapshots.available_permits() == 0;
        if swept.more && has_moved && !is_copied {
            // A transaction sums up its pages at its end, and reads those back that memory did not hold for so long: with all that a
            // long sweep changes in one, a checkpoint would hold up everybody for several times as long. What was swept is swept in
            // any case.
            let _ = self.show().await;
        }
        Ok(swept)
    }
}

/// How much a sweep may still do.
#[derive(Debug)]
pub(super) struct Budget {
    records: usize,
    bytes: usize,
    begun: Instant,
    time: Duration,
}

impl Budget {
    const RECORDS: usize = 1_000;
    const BYTES: usize = 16 << 20;

    fn new(records: usize, time: Duration) -> Self {
        Self {
            records: records.min(Self::RECORDS),
            bytes: Self::BYTES,
            begun: Instant::now(),
            time,
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0 || self.is_over()
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.time
    }

    /// One record of this size was done.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

fn sweep(
    tables: &mut Tables<'_>,
    wall_clock: Timestamp,
    mut budget: Budget,
) -> Result<Swept, Failure> {
    let now = tables.clock.observe(wall_clock);
    // What is small and holds up new messages when there is too much of it comes first.
    let mut swept = Swept {
        claims: claims::sweep(tables, wall_clock, &mut budget)?,
        answers: answers::sweep(tables, now, &mut budget)?,
        ..Swept::default()
    };
    removal::sweep(tables, now, &mut budget, &mut swept)?;
    swept.blobs = blobs::sweep(tables, now, &mut budget)?;
    swept.more = budget.is_spent();
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{Marked, Poll, Submission};
    use super::*;
    use mrp_proto::message::Status;

    const DAY: u64 = 24 * 3_600;

    async fn send_one(store: &Store) -> mrp_proto::id::MessageId {
        let mut draft = draft(agent(2), "1");
        draft.thread_id = Some("t".to_owned());
        let sending = store.accept_message(submission(agent(1), draft, at(0)));
        sending.await.unwrap().accepted.message_id
    }

    /// What is true of a message that expired, before and after the sweep.
    async fn assert_expired(store: &Store, id: &mrp_proto::id::MessageId, now: Timestamp) {
        assert!(waiting(store, agent(2), now).await.is_empty());
        assert!(
            store
                .poll(taking_poll(agent(2), now))
                .await
                .unwrap()
                .messages
                .is_empty()
        );
        let message = store.message(id, agent(1), now).await.unwrap().unwrap();
        assert_eq!(message.status, Status::Expired);
        assert!(message.body.is_none());
        let expired = Poll {
            status: Status::Expired,
            ..poll(agent(2), now)
        };
        let page = store.poll(expired).await.unwrap();
        assert_eq!(bodies(&page.messages), ["-"]);
        assert_eq!(page.messages[0].status, Status::Expired);
        let thread = store.thread(agent(2), "t", None, 9, now).await.unwrap();
        assert_eq!(thread.messages[0].status, Status::Expired);
        let marking = store.mark_delivered(agent(2), id, None, now);
        assert_eq!(marking.await, Ok(Marked::Already));
    }

    async fn assert_gone(store: &Store, id: &mrp_proto::id::MessageId, now: Timestamp) {
        assert!(store.message(id, agent(1), now).await.unwrap().is_none());
        assert!(store.status(id, agent(2), now).await.unwrap().is_none());
        let expired = Poll {
            status: Status::Expired,
            ..poll(agent(2), now)
        };
        assert!(store.poll(expired).await.unwrap().messages.is_empty());
        let thread = store.thread(agent(2), "t", None, 9, now).await.unwrap();
        assert!(thread.messages.is_empty());
        let marking = store.mark_delivered(agent(2), id, None, now);
        assert_eq!(marking.await, Ok(Marked::NotFound));
    }

    #[tokio::test]
    async fn a_message_is_expired_in_time_whether_it_was_swept_or_not() {
        let store = empty_store();
        let id = send_one(&store).await;
        assert_eq!(waiting(&store, agent(2), at(999)).await.len(), 1);
        assert_expired(&store, &id, at(1_000)).await;
        let swept = store.sweep(at(1_000), 100).await.unwrap();
        assert_eq!((swept.expired, swept.removed, swept.more), (1, 0, false));
        assert_expired(&store, &id, at(1_000 + DAY - 1)).await;
        assert_gone(&store, &id, at(1_000 + DAY)).await;
        let swept = store.sweep(at(1_000 + DAY), 100).await.unwrap();
        assert_eq!((swept.expired, swept.removed), (0, 1));
        assert_gone(&store, &id, at(1_000 + DAY)).await;
        assert_empty(&store).await;
    }

    /// Nothing about messages, claims and answers is left.
    async fn assert_empty(store: &Store) {
        use super::super::tables::*;
        use redb::ReadableTableMetadata as _;
        let counts = store.read(|view| {
            let open = &view.transaction;
            Ok([
                open.open_table(MESSAGES)?.len()?,
                open.open_table(IDS)?.len()?,
                open.open_table(QUEUED)?.len()?,
                open.open_table(DELIVERED)?.len()?,
                open.open_table(EXPIRED)?.len()?,
                open.open_table(THREADS)?.len()?,
                open.open_table(DUE)?.len()?,
                open.open_table(CLAIMS)?.len()?,
                open.open_table(ANSWERS)?.len()?,
                open.open_table(ANSWERS_DUE)?.len()?,
                open.open_table(PURGES)?.len()?,
            ])
        });
        assert_eq!(counts.await.unwrap(), [0; 11]);
    }

    #[tokio::test]
    async fn a_delivered_message_keeps_its_time_when_it_expires() {
        let store = empty_store();
        let id = send_one(&store).await;
        let marking = store.mark_delivered(agent(2), &id, None, at(5));
        marking.await.unwrap();
        for _ in 0..2 {
            let now = at(1_000);
            let status = store.status(&id, agent(1), now).await.unwrap().unwrap();
            assert_eq!(status.status, Status::Expired);
            assert_eq!(status.delivered_at, Some(at(5)));
            let expired = Poll {
                status: Status::Expired,
                ..poll(agent(2), now)
            };
            let page = store.poll(expired).await.unwrap();
            assert_eq!(page.messages[0].delivered_at, Some(at(5)));
            store.sweep(now, 100).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_revives_nothing() {
        let store = empty_store();
        let id = send_one(&store).await;
        assert!(waiting(&store, agent(2), at(1_000)).await.is_empty());
        assert!(waiting(&store, agent(2), at(0)).await.is_empty());
        let marking = store.mark_delivered(agent(2), &id, None, at(0));
        assert_eq!(marking.await, Ok(Marked::Already));
        // What is sent then lives as long as any other.
        let sending = store.accept_message(send(agent(1), agent(3), "1", at(0)));
        let accepted = sending.await.unwrap().accepted;
        assert_eq!(accepted.created_at, at(1_000));
        assert_eq!(accepted.expires_at, at(2_000));
        assert_eq!(waiting(&store, agent(3), at(0)).await.len(), 1);
    }

    #[tokio::test]
    async fn a_sweep_is_bounded_and_says_that_there_is_more() {
        let store = empty_store();
        for _ in 0..5 {
            send_one(&store).await;
        }
        let (mut expired, mut claims) = (0, 0);
        loop {
            let swept = store.sweep(at(1_000), 2).await.unwrap();
            assert!(swept.expired + swept.claims <= 2);
            expired += swept.expired;
            claims += swept.claims;
            if !swept.more {
                break;
            }
        }
        assert_eq!((expired, claims), (5, 5));
    }

    #[tokio::test]
    async fn a_sweep_ends_when_its_time_is_over() {
        let store = empty_store();
        send_one(&store).await;
        let sweeping = store.sweep_within(at(1_000), 100, Duration::ZERO);
        let swept = sweeping.await.unwrap();
        assert_eq!((swept.expired, swept.more), (0, true));
        let sweeping = store.sweep_within(at(1_000), 100, Duration::from_secs(60));
        let swept = sweeping.await.unwrap();
        assert_eq!((swept.expired, swept.more), (1, false));
    }

    #[tokio::test]
    async fn what_a_part_of_a_sweep_changed_is_in_no_transaction_with_the_next() {
        let store = empty_store();
        for _ in 0..3 {
            send_one(&store).await;
        }
        assert!(!store.shared().visible.is_whole(), "its journal is ahead");
        let swept = store.sweep(at(1_000), 4).await.unwrap();
        assert_eq!((swept.claims, swept.expired, swept.more), (3, 1, true));
        assert!(store.shared().visible.is_whole());
    }

    #[tokio::test]
    async fn claims_and_answers_are_forgotten_in_time() {
        let store = empty_store();
        let with_key = Submission {
            idempotency_key: Some("key".to_owned()),
            ..send(agent(1), agent(2), "1", at(0))
        };
        store.accept_message(with_key).await.unwrap();
        let swept = store.sweep(at(600), 100).await.unwrap();
        assert_eq!((swept.claims, swept.answers), (0, 0));
        let swept = store.sweep(at(601), 100).await.unwrap();
        assert_eq!((swept.claims, swept.answers), (1, 0));
        let swept = store.sweep(at(DAY), 100).await.unwrap();
        assert_eq!((swept.claims, swept.answers), (0, 1));
        store.sweep(at(2 * DAY), 100).await.unwrap();
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn a_damaged_message_does_not_stop_the_sweep() {
        let store = empty_store();
        send_one(&store).await;
        send_one(&store).await;
        let damage = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            tables.messages.insert(1, [7].as_slice())?;
            Ok(())
        });
        damage.await.unwrap();
        let swept = store.sweep(at(1_000), 100).await.unwrap();
        assert_eq!((swept.expired, swept.more), (1, false));
    }
}

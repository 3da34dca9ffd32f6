use super::super::fixture::*;
use super::super::{Marked, Submission};
use super::*;
use mrp_proto::agent::AgentStatus;
use mrp_proto::message::Status;
use std::collections::HashSet;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const MONTH: u64 = 30 * DAY;

async fn register(store: &Store, number: u8, now: Timestamp) -> WebhookInfo {
    let url = format!("https://agent{number}.example/hook");
    let secret = WebhookSecret::new("sixteen letters!".to_owned());
    let key = agent(number);
    let registering = store.set_webhook(key, url, secret, claim(key, now), now);
    registering.await.unwrap()
}

async fn send_one(store: &Store, recipient: u8, body: &str, now: Timestamp) {
    let mut draft = draft(agent(recipient), body);
    draft.expires_in = Duration::from_secs(MONTH);
    let sending = store.accept_message(submission(agent(1), draft, now));
    sending.await.unwrap();
}

async fn next(store: &Store, number: u8, now: Timestamp) -> Option<Delivery> {
    match store.next_delivery(agent(number), now).await.unwrap() {
        NextDelivery::Ready(delivery) => Some(*delivery),
        NextDelivery::Nothing => None,
        NextDelivery::Suspended => panic!("suspended"),
    }
}

/// What is at its turn, by its body.
async fn body(store: &Store, number: u8, now: Timestamp) -> Option<String> {
    let delivery = next(store, number, now).await?;
    Some(delivery.message.body.unwrap().get().to_owned())
}

const FAILED: FailedAttempt = FailedAttempt {
    fault: Fault::TimedOut,
    retry_after: None,
    pause: Duration::ZERO,
    random: 0,
};

async fn fail_with(store: &Store, number: u8, attempt: FailedAttempt, now: Timestamp) -> Aftermath {
    let delivery = next(store, number, now).await.expect("it is at its turn");
    let schedule = WebhookSchedule::default();
    let failing = store.webhook_failed(delivery.ticket, attempt, schedule, now);
    failing.await.unwrap()
}

async fn fail(store: &Store, number: u8, now: Timestamp) {
    let aftermath = fail_with(store, number, FAILED, now).await;
    assert_eq!(aftermath, Aftermath::Retry);
}

async fn take(store: &Store, number: u8, now: Timestamp) -> String {
    let delivery = next(store, number, now).await.expect("it is at its turn");
    let taking = store.webhook_delivered(delivery.ticket, Duration::ZERO, now);
    taking.await.unwrap();
    delivery.message.body.unwrap().get().to_owned()
}

/// Whose turn it is, and in how many seconds the next one's will be.
async fn due(store: &Store, now: Timestamp) -> (Vec<u8>, Option<u64>) {
    let found = store.due_webhooks(HashSet::new(), 100, now).await.unwrap();
    let number = |due: &DueWebhook| -> u8 {
        let host = due.url.strip_prefix("https://agent").unwrap();
        host.split_once('.').unwrap().0.parse().unwrap()
    };
    let next = found.next.map(|next| next.as_secs());
    (found.due.iter().map(number).collect(), next)
}

async fn info(store: &Store, number: u8) -> WebhookInfo {
    store.webhook(agent(number)).await.unwrap().unwrap()
}

#[tokio::test]
async fn mail_is_brought_in_order_and_is_then_delivered() {
    let store = empty_store();
    send_one(&store, 9, "1", at(0)).await;
    let registered = register(&store, 9, at(1)).await;
    assert!(registered.enabled && registered.consecutive_failures == 0);
    assert_eq!(registered.created_at, at(1));
    assert_eq!(info(&store, 9).await, registered);
    send_one(&store, 9, "2", at(1)).await;
    send_one(&store, 8, "0", at(1)).await;
    assert_eq!(due(&store, at(1)).await, (vec![9], None));
    let first = next(&store, 9, at(1)).await.unwrap();
    assert_eq!(first.url, "https://agent9.example/hook");
    assert_eq!(first.secret.expose(), "sixteen letters!");
    let id = first.message.message_id.clone();
    assert_eq!(take(&store, 9, at(2)).await, "1");
    let status = store.status(&id, agent(9), at(2)).await.unwrap().unwrap();
    assert_eq!(status.status, Status::Delivered);
    assert_eq!(status.delivered_at, Some(at(2)));
    assert_eq!(take(&store, 9, at(2)).await, "2");
    assert_eq!(due(&store, at(2)).await, (vec![], None));
    assert_eq!(waiting(&store, agent(9), at(2)).await.len(), 0);
    send_one(&store, 9, "3", at(3)).await;
    assert_eq!(due(&store, at(3)).await, (vec![9], None));
}

#[tokio::test]
async fn a_message_is_tried_again_after_longer_and_longer_and_then_set_aside() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    send_one(&store, 9, "2", at(0)).await;
    let mut now = 0;
    for (failures, pause) in [1, 5, 30, 120, 600, 3_600].into_iter().enumerate() {
        assert_eq!(body(&store, 9, at(now)).await.unwrap(), "1");
        fail(&store, 9, at(now)).await;
        assert_eq!(due(&store, at(now)).await, (vec![], Some(pause)));
        let seen = info(&store, 9).await.consecutive_failures;
        assert_eq!(seen, u32::try_from(failures).unwrap() + 1);
        assert_eq!(next(&store, 9, at(now + pause - 1)).await.map(|_| ()), None);
        now += pause;
        assert_eq!(due(&store, at(now)).await, (vec![9], None));
    }
    fail(&store, 9, at(now)).await;
    // The other one has its turn, and then it has the first one's hour.
    assert_eq!(take(&store, 9, at(now)).await, "2");
    assert_eq!(info(&store, 9).await.consecutive_failures, 0);
    for _ in 0..3 {
        assert_eq!(due(&store, at(now)).await, (vec![], Some(HOUR)));
        now += HOUR;
        assert_eq!(body(&store, 9, at(now)).await.unwrap(), "1");
        fail(&store, 9, at(now)).await;
    }
    // What comes meanwhile goes before it.
    now += HOUR;
    send_one(&store, 9, "3", at(now)).await;
    assert_eq!(take(&store, 9, at(now)).await, "3");
    assert_eq!(take(&store, 9, at(now)).await, "1");
    assert_eq!(due(&store, at(now)).await, (vec![], None));
}

#[tokio::test]
async fn chance_adds_a_fifth_at_most() {
    for (random, expected) in [(0, 600_000), (u32::MAX / 2, 659_999), (u32::MAX, 720_000)] {
        let delay = WebhookSchedule::default().with_jitter(Duration::from_secs(600), random);
        assert_eq!(delay.as_millis(), expected);
    }
}

#[tokio::test]
async fn a_message_set_aside_is_not_kept_out_by_mail_without_end() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    for body in ["1", "2", "3"] {
        send_one(&store, 9, body, at(0)).await;
    }
    let mut now = 0;
    for pause in [1, 5, 30, 120, 600, 3_600, 0] {
        fail(&store, 9, at(now)).await;
        now += pause;
    }
    assert_eq!(body(&store, 9, at(now + HOUR + 59)).await.unwrap(), "2");
    assert_eq!(body(&store, 9, at(now + HOUR + 60)).await.unwrap(), "1");
    assert_eq!(take(&store, 9, at(now + HOUR + 60)).await, "1");
    assert_eq!(take(&store, 9, at(now + HOUR + 60)).await, "2");
}

#[tokio::test]
async fn what_expires_or_is_taken_elsewhere_is_not_brought() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    for body in ["1", "2"] {
        let sending = store.accept_message(send(agent(1), agent(9), body, at(0)));
        sending.await.unwrap();
    }
    send_one(&store, 9, "3", at(0)).await;
    let first = next(&store, 9, at(0)).await.unwrap();
    fail(&store, 9, at(0)).await;
    let id = first.message.message_id;
    store
        .mark_delivered(agent(9), &id, None, at(0))
        .await
        .unwrap();
    // The others need not wait for its retry.
    store
        .postpone_webhooks(vec![(agent(9), None)], at(0))
        .await
        .unwrap();
    assert_eq!(body(&store, 9, at(0)).await.unwrap(), "2");
    assert_eq!(body(&store, 9, at(1_000)).await.unwrap(), "3");
    // A receiver that takes what was taken meanwhile has done no harm.
    let delivery = next(&store, 9, at(1_000)).await.unwrap();
    store.poll(taking_poll(agent(9), at(1_000))).await.unwrap();
    let ticket = delivery.ticket;
    let taking = store.webhook_delivered(ticket, Duration::ZERO, at(1_000));
    taking.await.unwrap();
    let id = delivery.message.message_id;
    let marking = store.mark_delivered(agent(9), &id, None, at(1_000));
    assert_eq!(marking.await, Ok(Marked::Already));
    assert_eq!(due(&store, at(1_000)).await, (vec![], None));
}

#[tokio::test]
async fn an_emptied_inbox_has_no_turn() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    store.poll(taking_poll(agent(9), at(0))).await.unwrap();
    assert_eq!(due(&store, at(0)).await, (vec![9], None));
    assert!(next(&store, 9, at(0)).await.is_none());
    let looking = store.postpone_webhooks(vec![(agent(9), None)], at(0));
    looking.await.unwrap();
    assert_eq!(due(&store, at(0)).await, (vec![], None));
}

#[tokio::test]
async fn a_set_aside_message_that_is_acknowledged_is_forgotten() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let id = next(&store, 9, at(0)).await.unwrap().message.message_id;
    let mut now = 0;
    for pause in [1, 5, 30, 120, 600, 3_600, 0] {
        fail(&store, 9, at(now)).await;
        now += pause;
    }
    store
        .mark_delivered(agent(9), &id, None, at(now))
        .await
        .unwrap();
    now += HOUR;
    assert_eq!(due(&store, at(now)).await, (vec![9], None));
    assert!(next(&store, 9, at(now)).await.is_none());
    let looking = store.postpone_webhooks(vec![(agent(9), None)], at(now));
    looking.await.unwrap();
    assert_eq!(due(&store, at(now)).await, (vec![], None));
    assert_eq!(rows_kept(&store).await, [1, 1, 0, 0]);
}

/// Registrations, states, turns, and messages set aside.
async fn rows_kept(store: &Store) -> [u64; 4] {
    use redb::ReadableTableMetadata as _;
    let counting = store.read(|view| {
        let open = &view.transaction;
        Ok([
            open.open_table(rows::REGISTRATIONS)?.len()?,
            open.open_table(rows::STATES)?.len()?,
            open.open_table(rows::DUE)?.len()?,
            open.open_table(rows::ASIDE)?.len()?,
        ])
    });
    counting.await.unwrap()
}

#[tokio::test]
async fn a_hundred_failures_disable_only_when_they_last_a_day() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    // Each has failed once before the next comes: as many failures in a short time as it takes.
    for number in 0..120 {
        send_one(&store, 9, "0", at(number)).await;
        fail(&store, 9, at(number)).await;
        store.poll(taking_poll(agent(9), at(number))).await.unwrap();
        let looking = store.postpone_webhooks(vec![(agent(9), None)], at(number));
        looking.await.unwrap();
    }
    let seen = info(&store, 9).await;
    assert_eq!((seen.enabled, seen.consecutive_failures), (true, 120));
    assert_eq!(seen.last_error.as_deref(), Some("timed_out"));
    send_one(&store, 9, "1", at(DAY - 2)).await;
    fail(&store, 9, at(DAY - 1)).await;
    let failed = fail_with(&store, 9, FAILED, at(DAY)).await;
    assert_eq!(failed, Aftermath::Disabled);
    let seen = info(&store, 9).await;
    assert_eq!((seen.enabled, seen.consecutive_failures), (false, 122));
    send_one(&store, 9, "2", at(DAY)).await;
    assert_eq!(due(&store, at(DAY)).await, (vec![], None));
    assert_eq!(rows_kept(&store).await, [1, 1, 0, 0]);
    assert_eq!(waiting(&store, agent(9), at(DAY)).await.len(), 2);
    // Registered again, it begins anew, with what waits.
    let again = register(&store, 9, at(DAY + 1)).await;
    assert_eq!((again.enabled, again.consecutive_failures), (true, 0));
    assert_eq!(again.last_error, None);
    assert_eq!(take(&store, 9, at(DAY + 1)).await, "1");
    assert_eq!(take(&store, 9, at(DAY + 1)).await, "2");
}

#[tokio::test]
async fn a_day_of_few_failures_does_not_disable_and_a_success_forgives_all() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "0", at(0)).await;
    fail(&store, 9, at(0)).await;
    fail(&store, 9, at(2 * DAY)).await;
    take(&store, 9, at(2 * DAY + 5)).await;
    for number in 0..99 {
        send_one(&store, 9, "0", at(3 * DAY + number)).await;
        fail(&store, 9, at(3 * DAY + number)).await;
        let now = at(3 * DAY + number);
        store.poll(taking_poll(agent(9), now)).await.unwrap();
    }
    send_one(&store, 9, "0", at(5 * DAY)).await;
    let failed = fail_with(&store, 9, FAILED, at(5 * DAY)).await;
    assert_eq!(failed, Aftermath::Disabled, "the hundredth, after two days");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let gone = FailedAttempt {
        fault: Fault::Status(410),
        ..FAILED
    };
    assert_eq!(fail_with(&store, 9, gone, at(0)).await, Aftermath::Disabled);
    let seen = info(&store, 9).await;
    assert!(!seen.enabled);
    assert_eq!(seen.last_error.as_deref(), Some("status 410"));
    assert_eq!(due(&store, at(DAY)).await, (vec![], None));
    assert_eq!(waiting(&store, agent(9), at(0)).await.len(), 1);
}

#[tokio::test]
async fn a_receiver_may_ask_for_an_hour_and_no_more() {
    for (asked, waits) in [(0, 1), (1, 1), (90, 90), (HOUR, HOUR), (10 * HOUR, HOUR)] {
        let store = empty_store();
        register(&store, 9, at(0)).await;
        send_one(&store, 9, "1", at(0)).await;
        let busy = FailedAttempt {
            fault: Fault::Status(503),
            retry_after: Some(Duration::from_secs(asked)),
            ..FAILED
        };
        fail_with(&store, 9, busy, at(0)).await;
        // New mail does not shorten it.
        send_one(&store, 9, "2", at(0)).await;
        assert_eq!(due(&store, at(0)).await, (vec![], Some(waits)));
        assert!(next(&store, 9, at(waits - 1)).await.is_none());
        assert_eq!(take(&store, 9, at(waits)).await, "1");
    }
}

#[tokio::test]
async fn who_has_waited_longest_comes_first_and_who_had_a_turn_last() {
    let store = empty_store();
    for number in [3, 4, 5] {
        register(&store, number, at(0)).await;
    }
    for (seconds, number) in [(1, 5), (2, 3), (3, 4)] {
        send_one(&store, number, "1", at(seconds)).await;
        // More mail does not put anyone further back.
        send_one(&store, 5, "2", at(seconds)).await;
    }
    assert_eq!(due(&store, at(4)).await, (vec![5, 3, 4], None));
    take(&store, 5, at(4)).await;
    assert_eq!(due(&store, at(4)).await, (vec![3, 4, 5], None));
    let busy = HashSet::from([agent(3)]);
    let found = store.due_webhooks(busy, 1, at(4)).await.unwrap();
    assert_eq!(found.due[0].recipient, agent(4));
    assert_eq!((found.due.len(), found.next), (1, Some(Duration::ZERO)));
}

#[tokio::test]
async fn who_is_postponed_waits_whatever_comes() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let wait = Some(Duration::from_secs(30));
    let postponing = store.postpone_webhooks(vec![(agent(9), wait), (agent(8), wait)], at(0));
    postponing.await.unwrap();
    send_one(&store, 9, "2", at(1)).await;
    assert_eq!(due(&store, at(1)).await, (vec![], Some(29)));
    assert!(next(&store, 9, at(29)).await.is_none());
    assert_eq!(due(&store, at(30)).await, (vec![9], None));
    assert_eq!(take(&store, 9, at(30)).await, "1");
    assert_eq!(info(&store, 9).await.consecutive_failures, 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_webhook_that_is_removed() {
    let store = empty_store();
    let remove = async |now| {
        let removing = store.delete_webhook(agent(9), claim(agent(9), now), now);
        removing.await.unwrap()
    };
    assert_eq!(remove(at(0)).await, Removal::NotFound);
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let begun = next(&store, 9, at(0)).await.unwrap().ticket;
    assert_eq!(remove(at(1)).await, Removal::Removed);
    assert_eq!(remove(at(1)).await, Removal::NotFound);
    send_one(&store, 9, "2", at(1)).await;
    assert_eq!(rows_kept(&store).await, [0; 4]);
    assert!(store.webhook(agent(9)).await.unwrap().is_none());
    assert!(next(&store, 9, at(1)).await.is_none());
    // What was begun before is delivered all the same.
    let taking = store.webhook_delivered(begun, Duration::ZERO, at(1));
    taking.await.unwrap();
    assert_eq!(waiting(&store, agent(9), at(1)).await.len(), 1);
    assert_eq!(rows_kept(&store).await, [0; 4]);
}

#[tokio::test]
async fn a_deleted_agent_has_no_webhook() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let deleting = store.delete_agent(agent(9), claim(agent(9), at(0)), at(0));
    deleting.await.unwrap();
    assert_eq!(rows_kept(&store).await, [0; 4]);
    // A fresh record brings none of the old mail.
    register(&store, 9, at(1)).await;
    assert!(next(&store, 9, at(1)).await.is_none());
    send_one(&store, 9, "2", at(1)).await;
    assert_eq!(take(&store, 9, at(1)).await, "2");
}

#[tokio::test]
async fn what_was_begun_for_an_earlier_registration_is_not_held_against_a_later_one() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let begun = next(&store, 9, at(0)).await.unwrap().ticket;
    register(&store, 9, at(0)).await;
    let gone = FailedAttempt {
        fault: Fault::Status(410),
        ..FAILED
    };
    let schedule = WebhookSchedule::default();
    let failing = store.webhook_failed(begun, gone, schedule, at(0));
    assert_eq!(failing.await.unwrap(), Aftermath::Retry);
    let seen = info(&store, 9).await;
    assert_eq!((seen.enabled, seen.consecutive_failures), (true, 0));
    assert_eq!(due(&store, at(0)).await, (vec![9], None));
}

#[tokio::test]
async fn a_suspended_agent_gets_nothing() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    let set = async |status| {
        let setting = store.set_status(agent(9), status, at(0));
        setting.await.unwrap()
    };
    set(AgentStatus::Suspended).await;
    let found = store.next_delivery(agent(9), at(0)).await.unwrap();
    assert!(matches!(found, NextDelivery::Suspended));
    let wait = Some(Duration::from_secs(HOUR));
    let postponing = store.postpone_webhooks(vec![(agent(9), wait)], at(0));
    postponing.await.unwrap();
    assert_eq!(due(&store, at(0)).await, (vec![], Some(HOUR)));
    set(AgentStatus::Active).await;
    assert_eq!(due(&store, at(0)).await, (vec![9], None));
    assert_eq!(take(&store, 9, at(0)).await, "1");
}

#[tokio::test]
async fn a_replayed_registration_changes_nothing() {
    let store = empty_store();
    let claim = claim(agent(9), at(0));
    let set = |url: &str| {
        let secret = WebhookSecret::new("sixteen letters!".to_owned());
        store.set_webhook(agent(9), url.to_owned(), secret, claim.clone(), at(0))
    };
    set("https://a.example/").await.unwrap();
    let again = set("https://b.example/").await;
    assert_eq!(again.unwrap_err(), ChangeError::Replay);
    assert_eq!(info(&store, 9).await.url, "https://a.example/");
    let removing = store.delete_webhook(agent(9), claim.clone(), at(0));
    assert_eq!(removing.await.unwrap_err(), ChangeError::Replay);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.redb");
    let open = || Store::open(&path, super::super::Options::default()).unwrap();
    let store = open();
    register(&store, 9, at(0)).await;
    send_one(&store, 9, "1", at(0)).await;
    send_one(&store, 9, "2", at(0)).await;
    let mut now = 0;
    for pause in [1, 5, 30, 120, 600, 3_600, 0] {
        fail(&store, 9, at(now)).await;
        now += pause;
    }
    fail(&store, 9, at(now)).await;
    let before = info(&store, 9).await;
    store.close().await;
    let store = open();
    assert_eq!(info(&store, 9).await, before);
    assert_eq!(due(&store, at(now)).await, (vec![], Some(1)));
    assert_eq!(take(&store, 9, at(now + 1)).await, "2");
    assert_eq!(due(&store, at(now + 1)).await, (vec![], Some(HOUR - 1)));
    assert_eq!(take(&store, 9, at(now + HOUR)).await, "1");
}

#[tokio::test]
async fn a_message_that_is_refused_does_not_call_anyone() {
    let store = empty_store();
    register(&store, 9, at(0)).await;
    let refused = Submission {
        quotas: super::super::Quotas {
            sender_bytes: 1,
            ..no_quotas()
        },
        ..send(agent(1), agent(9), "1", at(0))
    };
    assert!(store.accept_message(refused).await.is_err());
    assert_eq!(due(&store, at(0)).await, (vec![], None));
    // Only what was committed is hinted at: the registration, and now a message.
    store.webhook_hint().await;
    send_one(&store, 9, "1", at(0)).await;
    store.webhook_hint().await;
}

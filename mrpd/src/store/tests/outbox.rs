//! What goes out: stages, failures, keys, holds, and what comes back to it.

use super::*;

#[tokio::test]
async fn a_send_becomes_visible_when_it_is_accepted() {
    let Fixture { dir: _dir, store } = fixture();
    assert_eq!(
        store.enqueue(draft("out_1"), None).await.unwrap(),
        Enqueued::New(1)
    );
    assert_eq!(*store.newest().borrow(), 0);
    assert_eq!(store.pending().await.unwrap().len(), 1);
    let accepted = Accepted {
        message_id: "msg_1_a".to_owned(),
        created_at: at(20),
        expires_at: at(30),
    };
    store
        .record_accepted(1, accepted.clone(), at(21))
        .await
        .unwrap();
    assert!(store.pending().await.unwrap().is_empty());
    let Some(Progress::Sent(seq, sent, _)) = store.progress("out_1".to_owned()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((seq, sent.id.as_str()), (1, "msg_1_a"));
    assert_eq!(sent.body.unwrap().get(), "\"hello\"");
    assert_eq!(store.by_id("msg_1_a".to_owned()).await.unwrap().len(), 1);
    // An answer that comes twice counts once.
    store.record_accepted(1, accepted, at(22)).await.unwrap();
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.sent, counts.queued, counts.newest), (1, 0, 1));
}

#[tokio::test]
async fn failures_are_recorded_and_a_final_one_ends_it() {
    let Fixture { dir, store } = fixture();
    store.enqueue(draft("out_1"), None).await.unwrap();
    let failure = |retry_at| Failure {
        error: ErrorDetail::new(Code::RelayUnreachable, "no", None),
        retry_at,
        at: at(100),
        perhaps_sent: false,
        tried: true,
    };
    store
        .record_failure(1, failure(Some(at(50))))
        .await
        .unwrap();
    let record = store.outbox_at(1).await.unwrap().unwrap();
    assert_eq!((record.attempts, record.next_attempt_at), (1, Some(at(50))));
    store.record_failure(1, failure(None)).await.unwrap();
    store.close().await;
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    assert!(store.pending().await.unwrap().is_empty());
    assert_eq!(store.outbox().await.unwrap()[0].stage, OutboxStage::Failed);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.queued, counts.failed), (0, 1));
}

#[tokio::test]
async fn an_idempotency_key_is_one_send_until_its_time_is_over() {
    let Fixture { dir: _dir, store } = fixture();
    let enqueue = |id: &str, send_key| store.enqueue(draft(id), Some(send_key));
    assert_eq!(
        enqueue("out_1", key("k", "d", 60)).await.unwrap(),
        Enqueued::New(1)
    );
    assert_eq!(
        enqueue("out_2", key("k", "d", 60)).await.unwrap(),
        Enqueued::Before("out_1".to_owned())
    );
    assert_eq!(
        enqueue("out_3", key("k", "other", 60)).await.unwrap(),
        Enqueued::Mismatch
    );
    assert_eq!(
        store.sent_under("k".to_owned(), at(59)).await.unwrap(),
        Some(("d".to_owned(), "out_1".to_owned()))
    );
    assert_eq!(
        store.sent_under("k".to_owned(), at(60)).await.unwrap(),
        None
    );
    store.sweep(at(61)).await.unwrap();
    assert_eq!(
        enqueue("out_4", key("k", "d", 99)).await.unwrap(),
        Enqueued::New(2)
    );
}

#[tokio::test]
async fn a_key_that_is_used_again_outlives_the_mark_of_its_first_use() {
    let Fixture { dir: _dir, store } = fixture();
    let put = |id: &str, until| store.enqueue(draft(id), Some(key("k", "d", until)));
    // Drafts are of the tenth second: the first use is over by then.
    assert_eq!(put("out_1", 5).await.unwrap(), Enqueued::New(1));
    assert_eq!(put("out_2", 99).await.unwrap(), Enqueued::New(2));
    store.sweep(at(61)).await.unwrap();
    assert_eq!(
        put("out_3", 99).await.unwrap(),
        Enqueued::Before("out_2".to_owned())
    );
}

#[tokio::test]
async fn an_answer_that_comes_before_the_record_of_its_question_answers_it() {
    let Fixture { dir: _dir, store } = fixture();
    let mut question = draft("out_1");
    question.message.from = "me".to_owned();
    question.message.to = "alice".to_owned();
    store.enqueue(question, None).await.unwrap();
    let mut answers = [incoming("x", &[("1", None)]), incoming("y", &[("2", None)])];
    for answer in &mut answers {
        answer.message.reply_to = Some("msg_1_a".to_owned());
    }
    answers[0].message.from = "mallory".to_owned();
    for answer in answers {
        accept(&store, answer).await;
    }
    let accepted = Accepted {
        message_id: "msg_1_a".to_owned(),
        created_at: at(20),
        expires_at: at(30),
    };
    store.record_accepted(1, accepted, at(21)).await.unwrap();
    let Some(Progress::Sent(3, _, track)) = store.progress("out_1".to_owned()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(track.reply, Some(2));
    assert_eq!(track.stage(), Stage::Replied);
}

#[tokio::test]
async fn a_retry_of_what_is_held_lasts() {
    let Fixture { dir: _dir, store } = fixture();
    let held = OutboxRecord {
        due_at: Some(at(500)),
        ..draft("out_1")
    };
    store.enqueue(held, None).await.unwrap();
    store.release_now(1, at(100)).await.unwrap();
    let record = store.outbox_at(1).await.unwrap().unwrap();
    assert_eq!((record.due_at, record.tried_since()), (None, at(100)));
}

#[tokio::test]
async fn an_answer_is_noted_with_what_it_answers_and_with_nothing_else() {
    let Fixture { store, .. } = fixture();
    let Enqueued::New(position) = store.enqueue(draft("out_1"), None).await.unwrap() else {
        panic!()
    };
    let accepted = Accepted {
        message_id: "msg_9".to_owned(),
        created_at: at(10),
        expires_at: at(100),
    };
    let mut stages = store.stages();
    store
        .record_accepted(position, accepted, at(11))
        .await
        .unwrap();
    let sent = async || match store.progress("out_1".to_owned()).await.unwrap() {
        Some(Progress::Sent(_, message, track)) => (message, track),
        other => panic!("{other:?}"),
    };
    let (message, _) = sent().await;
    let answer = |id: &str, from: &str| {
        let mut answer = incoming(id, &[(id, None)]);
        answer.message.from = from.to_owned();
        answer.message.to = message.from.clone();
        answer.message.reply_to = Some("msg_9".to_owned());
        answer
    };
    accept(&store, answer("msg_a", "a stranger")).await;
    assert_eq!(sent().await.1, Track::default());
    accept(&store, answer("msg_b", &message.to)).await;
    let (_, track) = sent().await;
    assert_eq!(track.stage(), mrpd_api::body::Stage::Replied);
    assert_eq!(track.reply, Some(3));
    store.record_delivered(1, at(50)).await.unwrap();
    assert_eq!(sent().await.1, track, "the first word counts");
    let told: Vec<_> = std::iter::from_fn(|| stages.try_recv().ok())
        .map(|change| change.stage)
        .collect();
    use mrpd_api::body::Stage;
    assert_eq!(told, [Stage::Accepted, Stage::Replied]);
}

#[tokio::test]
async fn what_is_taken_out_frees_its_key_and_what_was_given_up_can_be_tried_anew() {
    let Fixture { store, .. } = fixture();
    let failure = |retry_at| Failure {
        error: ErrorDetail::new(Code::Refused, "no", None),
        retry_at,
        at: at(100),
        perhaps_sent: false,
        tried: true,
    };
    let put = |id: &str| store.enqueue(draft(id), Some(key("k", "d", 4_000_000_000)));
    assert_eq!(put("out_1").await.unwrap(), Enqueued::New(1));
    let why = ErrorDetail::new(Code::Cancelled, "by hand", None);
    let remove = |stage| store.remove_from_outbox(1, stage, why.clone());
    assert!(!remove(OutboxStage::Failed).await.unwrap());
    assert!(remove(OutboxStage::Queued).await.unwrap());
    assert!(!remove(OutboxStage::Queued).await.unwrap());
    assert_eq!(store.counts().await.unwrap().queued, 0);
    // The key is free, and nothing of its first use makes it be forgotten early.
    assert_eq!(put("out_2").await.unwrap(), Enqueued::New(2));
    assert!(matches!(put("out_3").await.unwrap(), Enqueued::Before(id) if id == "out_2"));
    store.record_failure(2, failure(None)).await.unwrap();
    assert_eq!(store.revive(1, at(200)).await.unwrap(), None);
    let revived = store.revive(2, at(200)).await.unwrap().unwrap();
    assert_eq!(revived.position, 3);
    let record = store.outbox_at(3).await.unwrap().unwrap();
    assert_eq!(
        (record.stage, record.tried_since()),
        (OutboxStage::Queued, at(200))
    );
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.queued, counts.failed), (1, 0));
}

#[tokio::test]
async fn after_a_crash_a_relay_may_have_whatever_was_due() {
    let Fixture { store, .. } = fixture();
    let mut held = draft("out_2");
    held.due_at = Some(at(500));
    store.enqueue(draft("out_1"), None).await.unwrap();
    store.enqueue(held, None).await.unwrap();
    let perhaps = async || {
        let pending = store.take_pending(at(100)).await.unwrap();
        pending
            .iter()
            .map(|one| one.perhaps_sent)
            .collect::<Vec<_>>()
    };
    assert_eq!(perhaps().await, [true, false]);
    store.settle_outbox().await.unwrap();
    assert_eq!(perhaps().await, [false, false]);
    assert_eq!(perhaps().await, [true, false]);
}

use super::*;

fn pending(position: u64, to: &str, relay: &str) -> Pending {
    Pending {
        position,
        from: "me".to_owned(),
        to: to.to_owned(),
        relay: relay.to_owned(),
        due_at: None,
        held_for: Default::default(),
        since: mrp_proto::time::Timestamp::EPOCH,
        useless_at: None,
        perhaps_sent: false,
    }
}

/// Lanes to relays that have no limits.
fn lanes() -> Lanes {
    let mut lanes = Lanes::new();
    for relay in ["r", "up", "down", "silent"] {
        let any = pending(0, "", relay);
        lanes.hear(&any, Heard::Silence(Limit::Unlimited), Instant::now());
    }
    lanes
}

fn positions(lanes: &mut Lanes, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| lanes.next(now))
        .map(|pending| pending.position)
        .collect()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn one_message_a_recipient_is_under_way_and_recipients_do_not_wait_for_each_other() {
    let now = Instant::now();
    let mut lanes = lanes();
    for (position, to) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
        lanes.add(pending(position, to, "r"));
    }
    assert_eq!(positions(&mut lanes, now), [1, 3]);
    lanes.finish(&pending(1, "a", "r"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [2]);
    lanes.finish(&pending(3, "b", "r"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [0; 0]);
    lanes.finish(&pending(2, "a", "r"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [4]);
}

#[test]
fn a_message_that_is_tried_again_keeps_its_place() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "r"));
    lanes.add(pending(2, "a", "r"));
    lanes.add(pending(3, "b", "r"));
    assert_eq!(positions(&mut lanes, now), [1, 3]);
    let retry = Outcome::RetryMessage { after: None };
    let delay = lanes.finish(&pending(1, "a", "r"), retry, now, 0).unwrap();
    assert_eq!(delay, Duration::from_secs(1));
    assert_eq!(positions(&mut lanes, now), [0; 0]);
    assert_eq!(lanes.wake_at(), Some(now + delay));
    assert_eq!(positions(&mut lanes, now + delay), [1]);
}

#[test]
fn a_relay_that_cannot_be_reached_stops_its_lanes_alone() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "down"));
    assert_eq!(positions(&mut lanes, now), [1]);
    lanes.add(pending(2, "b", "down"));
    lanes.add(pending(3, "c", "up"));
    let retry = Outcome::RetryRelay { after: Some(LONG) };
    let delay = lanes
        .finish(&pending(1, "a", "down"), retry, now, 0)
        .unwrap();
    assert_eq!(delay, LONG);
    assert_eq!(positions(&mut lanes, now), [3]);
    assert_eq!(positions(&mut lanes, now + LONG), [1]);
    lanes.finish(&pending(1, "a", "down"), Outcome::Done, now + LONG, 0);
    assert_eq!(positions(&mut lanes, now + LONG), [2]);
}

#[test]
fn a_recipient_can_be_reached_by_the_other_relay_meanwhile() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "down"));
    lanes.add(pending(2, "a", "up"));
    lanes.add(pending(3, "a", "up"));
    assert_eq!(positions(&mut lanes, now), [1, 2]);
    lanes.finish(&pending(2, "a", "up"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [3]);
}

#[test]
fn a_relay_that_does_not_answer_takes_no_place_from_another() {
    let now = Instant::now();
    let mut lanes = lanes();
    let several = u64::try_from(PARALLEL).unwrap() + 8;
    for position in 1..=several {
        lanes.add(pending(position, &position.to_string(), "silent"));
    }
    assert_eq!(positions(&mut lanes, now).len(), PARALLEL);
    lanes.add(pending(100, "z", "up"));
    assert_eq!(positions(&mut lanes, now), [100]);
    lanes.finish(&pending(1, "1", "silent"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [several - 7]);
}

#[test]
fn a_failing_relay_is_tried_once_at_a_time_and_by_each_lane_in_turn() {
    let mut now = Instant::now();
    let mut lanes = lanes();
    for position in 1..=4 {
        lanes.add(pending(position, &position.to_string(), "r"));
    }
    let retry = Outcome::RetryRelay { after: Some(LONG) };
    for position in positions(&mut lanes, now) {
        lanes.finish(
            &pending(position, &position.to_string(), "r"),
            retry,
            now,
            0,
        );
    }
    let mut tried = Vec::new();
    for _ in 0..8 {
        now += LONG;
        let probes = positions(&mut lanes, now);
        assert_eq!(probes.len(), 1, "{probes:?}");
        let probe = pending(probes[0], &probes[0].to_string(), "r");
        lanes.finish(&probe, retry, now, 0);
        tried.push(probes[0]);
    }
    assert_eq!(tried, [1, 2, 3, 4, 1, 2, 3, 4]);
    // The first that gets through lets all of them go on.
    now += LONG;
    assert_eq!(positions(&mut lanes, now), [1]);
    lanes.finish(&pending(1, "1", "r"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [2, 3, 4]);
}

#[test]
fn attempts_that_fail_side_by_side_are_one_failure_of_the_relay() {
    let now = Instant::now();
    let mut lanes = lanes();
    for position in 1..=8 {
        lanes.add(pending(position, &position.to_string(), "r"));
    }
    assert_eq!(positions(&mut lanes, now).len(), 8);
    let retry = Outcome::RetryRelay { after: None };
    for position in 1..=8 {
        let one = pending(position, &position.to_string(), "r");
        let delay = lanes.finish(&one, retry, now, u64::MAX).unwrap();
        assert_eq!(delay, Duration::from_secs(2));
    }
}

#[test]
fn a_relay_that_comes_back_is_used_at_once() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "r"));
    lanes.add(pending(2, "b", "other"));
    assert_eq!(positions(&mut lanes, now), [1, 2]);
    let retry = Outcome::RetryRelay { after: Some(LONG) };
    lanes.finish(&pending(1, "a", "r"), retry, now, 0);
    lanes.finish(&pending(2, "b", "other"), retry, now, 0);
    lanes.line_up("me", "r");
    assert_eq!(positions(&mut lanes, now), [1]);
    lanes.finish(&pending(1, "a", "r"), Outcome::Done, now, 0);
    assert_eq!(lanes.wake_at(), Some(now + LONG));
}

#[test]
fn nothing_is_kept_of_a_lane_that_is_empty() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "r"));
    assert_eq!(positions(&mut lanes, now), [1]);
    assert_eq!(
        lanes.finish(&pending(1, "a", "r"), Outcome::Done, now, 0),
        None
    );
    assert!(lanes.lanes.is_empty());
    lanes.add(pending(2, "a", "r"));
    assert_eq!(positions(&mut lanes, now), [2]);
}

#[test]
fn where_the_budget_is_used_up_one_lane_waits_and_the_others_behind_it() {
    let now = Instant::now();
    let mut lanes = Lanes::new();
    for position in 1..=5 {
        lanes.add(pending(position, &position.to_string(), "new"));
    }
    let of = |position: u64| pending(position, &position.to_string(), "new");
    // Nothing is known of the relay: one asks.
    assert_eq!(positions(&mut lanes, now), [1]);
    let told = Told {
        limit: 3,
        remaining: 2,
        reset_in: Duration::from_secs(30),
    };
    lanes.hear(&of(1), Heard::Told(told), now);
    lanes.finish(&of(1), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [2, 3]);
    for position in [2, 3] {
        lanes.finish(&of(position), Outcome::Done, now, 0);
    }
    assert_eq!(positions(&mut lanes, now), [0; 0]);
    assert_eq!(lanes.waiting.len(), 1);
    let wake = lanes.wake_at().unwrap();
    assert!(wake >= now + Duration::from_secs(30));
    // The one that waits is taken out: another one waits in its place.
    let waits = [of(4), of(5)].into_iter().find(|one| {
        let key = lane_key(one);
        lanes.waiting.iter().any(|(_, waiting)| *waiting == key)
    });
    assert_eq!(lanes.remove(&waits.unwrap()), Removed::Out);
    assert_eq!(positions(&mut lanes, now), [0; 0]);
    assert_eq!(positions(&mut lanes, now + LONG).len(), 1);
}

#[test]
fn what_is_taken_out_is_not_sent_and_holds_up_nothing() {
    let now = Instant::now();
    let mut lanes = lanes();
    for position in 1..=3 {
        lanes.add(pending(position, "a", "r"));
    }
    assert_eq!(positions(&mut lanes, now), [1]);
    assert_eq!(lanes.remove(&pending(1, "a", "r")), Removed::UnderWay);
    assert_eq!(lanes.remove(&pending(2, "a", "r")), Removed::Out);
    assert_eq!(lanes.remove(&pending(2, "a", "r")), Removed::Absent);
    let retry = Outcome::RetryMessage { after: Some(LONG) };
    lanes.finish(&pending(1, "a", "r"), retry, now, 0);
    assert_eq!(lanes.remove(&pending(1, "a", "r")), Removed::Out);
    assert_eq!(positions(&mut lanes, now), [3]);
}

#[test]
fn a_lane_that_is_emptied_and_filled_again_has_one_message_under_way() {
    let now = Instant::now();
    let mut lanes = lanes();
    lanes.add(pending(1, "a", "r"));
    assert_eq!(lanes.remove(&pending(1, "a", "r")), Removed::Out);
    lanes.add(pending(2, "a", "r"));
    lanes.add(pending(3, "a", "r"));
    assert_eq!(positions(&mut lanes, now), [2]);
    lanes.finish(&pending(2, "a", "r"), Outcome::Done, now, 0);
    assert_eq!(positions(&mut lanes, now), [3]);
}

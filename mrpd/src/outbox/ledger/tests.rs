use super::*;

const HOUR: i64 = 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(seconds * 1000)
}

/// Both clocks, as long as nobody sets one.
fn now(seconds: i64) -> Clocks {
    set(seconds, 0)
}

/// Both clocks, where the wall clock was set by so many seconds.
fn set(seconds: i64, by: i64) -> Clocks {
    Clocks {
        wall: at(seconds + by),
        steady: at(seconds),
    }
}

fn pending(position: u64, due_at: Option<i64>, useless_at: Option<i64>) -> Pending {
    Pending {
        position,
        from: "me".to_owned(),
        to: "a".to_owned(),
        relay: "r".to_owned(),
        due_at: due_at.map(at),
        held_for: HeldFor::Time,
        since: due_at.map_or(Timestamp::EPOCH, at),
        useless_at: useless_at.map(at),
        perhaps_sent: false,
    }
}

fn delayed(position: u64, due_at: i64, useless_at: Option<i64>) -> Pending {
    Pending {
        held_for: HeldFor::Span,
        ..pending(position, Some(due_at), useless_at)
    }
}

fn sent(due: &[Due]) -> Vec<u64> {
    let position = |due: &Due| match due {
        Due::Send(pending) => Some(pending.position),
        Due::Useless(_) => None,
    };
    due.iter().filter_map(position).collect()
}

fn useless(due: &[Due]) -> Vec<u64> {
    let position = |due: &Due| match due {
        Due::Useless(pending) => Some(pending.position),
        Due::Send(_) => None,
    };
    due.iter().filter_map(position).collect()
}

fn held(ledger: &Ledger) -> usize {
    let held = |entry: &&Entry| entry.standing == Standing::Held;
    ledger.entries.values().filter(held).count()
}

fn rest(ledger: &Ledger, now: Clocks) -> Option<u64> {
    ledger.rest(now).map(|rest| rest.as_secs())
}

#[test]
fn what_is_held_waits_for_its_time_and_keeps_nobody_back() {
    let mut ledger = Ledger::default();
    ledger.add(pending(1, Some(200), None), now(90));
    ledger.add(pending(2, None, None), now(90));
    ledger.add(pending(3, Some(150), None), now(90));
    assert_eq!(sent(&ledger.due(now(100))), [2]);
    assert_eq!((rest(&ledger, now(100)), held(&ledger)), (Some(50), 2));
    assert_eq!(sent(&ledger.due(now(149))), [0; 0]);
    // Both are due, in the order of their times.
    assert_eq!(sent(&ledger.due(now(5000))), [3, 1]);
    assert_eq!(sent(&ledger.due(now(10))), [0; 0]);
    assert_eq!(rest(&ledger, now(10)), None);
}

#[test]
fn a_new_start_finds_what_is_due_in_the_order_it_had() {
    let mut ledger = Ledger::default();
    let since = |position, seconds| Pending {
        since: at(seconds),
        ..pending(position, None, None)
    };
    ledger.add(pending(1, Some(50), None), now(100));
    ledger.add(since(2, 20), now(100));
    ledger.add(since(3, 60), now(100));
    // The clock was set back.
    ledger.add(since(4, 40), now(100));
    assert_eq!(sent(&ledger.due(now(100))), [2, 1, 3, 4]);
}

#[test]
fn what_is_of_no_use_any_more_is_given_up_held_or_not() {
    let mut ledger = Ledger::default();
    ledger.add(pending(1, None, Some(120)), now(90));
    ledger.add(pending(2, Some(300), Some(310)), now(90));
    ledger.add(delayed(3, 300, Some(310)), now(90));
    assert_eq!(sent(&ledger.due(now(100))), [1]);
    assert_eq!(rest(&ledger, now(100)), Some(20));
    assert_eq!(useless(&ledger.due(now(120))), [1]);
    assert_eq!(useless(&ledger.due(now(400))), [2, 3]);
    assert!(ledger.is_useless(2, now(400)));
}

#[test]
fn what_is_struck_out_is_never_due_and_what_is_released_is_at_once() {
    let mut ledger = Ledger::default();
    ledger.add(pending(1, Some(200), Some(400)), now(90));
    ledger.add(delayed(2, 200, Some(400)), now(90));
    ledger.add(pending(3, Some(200), None), now(90));
    ledger.add(delayed(4, 200, None), now(90));
    ledger.remove(1);
    ledger.remove(2);
    ledger.release(3);
    ledger.release(4);
    assert_eq!(sent(&ledger.due(now(100))), [3, 4]);
    ledger.remove(3);
    ledger.remove(4);
    assert_eq!((rest(&ledger, now(100)), held(&ledger)), (None, 0));
    assert!(ledger.agenda.is_empty() && ledger.named.is_empty());
}

#[test]
fn a_clock_that_is_set_moves_a_time_that_was_named() {
    let mut ledger = Ledger::default();
    ledger.add(pending(1, Some(2000), Some(2060)), now(200));
    let set_forward = |seconds| set(seconds, HOUR);
    assert_eq!(sent(&ledger.due(set_forward(201))), [1]);
    // It is of use for as long as was said.
    assert_eq!(rest(&ledger, set_forward(201)), Some(60));
    assert_eq!(useless(&ledger.due(set_forward(260))), [0; 0]);
    assert_eq!(useless(&ledger.due(set_forward(261))), [1]);

    ledger.add(pending(2, Some(5000), Some(5060)), now(4900));
    let set_back = |seconds| set(seconds, -HOUR);
    assert_eq!(ledger.due(set_back(5100)), []);
    assert_eq!(sent(&ledger.due(set_back(5000 + HOUR))), [2]);
    assert_eq!(useless(&ledger.due(set_back(5060 + HOUR))), [2]);
}

#[test]
fn a_clock_that_is_set_makes_no_span_longer_or_shorter() {
    for by in [HOUR, -HOUR] {
        let mut ledger = Ledger::default();
        ledger.add(delayed(1, 10_100, Some(10_160)), now(10_000));
        ledger.add(pending(2, None, Some(10_200)), now(10_000));
        assert_eq!(sent(&ledger.due(set(10_099, by))), [2]);
        assert_eq!(sent(&ledger.due(set(10_100, by))), [1]);
        assert_eq!(ledger.due(set(10_159, by)), []);
        assert_eq!(useless(&ledger.due(set(10_160, by))), [1]);
        assert_eq!(useless(&ledger.due(set(10_200, by))), [2]);
    }
}

#[test]
fn time_that_passes_while_the_machine_sleeps_counts() {
    let mut ledger = Ledger::default();
    ledger.add(pending(1, Some(200), Some(260)), now(100));
    ledger.add(pending(2, Some(200), Some(360)), now(100));
    let due = ledger.due(now(300));
    assert_eq!((useless(&due), sent(&due)), (vec![1], vec![2]));
    assert_eq!(rest(&ledger, now(300)), Some(60));
}

#[test]
fn age_is_what_has_passed_and_not_what_a_clock_says() {
    let week = Duration::from_secs(7 * 24 * 3600);
    let mut ledger = Ledger::default();
    let mut old = pending(1, None, None);
    old.since = at(1000);
    ledger.add(old, now(5000));
    ledger.due(now(5000));
    // Right after a start nothing is given up for its age.
    assert_eq!(ledger.tried_since(1, week, set(5060, 50 * HOUR)), None);
    assert_eq!(ledger.tried_since(1, week, now(5300)), Some(at(1000)));
    let second = Duration::from_secs(1);
    assert_eq!(ledger.tried_since(1, second, now(5001)), Some(at(1000)));
}

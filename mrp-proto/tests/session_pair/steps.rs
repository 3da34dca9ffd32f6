//! What can happen, and in what proportions.

use proptest::prelude::*;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Connect,
    Cut,
    /// The relay's shell has verified the claim.
    Authenticate,
    /// The relay takes a message for the agent from elsewhere; the hint may be lost.
    Receive {
        sender: usize,
        size: usize,
        hint: Hint,
    },
    /// The relay's shell answers a fetch.
    Fetch,
    /// The relay's socket takes bytes.
    Write(usize),
    AgentReads,
    RelayReads,
    /// One of the stores that were asked for is done, or has failed.
    Store(usize),
    FailToStore(usize),
    /// A message enters the agent's outbox.
    Compose,
    /// The agent's shell sends what waits in the outbox.
    Send,
    /// The relay has taken a send durably.
    Accept,
    Probe,
    ShutDownRelay,
    Wait(u64),
    Meddle(Direction, Meddling),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    Given,
    Lost,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction {
    ToAgent,
    ToRelay,
}

/// What no stream does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meddling {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
}

/// What happens on a link that is a stream.
pub(crate) fn honest() -> impl Strategy<Value = Step> {
    let hint = prop_oneof![4 => Just(Hint::Given), 1 => Just(Hint::Lost)];
    let receive = (
        0..3_usize,
        prop_oneof![4 => 0..700_usize, 1 => 700..4000_usize],
        hint,
    )
        .prop_map(|(sender, size, hint)| Step::Receive { sender, size, hint });
    prop_oneof![
        2 => Just(Step::Connect),
        1 => Just(Step::Cut),
        3 => Just(Step::Authenticate),
        8 => receive,
        8 => Just(Step::Fetch),
        10 => (1..3000_usize).prop_map(Step::Write),
        14 => Just(Step::AgentReads),
        14 => Just(Step::RelayReads),
        10 => (0..8_usize).prop_map(Step::Store),
        1 => (0..8_usize).prop_map(Step::FailToStore),
        3 => Just(Step::Compose),
        4 => Just(Step::Send),
        5 => Just(Step::Accept),
        1 => Just(Step::Probe),
        1 => Just(Step::ShutDownRelay),
        3 => prop_oneof![3 => 0..500_u64, 1 => 500..90_000_u64].prop_map(Step::Wait),
    ]
}

pub(crate) fn hostile() -> impl Strategy<Value = Step> {
    let direction = prop_oneof![Just(Direction::ToAgent), Just(Direction::ToRelay)];
    let meddling = prop_oneof![
        (0..8_usize).prop_map(Meddling::Drop),
        (0..8_usize).prop_map(Meddling::Double),
        (0..8_usize, 0..8_usize).prop_map(|(one, other)| Meddling::Swap(one, other)),
    ];
    let meddle =
        (direction, meddling).prop_map(|(direction, meddling)| Step::Meddle(direction, meddling));
    prop_oneof![4 => honest(), 1 => meddle]
}

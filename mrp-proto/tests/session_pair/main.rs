//! The two session machines against each other, in one process and under invented time.
//!
//! The shells around them are models: an inbox, a store, an outbox, and a link that can be cut at any point. A WebSocket is a
//! stream, so frames are lost only together with the connection; a second property lets the link lose, double and reorder single
//! frames all the same, since what must never happen must not happen there either.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

mod link;
mod shell;
mod steps;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use steps::{Hint, Step, honest, hostile};
use world::{Order, World};

/// The same steps in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_arrives_in_order_over_a_link_that_breaks(steps in vec(honest(), 0..400)) {
        let mut world = World::new(Order::Kept);
        world.step(&Step::Connect);
        world.run(&steps);
        world.recover();
    }

    #[test]
    fn nothing_is_lost_over_a_link_that_no_stream_is(steps in vec(hostile(), 0..400)) {
        let mut world = World::new(Order::Any);
        world.step(&Step::Connect);
        world.run(&steps);
        world.recover();
    }
}

/// A session with all that belongs to one, small enough to be cut everywhere.
fn ordinary_session() -> Vec<Step> {
    let receive = |sender, size| Step::Receive {
        sender,
        size,
        hint: Hint::Given,
    };
    let mut steps = vec![receive(0, 100), receive(1, 1500), receive(0, 3500)];
    steps.extend([Step::Connect, Step::RelayReads, Step::Authenticate]);
    for round in 0..12 {
        steps.extend([Step::Fetch, Step::Write(900), Step::AgentReads]);
        if round % 3 == 0 {
            steps.extend([receive(round % 2, 200), Step::Compose, Step::Send]);
        }
        steps.extend([
            Step::Store(0),
            Step::RelayReads,
            Step::Accept,
            Step::Wait(3000),
        ]);
    }
    steps
}

#[test]
fn a_connection_may_be_lost_between_any_two_steps() {
    let steps = ordinary_session();
    for cut in 0..=steps.len() {
        let mut world = World::new(Order::Kept);
        world.run(&steps[..cut]);
        world.step(&Step::Cut);
        world.run(&steps[cut..]);
        world.recover();
    }
}

#[test]
fn an_undisturbed_session_needs_only_one_connection() {
    let mut world = World::new(Order::Kept);
    world.run(&ordinary_session());
    world.recover();
    assert_eq!(world.links, 1);
}

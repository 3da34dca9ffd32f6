//! Random operations on the store and on a small model of what it should do, side by side. The model knows nothing of sweeps:
//! they must not be seen.

#[cfg(test)]
mod world;

use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::message::Status;
use mrp_proto::time::Timestamp;
use proptest::prelude::*;
use std::time::Duration;
use world::World;

const AGENTS: u8 = 4;
const DAY: u64 = 24 * 3_600;

/// Something that is done to both.
#[derive(Debug, Clone)]
enum Operation {
    Send {
        sender: u8,
        recipient: u8,
        body: u8,
        lifetime: u64,
        thread: Option<u8>,
        key: Option<u8>,
        signature: Reuse,
    },
    Poll {
        recipient: u8,
        status: Status,
        limit: usize,
        sender: Option<u8>,
        thread: Option<u8>,
        mark: Option<Reuse>,
    },
    NextAfter {
        recipient: u8,
        after: u64,
        messages: usize,
    },
    Acknowledge {
        recipient: u8,
        message: usize,
        signature: Option<Reuse>,
    },
    Look {
        caller: u8,
        message: usize,
    },
    Thread {
        caller: u8,
        thread: u8,
        after: u64,
        limit: usize,
    },
    Delete {
        agent: u8,
    },
    Sweep {
        budget: usize,
    },
    Forward {
        seconds: u64,
    },
    SetBack {
        seconds: u64,
    },
}

/// Which signature an operation carries.
#[derive(Debug, Clone, Copy)]
enum Reuse {
    New,
    Earlier(usize),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let agent = || 0..AGENTS;
    let signature = || {
        prop_oneof![
            4 => Just(Reuse::New),
            1 => (0..1_000_usize).prop_map(Reuse::Earlier),
        ]
    };
    let lifetime = prop_oneof![Just(10), Just(1_000), Just(2 * DAY)];
    let status = prop_oneof![
        3 => Just(Status::Sent),
        1 => Just(Status::Delivered),
        1 => Just(Status::Expired),
    ];
    let send = (
        (agent(), agent(), 0..3_u8, lifetime),
        (proptest::option::of(0..2_u8), proptest::option::of(0..2_u8)),
        signature(),
    )
        .prop_map(
            |((sender, recipient, body, lifetime), (thread, key), signature)| Operation::Send {
                sender,
                recipient,
                body,
                lifetime,
                thread,
                key,
                signature,
            },
        );
    let poll = (
        (agent(), status, 1..5_usize),
        proptest::option::of(agent()),
        proptest::option::of(0..2_u8),
        proptest::option::of(signature()),
    )
        .prop_map(
            |((recipient, status, limit), sender, thread, mark)| Operation::Poll {
                recipient,
                status,
                limit,
                sender,
                thread,
                mark,
            },
        );
    let next_after = (agent(), 0..40_u64, 1..6_usize).prop_map(|(recipient, after, messages)| {
        Operation::NextAfter {
            recipient,
            after,
            messages,
        }
    });
    let acknowledge = (agent(), 0..40_usize, proptest::option::of(signature())).prop_map(
        |(recipient, message, signature)| Operation::Acknowledge {
            recipient,
            message,
            signature,
        },
    );
    let look =
        (agent(), 0..40_usize).prop_map(|(caller, message)| Operation::Look { caller, message });
    let thread =
        (agent(), 0..2_u8, 0..40_u64, 1..5_usize).prop_map(|(caller, thread, after, limit)| {
            Operation::Thread {
                caller,
                thread,
                after,
                limit,
            }
        });
    let forward = prop_oneof![Just(1), Just(60), Just(700), Just(DAY / 2)]
        .prop_map(|seconds| Operation::Forward { seconds });
    let operation = prop_oneof![
        10 => send,
        5 => poll,
        3 => next_after,
        4 => acknowledge,
        3 => look,
        3 => thread,
        1 => agent().prop_map(|agent| Operation::Delete { agent }),
        3 => (1..8_usize).prop_map(|budget| Operation::Sweep { budget }),
        3 => forward,
        1 => (1..400_u64).prop_map(|seconds| Operation::SetBack { seconds }),
    ];
    proptest::collection::vec(operation, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_says(operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for operation in operations {
                world.carry_out(operation).await;
            }
            world.close().await;
        });
    }
}

fn agent(number: u8) -> PublicKey {
    SecretKey::from_seed(&[number + 1; 32]).public()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_772_611_200_000).after(Duration::from_secs(seconds))
}

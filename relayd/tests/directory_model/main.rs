//! Random profiles, changes, deletions and activity on the store, and every kind of search held against a list that is gone through
//! from end to end.

#[cfg(test)]
mod world;

use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::time::Timestamp;
use proptest::prelude::*;
use std::time::Duration;
use world::World;

const AGENTS: u8 = 12;

/// Few enough to be met often, and some that begin, sound or look alike.
const TAGS: [&str; 8] = [
    "text:translate",
    "text:sum",
    "text",
    "tex-lex",
    "te.x",
    "Text:Sum",
    "übung:eins",
    "image:make",
];
const NAMES: [&str; 7] = [
    "Ada",
    "ada lovelace",
    "LOVELY dada",
    "Ünsal Übel",
    "a",
    "東京bot",
    "",
];
const DESCRIPTIONS: [&str; 4] = [
    "Translates a text",
    "sums, quickly: a TEXT",
    "übung macht den Meister",
    "東京の翻訳",
];

/// A profile, by indices into what there is.
#[derive(Debug, Clone)]
struct Shape {
    name: Option<usize>,
    /// Name, description, tags.
    capabilities: Vec<(usize, usize, Vec<usize>)>,
    public: bool,
    suspended: bool,
}

/// Something that is done to both.
#[derive(Debug, Clone)]
enum Operation {
    Import {
        agent: u8,
        shape: Shape,
    },
    Patch {
        agent: u8,
        shape: Shape,
        only_name: bool,
    },
    Delete {
        agent: u8,
    },
    Active {
        agent: u8,
    },
    Forward {
        seconds: u64,
    },
}

/// What is searched for, by indices and parts of what there is.
#[derive(Debug, Clone)]
struct Question {
    tags: Vec<usize>,
    capabilities: Vec<usize>,
    prefix: Option<(usize, usize)>,
    words: Vec<usize>,
    name: Option<(usize, usize, usize)>,
    since: Option<u64>,
    limit: usize,
    /// Rows, agents, bytes.
    effort: (usize, usize, usize),
}

const WORDS: [&str; 8] = [
    "text",
    "TRANSLATE",
    "sum",
    "übung",
    "東京",
    "a",
    "bot",
    "nobody",
];

fn shape() -> impl Strategy<Value = Shape> {
    let tags = || proptest::collection::vec(0..TAGS.len(), 0..3);
    let capability = (0..TAGS.len(), 0..DESCRIPTIONS.len(), tags());
    (
        proptest::option::of(0..NAMES.len()),
        proptest::collection::vec(capability, 0..3),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(name, capabilities, public, suspended)| Shape {
            name,
            capabilities,
            public,
            suspended,
        })
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let agent = || 0..AGENTS;
    let operation = prop_oneof![
        4 => (agent(), shape()).prop_map(|(agent, shape)| Operation::Import { agent, shape }),
        4 => (agent(), shape(), any::<bool>())
            .prop_map(|(agent, shape, only_name)| Operation::Patch { agent, shape, only_name }),
        1 => agent().prop_map(|agent| Operation::Delete { agent }),
        4 => agent().prop_map(|agent| Operation::Active { agent }),
        3 => prop_oneof![Just(1), Just(61), Just(600)]
            .prop_map(|seconds| Operation::Forward { seconds }),
    ];
    proptest::collection::vec(operation, 1..60)
}

fn question() -> impl Strategy<Value = Question> {
    let tags = || proptest::collection::vec(0..TAGS.len(), 0..2);
    let effort = prop_oneof![
        2 => Just((10_000, 10_000, 1 << 20)),
        1 => Just((0, 10_000, 1 << 20)),
        1 => (0..9_usize, 0..4_usize, 0..500_usize),
    ];
    (
        (tags(), tags()),
        proptest::option::weighted(0.3, (0..TAGS.len(), 1..8_usize)),
        proptest::collection::vec(0..WORDS.len(), 0..2),
        proptest::option::weighted(0.3, (0..NAMES.len(), 0..4_usize, 1..6_usize)),
        proptest::option::weighted(0.2, 0..2_000_u64),
        1..6_usize,
        effort,
    )
        .prop_map(
            |((tags, capabilities), prefix, words, name, since, limit, effort)| Question {
                tags,
                capabilities,
                prefix,
                words,
                name,
                since,
                limit,
                effort,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_directory_finds_what_going_through_everyone_finds(
        operations in operations(),
        questions in proptest::collection::vec(question(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for operation in operations {
                world.carry_out(operation).await;
            }
            world.compare_counts().await;
            for question in &questions {
                world.compare(question).await;
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

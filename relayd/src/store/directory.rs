//! The directory: public agents, by what they can do and how they call themselves, most recently active first (protocol A3.4, A3.5).
//!
//! Every listed agent has a small number. What agents are found by ([`terms`]) has its agents' numbers on disk, as sets of bits
//! ([`posting`]), so that filters are combined a word at a time; they are changed in the transaction that changes the profile
//! ([`index`]). When agents were last active is in memory by number ([`recency`]), loaded at the start: it moves with every agent
//! every minute, and no term is touched for it. A search ([`search`]) takes the latest of a set from there.
//!
//! What cannot be answered from the sets alone is looked up agent by agent, within an [`Effort`]: a page then ends early and its
//! cursor goes on behind it.

mod index;
mod load;
mod posting;
mod recency;
mod search;
mod terms;

pub(super) use index::{Directory, Moves};
pub(super) use load::load;
pub use recency::Place;
pub(super) use recency::Recency;
pub use terms::words;

use super::engine::View;
use super::failure::Failure;
use super::record::AgentKey;
use super::tables::{EachTable, KeyBytes};
use super::{Store, StoreError};
use mrp_proto::agent::Capability;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::{ReadableTable as _, TableDefinition};
use std::time::Duration;

/// How long a search waits for the directory to be loaded.
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers of listed agents.
const NUMBERS: TableDefinition<'static, KeyBytes, u32> = TableDefinition::new("directory_numbers");
/// Listed agents by number: key, and display name in lower case.
const LISTED: TableDefinition<'static, u32, &'static [u8]> =
    TableDefinition::new("directory_listed");
/// Numbers that are free again.
const FREE: TableDefinition<'static, u32, ()> = TableDefinition::new("directory_free");
/// Who is found by a term: `(term, chunk of numbers)`, as [`posting`] writes it.
const POSTINGS: TableDefinition<'static, (&'static [u8], u32), &'static [u8]> =
    TableDefinition::new("directory_postings");
/// How many listed agents have a tag.
const TAG_COUNTS: TableDefinition<'static, &'static str, u64> =
    TableDefinition::new("directory_tag_counts");
/// Tags, most used first: `(complement of the count, tag)`.
const TAG_ORDER: TableDefinition<'static, (u64, &'static str), ()> =
    TableDefinition::new("directory_tag_order");

/// Goes through all of them.
pub(super) fn for_each_table(each: &mut impl EachTable) -> Result<(), Failure> {
    each.table(NUMBERS)?;
    each.table(LISTED)?;
    each.table(FREE)?;
    each.table(POSTINGS)?;
    each.table(TAG_COUNTS)?;
    each.table(TAG_ORDER)
}

/// What of a profile the directory shows and is searched by.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    pub(super) display_name: Option<String>,
    pub(super) capabilities: Vec<Capability>,
}

/// Whom to find: all filters hold at once, and absent ones do not count.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Each is a tag of a capability.
    pub tags: Vec<String>,
    /// Each is a capability's name or tag.
    pub capabilities: Vec<String>,
    /// A capability's name or tag begins with it.
    pub capability_prefix: Option<String>,
    /// Each occurs in capabilities' names, descriptions or tags or in the display name; as [`words`] makes them.
    pub words: Vec<String>,
    /// The display name has it somewhere, whatever its case.
    pub name: Option<String>,
    /// Active at this time or later.
    pub active_since: Option<Timestamp>,
    /// Behind this place.
    pub after: Option<Place>,
    /// Agents, at most.
    pub limit: usize,
    /// What it may cost.
    pub effort: Effort,
}

/// What a search may cost; where that does not do, its page ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Rows of the index that are read for beginnings of terms. Where a third of them does not do, some agents are looked at; where all do
    /// not, agents are looked at one by one.
    pub rows: usize,
    /// Agents that are looked at.
    pub agents: usize,
    /// Bytes of profiles that are read, and one profile more.
    pub bytes: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            rows: 12_288,
            agents: 2_000,
            bytes: 1 << 20,
        }
    }
}

/// An agent as the directory shows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its address.
    pub key: PublicKey,
    /// What it calls itself.
    pub display_name: Option<String>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// When it was last active.
    pub last_active: Timestamp,
}

/// What a search came to.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The agents, most recently active first.
    pub agents: Vec<Listed>,
    /// Where to go on; `None` at the end.
    pub next: Option<Place>,
}

/// A tag, and how many listed agents have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Agents.
    pub agents: u64,
}

impl Store {
    /// Finds public agents, most recently active first.
    ///
    /// A place does not move: agents that come, go or become active do not change what is behind it, except that an agent which
    /// becomes active is in front from then on.
    ///
    /// # Errors
    /// [`StoreError`]; `Overloaded` also while the directory is being loaded for longer than a request can wait.
    pub async fn discover(&self, search: Search) -> Result<Found, StoreError> {
        let loaded = self.shared().recency.loaded();
        if tokio::time::timeout(PATIENCE, loaded).await.is_err() {
            return Err(StoreError::Overloaded);
        }
        self.read(move |view| search::find(view, &search)).await
    }

    /// The tags that most public agents have, ties by name; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn popular_tags(&self, limit: usize) -> Result<Vec<TagCount>, StoreError> {
        self.read(move |view| popular_tags(view, limit)).await
    }
}

fn popular_tags(view: &View<'_>, limit: usize) -> Result<Vec<TagCount>, Failure> {
    let order = view.transaction.open_table(TAG_ORDER)?;
    let mut tags = Vec::new();
    for entry in order.iter()?.take(limit) {
        let (key, _) = entry?;
        let (complement, tag) = key.value();
        tags.push(TagCount {
            tag: tag.to_owned(),
            agents: !complement,
        });
    }
    Ok(tags)
}

/// The row of a listed agent.
fn listed_row(agent: &AgentKey, listing: &Listing) -> Vec<u8> {
    let mut row = agent.to_vec();
    if let Some(name) = &listing.display_name {
        row.extend(terms::fold(name).bytes());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::queue::Admission;
    use super::super::tables::{AGENTS, LAYOUT, META, WRITTEN, meta};
    use super::super::{NewAgents, OpenError, Options, Scheme};
    use super::*;
    use mrp_proto::agent::{AgentInfo, AgentStatus, Visibility};
    use std::path::Path;

    fn info(number: u8, name: &str, tags: &[&str]) -> AgentInfo {
        let capabilities = tags.iter().map(|tag| Capability::from_plain(tag));
        AgentInfo {
            public_key: agent(number),
            display_name: Some(name.to_owned()),
            status: AgentStatus::Active,
            visibility: Visibility::Public,
            inbox_policy: mrp_proto::acl::InboxPolicy::default(),
            metadata: mrp_proto::message::Metadata::new(),
            capabilities: capabilities.collect(),
            created_at: at(0),
            last_active_at: at(u64::from(number)),
            require_bound_auth: false,
        }
    }

    async fn import(store: &Store, agents: impl IntoIterator<Item = AgentInfo>) {
        let agents = agents.into_iter().collect();
        store.import_agents(agents).await.unwrap();
    }

    async fn keys(store: &Store, search: Search) -> Vec<PublicKey> {
        let search = Search {
            limit: 100,
            ..search
        };
        let found = store.discover(search).await.unwrap();
        assert_eq!(found.next, None);
        found.agents.iter().map(|agent| agent.key).collect()
    }

    fn tagged(tag: &str) -> Search {
        Search {
            tags: vec![tag.to_owned()],
            ..Search::default()
        }
    }

    fn open(path: &Path) -> Result<Store, OpenError> {
        Store::open(path, Options::default())
    }

    /// Takes out of a database what layout 1 did not have.
    fn make_layout_1(path: &Path) {
        let database = redb::Database::create(path).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.delete_table(NUMBERS).unwrap();
        transaction.delete_table(LISTED).unwrap();
        transaction.delete_table(FREE).unwrap();
        transaction.delete_table(POSTINGS).unwrap();
        transaction.delete_table(TAG_COUNTS).unwrap();
        transaction.delete_table(TAG_ORDER).unwrap();
        transaction.delete_table(WRITTEN).unwrap();
        let mut table = transaction.open_table(META).unwrap();
        assert_eq!(
            table.insert(meta::LAYOUT, 1).unwrap().unwrap().value(),
            LAYOUT
        );
        drop(table);
        transaction.commit().unwrap();
    }

    #[tokio::test]
    async fn a_database_of_layout_1_gets_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.redb");
        let store = open(&path).unwrap();
        let private = AgentInfo {
            visibility: Visibility::Private,
            ..info(3, "private", &["abc"])
        };
        import(
            &store,
            [
                info(1, "one", &["abc"]),
                info(2, "two", &["abc", "def"]),
                private,
            ],
        )
        .await;
        store.close().await;
        make_layout_1(&path);
        let store = open(&path).unwrap();
        assert_eq!(keys(&store, tagged("abc")).await, [agent(2), agent(1)]);
        assert_eq!(keys(&store, Search::default()).await, [agent(2), agent(1)]);
        let tags = store.popular_tags(10).await.unwrap();
        let tags: Vec<_> = tags.iter().map(|tag| (&*tag.tag, tag.agents)).collect();
        assert_eq!(tags, [("abc", 2), ("def", 1)]);
    }

    #[tokio::test]
    async fn the_directory_and_its_order_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.redb");
        let store = open(&path).unwrap();
        import(&store, (1..50).map(|number| info(number, "n", &["abc"]))).await;
        let moving = store.record_activity(
            agent(7),
            at(1_000),
            NewAgents::Refused,
            Scheme::Published,
            None,
        );
        moving.await.unwrap();
        let before = keys(&store, tagged("abc")).await;
        assert_eq!((before.len(), before[0]), (49, agent(7)));
        store.close().await;
        let store = open(&path).unwrap();
        assert_eq!(keys(&store, tagged("abc")).await, before);
        let moving = store.record_activity(
            agent(9),
            at(2_000),
            NewAgents::Refused,
            Scheme::Published,
            None,
        );
        moving.await.unwrap();
        assert_eq!(
            keys(&store, Search::default()).await[..2],
            [agent(9), agent(7)]
        );
    }

    #[tokio::test]
    async fn numbers_are_used_again_and_nobody_inherits() {
        let store = empty_store();
        import(
            &store,
            (1..4).map(|number| info(number, "old name", &["old"])),
        )
        .await;
        for number in 1..3 {
            let claim = claim(agent(number), at(0));
            store
                .delete_agent(agent(number), claim, at(0))
                .await
                .unwrap();
        }
        import(&store, (11..15).map(|number| info(number, "new", &["new"]))).await;
        assert_eq!(keys(&store, tagged("old")).await, [agent(3)]);
        let named = Search {
            name: Some("OLD".to_owned()),
            ..Search::default()
        };
        assert_eq!(keys(&store, named).await, [agent(3)]);
        assert_eq!(keys(&store, tagged("new")).await.len(), 4);
        let listed = store.read(|view| {
            let listed = view.transaction.open_table(LISTED)?;
            Ok(listed.last()?.map(|(number, _)| number.value()))
        });
        assert_eq!(
            listed.await.unwrap(),
            Some(4),
            "five agents, numbers from 0"
        );
    }

    #[tokio::test]
    async fn who_is_suspended_is_not_listed_until_that_ends() {
        let store = empty_store();
        import(&store, [info(1, "n", &["abc"])]).await;
        for (status, listed) in [
            (AgentStatus::Active, 1),
            (AgentStatus::Suspended, 0),
            (AgentStatus::Active, 1),
        ] {
            let setting = store.set_status(agent(1), status, at(1));
            assert!(setting.await.unwrap().is_some());
            assert_eq!(keys(&store, tagged("abc")).await.len(), listed);
            assert_eq!(store.popular_tags(9).await.unwrap().len(), listed);
        }
    }

    #[tokio::test]
    async fn a_damaged_record_takes_nobody_else_from_the_page() {
        let store = empty_store();
        import(&store, (1..4).map(|number| info(number, "n", &["abc"]))).await;
        let damaging = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            tables.agents.insert(agent(2).as_bytes(), [9].as_slice())?;
            Ok(())
        });
        damaging.await.unwrap();
        assert_eq!(keys(&store, tagged("abc")).await, [agent(3), agent(1)]);
        let left = store.read(|view| Ok(view.transaction.open_table(AGENTS)?.iter()?.count()));
        assert_eq!(left.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_page_that_costs_too_much_ends_early_and_goes_on() {
        let store = empty_store();
        let agents = (1..=60).map(|number| info(number, &format!("name{number}"), &[]));
        import(&store, agents).await;
        // Too many rows for the index: everyone is looked at.
        let mut search = Search {
            name: Some("me".to_owned()),
            limit: 10,
            effort: Effort {
                agents: 7,
                rows: 0,
                bytes: usize::MAX,
            },
            ..Search::default()
        };
        let (mut pages, mut found) = (0, Vec::new());
        loop {
            let page = store.discover(search.clone()).await.unwrap();
            assert!(page.agents.len() <= 7);
            found.extend(page.agents.into_iter().map(|agent| agent.key));
            pages += 1;
            search.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let all: Vec<_> = (1..=60).rev().map(agent).collect();
        assert_eq!((found, pages), (all, 9));
    }

    #[tokio::test]
    async fn filters_hold_all_at_once_however_far_apart_the_numbers_are() {
        let store = empty_store();
        let spreading = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            (1..=100).try_for_each(|number| tables.directory.offer(number * 2_000))?;
            Ok(())
        });
        spreading.await.unwrap();
        let has = |number: u8, tag: &str| match tag {
            "few" => number.is_multiple_of(33),
            tag => tag
                .parse()
                .is_ok_and(|divisor: u8| number.is_multiple_of(divisor)),
        };
        let tags = ["1", "2", "3", "7", "few"];
        let of = |number| {
            tags.into_iter()
                .filter(|tag| has(number, tag))
                .collect::<Vec<_>>()
        };
        let name = |number| if number <= 50 { "abcdef" } else { "abcxdef" };
        import(
            &store,
            (1..=100).map(|number| info(number, name(number), &of(number))),
        )
        .await;
        for one in tags {
            for other in tags {
                for name in [None, Some("abcdef"), Some("xde")] {
                    let named = |number: u8| match name {
                        None => true,
                        Some("abcdef") => number <= 50,
                        Some(_) => number > 50,
                    };
                    let search = Search {
                        tags: vec![one.to_owned(), other.to_owned()],
                        name: name.map(str::to_owned),
                        ..Search::default()
                    };
                    let meant = |number: &u8| has(*number, one) && has(*number, other);
                    let expected = (1..=100)
                        .rev()
                        .filter(meant)
                        .filter(|number| named(*number));
                    let expected: Vec<_> = expected.map(agent).collect();
                    assert_eq!(
                        keys(&store, search).await,
                        expected,
                        "{one} {other} {name:?}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn what_an_agent_is_found_by_does_not_depend_on_the_effort() {
        let store = empty_store();
        let agents = (1..=200).map(|number| {
            let kind = if number <= 50 { "rare" } else { "common" };
            info(number, "n", &[&format!("abc{kind}:{number}")])
        });
        import(&store, agents).await;
        for rows in [0, 4, 60, 120, 1_000] {
            let effort = Effort {
                rows,
                ..Effort::default()
            };
            for (prefix, latest) in [("abc", 200), ("abccommon:", 200), ("abcrare:", 50)] {
                let search = Search {
                    capability_prefix: Some(prefix.to_owned()),
                    limit: 10,
                    effort,
                    ..Search::default()
                };
                let found = store.discover(search).await.unwrap().agents;
                let keys: Vec<_> = found.iter().map(|agent| agent.key).collect();
                let expected: Vec<_> = (latest - 9..=latest).rev().map(agent).collect();
                assert_eq!(keys, expected, "{prefix} with {rows} rows");
            }
        }
    }

    #[tokio::test]
    async fn who_becomes_active_while_one_pages_is_neither_repeated_nor_in_the_way() {
        let store = empty_store();
        import(&store, (1..=30).map(|number| info(number, "n", &["abc"]))).await;
        let mut search = Search {
            limit: 10,
            ..tagged("abc")
        };
        let first = store.discover(search.clone()).await.unwrap();
        assert_eq!(first.agents[9].key, agent(21));
        search.after = first.next;
        search.limit = 100;
        // One that was shown already, and one that would have come.
        for number in [29, 3] {
            let moving = store.record_activity(
                agent(number),
                at(1_000),
                NewAgents::Refused,
                Scheme::Published,
                None,
            );
            moving.await.unwrap();
        }
        let expected: Vec<_> = (1..=20)
            .rev()
            .filter(|number| *number != 3)
            .map(agent)
            .collect();
        assert_eq!(keys(&store, search).await, expected);
        assert_eq!(keys(&store, tagged("abc")).await.len(), 30);
    }
}

//! The model, and the store beside it.

use super::{DESCRIPTIONS, NAMES, Operation, Question, Shape, TAGS, WORDS, agent, at};
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{
    AgentInfo, AgentStatus, Capability, CapabilityForm, CapabilityList, Change, ProfilePatch,
    Visibility,
};
use mrp_proto::key::Signature;
use mrp_proto::message::Metadata;
use relayd::store::{
    ChangeError, Effort, NewAgents, Options, Proof, ReplayClaim, Scheme, Search, Store,
};
use std::collections::{BTreeMap, BTreeSet};

/// An agent as the model has it.
#[derive(Debug, Clone)]
struct Known {
    name: Option<String>,
    capabilities: Vec<Capability>,
    public: bool,
    suspended: bool,
    last_active: u64,
}

impl Known {
    fn is_listed(&self) -> bool {
        self.public && !self.suspended
    }

    fn tags(&self) -> impl Iterator<Item = &String> {
        self.capabilities.iter().flat_map(|one| &one.tags)
    }

    /// Capabilities' names and tags.
    fn names(&self) -> impl Iterator<Item = &String> {
        let names = self.capabilities.iter().map(|one| &one.name);
        names.chain(self.tags())
    }

    /// All words of it, told apart without the store's help.
    fn text(&self) -> String {
        let descriptions = self.capabilities.iter().map(|one| &one.description);
        let all: Vec<_> = self
            .names()
            .chain(descriptions)
            .chain(&self.name)
            .map(|text| text.to_lowercase())
            .collect();
        all.join(" ")
    }

    fn answers(&self, question: &Question) -> bool {
        let words = question.words.iter().all(|word| {
            let word = WORDS[*word].to_lowercase();
            if word.is_ascii() || word == "übung" {
                let text = self.text();
                let mut parts = text.split(|c: char| !c.is_alphanumeric() || c > '\u{2fff}');
                parts.any(|part| part == word)
            } else {
                word.chars()
                    .all(|ideograph| self.text().contains(ideograph))
            }
        });
        let tags = question
            .tags
            .iter()
            .all(|tag| self.tags().any(|given| given == TAGS[*tag]));
        let capabilities = question
            .capabilities
            .iter()
            .all(|name| self.names().any(|given| given == TAGS[*name]));
        let prefix = prefix(question);
        let name = part_of_a_name(question);
        self.is_listed()
            && words
            && tags
            && capabilities
            && prefix.is_none_or(|prefix| self.names().any(|name| name.starts_with(&prefix)))
            && name.is_none_or(|part| {
                let given = self.name.as_deref().unwrap_or("").to_lowercase();
                given.contains(&part.to_lowercase())
            })
            && question.since.is_none_or(|since| self.last_active >= since)
    }
}

fn prefix(question: &Question) -> Option<String> {
    let (tag, length) = question.prefix?;
    Some(TAGS[tag].chars().take(length).collect())
}

fn part_of_a_name(question: &Question) -> Option<String> {
    let (name, skipped, length) = question.name?;
    let part = NAMES[name].chars().skip(skipped).take(length);
    Some(part.flat_map(char::to_uppercase).collect())
}

pub(crate) struct World {
    store: Store,
    now: u64,
    signatures: u64,
    agents: BTreeMap<u8, Known>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            store: Store::in_memory(Options::default()).unwrap(),
            now: 0,
            signatures: 0,
            agents: BTreeMap::new(),
        }
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
    }

    pub(crate) async fn carry_out(&mut self, operation: Operation) {
        match operation {
            Operation::Forward { seconds } => self.now += seconds,
            Operation::Import { agent, shape } => self.import(agent, &shape).await,
            Operation::Patch {
                agent,
                shape,
                only_name,
            } => self.patch(agent, &shape, only_name).await,
            Operation::Delete { agent: number } => {
                let claim = self.claim(number);
                let deleting = self.store.delete_agent(agent(number), claim, at(self.now));
                let known = self.agents.get(&number);
                if known.is_some_and(|known| known.suspended) {
                    assert_eq!(deleting.await, Err(ChangeError::Suspended));
                } else {
                    deleting.await.unwrap();
                    self.agents.remove(&number);
                }
            }
            Operation::Active { agent: number } => {
                let moving = self.store.record_activity(
                    agent(number),
                    at(self.now),
                    NewAgents::Allowed,
                    Scheme::Published,
                    None,
                );
                moving.await.unwrap();
                let now = self.now;
                let known = self.agents.entry(number).or_insert_with(|| fresh(now));
                if !known.suspended && now - known.last_active >= 60 {
                    known.last_active = now;
                }
            }
        }
    }

    async fn import(&mut self, number: u8, shape: &Shape) {
        let known = Known {
            name: name(shape),
            capabilities: capabilities(shape),
            public: shape.public,
            suspended: shape.suspended,
            last_active: self.now,
        };
        let status = [AgentStatus::Active, AgentStatus::Suspended];
        let info = AgentInfo {
            public_key: agent(number),
            display_name: known.name.clone(),
            status: status[usize::from(known.suspended)],
            visibility: visibility(shape),
            inbox_policy: InboxPolicy::default(),
            metadata: Metadata::new(),
            capabilities: known.capabilities.clone(),
            created_at: at(0),
            last_active_at: at(self.now),
            require_bound_auth: false,
        };
        self.store.import_agents(vec![info]).await.unwrap();
        self.agents.insert(number, known);
    }

    async fn patch(&mut self, number: u8, shape: &Shape, only_name: bool) {
        let now = self.now;
        let known = self.agents.entry(number).or_insert_with(|| fresh(now));
        known.name = name(shape);
        let mut patch = ProfilePatch {
            display_name: known.name.clone().map_or(Change::Clear, Change::Set),
            ..ProfilePatch::default()
        };
        if !only_name {
            known.capabilities = capabilities(shape);
            known.public = shape.public;
            patch.visibility = Change::Set(visibility(shape));
            patch.capabilities = Change::Set(CapabilityList {
                items: capabilities(shape),
                form: CapabilityForm::Structured,
            });
        }
        let claim = self.claim(number);
        let changing = self
            .store
            .update_agent(agent(number), patch, claim, at(now));
        changing.await.unwrap();
    }

    fn claim(&mut self, signer: u8) -> ReplayClaim {
        self.signatures += 1;
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&self.signatures.to_be_bytes());
        let proof = Proof::Signature(Signature::from_bytes(bytes));
        ReplayClaim::new(agent(signer), proof, at(self.now + 600))
    }

    /// Pages through all answers to a question.
    pub(crate) async fn compare(&self, question: &Question) {
        let (rows, agents, bytes) = question.effort;
        let texts = |indices: &[usize]| indices.iter().map(|tag| TAGS[*tag].to_owned()).collect();
        let words = question.words.iter().map(|word| WORDS[*word]);
        let mut search = Search {
            tags: texts(&question.tags),
            capabilities: texts(&question.capabilities),
            capability_prefix: prefix(question),
            words: words.flat_map(relayd::store::words).collect(),
            name: part_of_a_name(question),
            active_since: question.since.map(at),
            after: None,
            limit: question.limit,
            effort: Effort {
                rows,
                agents,
                bytes,
            },
        };
        let mut found = Vec::new();
        loop {
            let page = self.store.discover(search.clone()).await.unwrap();
            assert!(page.agents.len() <= question.limit);
            found.extend(page.agents);
            let Some(next) = page.next else { break };
            assert!(search.after.is_none_or(|after| next < after));
            search.after = Some(next);
        }
        assert!(
            found.is_sorted_by(|one, other| one.last_active >= other.last_active),
            "most recently active first"
        );
        let count = found.len();
        let found: BTreeSet<_> = found
            .into_iter()
            .map(|listed| {
                let capabilities = serde_json::to_string(&listed.capabilities).unwrap();
                (
                    listed.key,
                    listed.display_name,
                    capabilities,
                    listed.last_active,
                )
            })
            .collect();
        assert_eq!(found.len(), count, "nobody twice");
        let meant = self
            .agents
            .iter()
            .filter(|(_, known)| known.answers(question));
        let expected: BTreeSet<_> = meant
            .map(|(number, known)| {
                let capabilities = serde_json::to_string(&known.capabilities).unwrap();
                (
                    agent(*number),
                    known.name.clone(),
                    capabilities,
                    at(known.last_active),
                )
            })
            .collect();
        assert_eq!(found, expected, "{question:?}");
    }

    pub(crate) async fn compare_counts(&self) {
        let mut counts = BTreeMap::new();
        for known in self.agents.values().filter(|known| known.is_listed()) {
            for tag in known.tags().collect::<BTreeSet<_>>() {
                *counts.entry(tag.clone()).or_insert(0) += 1;
            }
        }
        let mut expected: Vec<_> = counts.into_iter().collect();
        expected.sort_by_key(|(tag, count)| (std::cmp::Reverse(*count), tag.clone()));
        let found = self.store.popular_tags(100).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|tag| (tag.tag, tag.agents)).collect();
        assert_eq!(found, expected);
        let most = self.store.popular_tags(2).await.unwrap();
        assert_eq!(most.len(), expected.len().min(2));
    }
}

fn fresh(now: u64) -> Known {
    Known {
        name: None,
        capabilities: Vec::new(),
        public: false,
        suspended: false,
        last_active: now,
    }
}

fn name(shape: &Shape) -> Option<String> {
    shape.name.map(|name| NAMES[name].to_owned())
}

fn visibility(shape: &Shape) -> Visibility {
    if shape.public {
        Visibility::Public
    } else {
        Visibility::Private
    }
}

fn capabilities(shape: &Shape) -> Vec<Capability> {
    let one = |(name, description, tags): &(usize, usize, Vec<usize>)| Capability {
        description: DESCRIPTIONS[*description].to_owned(),
        tags: tags.iter().map(|tag| TAGS[*tag].to_owned()).collect(),
        ..Capability::from_plain(TAGS[*name])
    };
    shape.capabilities.iter().map(one).collect()
}

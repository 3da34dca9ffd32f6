//! Agents as there might be: a few tags that very many have, very many tags that few have, names and words likewise. The same number
//! always makes the same agent.

use crate::clock;
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{AgentInfo, AgentStatus, Capability, Visibility};
use mrp_proto::key::SecretKey;
use mrp_proto::message::Metadata;
use mrp_proto::relay_api::path::encode_segment;
use mrp_proto::time::Timestamp;
use std::time::Duration;

const SYLLABLES: [&str; 24] = [
    "ka", "lo", "mi", "ter", "an", "vos", "re", "dun", "sel", "pra", "tix", "no", "ga", "hem",
    "ul", "be", "qui", "zor", "fa", "wen", "ip", "cho", "ym", "jad",
];
const NAMESPACES: [&str; 12] = [
    "text", "image", "audio", "code", "data", "web", "mail", "math", "geo", "video", "plan", "shop",
];
const TAGS: u64 = 20_000;
const WORDS: u64 = 30_000;
const NAMES: u64 = 50_000;
const MONTH: u64 = 30 * 24 * 3_600 * 1_000;

#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) agents: u32,
    now: Timestamp,
}

impl Population {
    pub(crate) fn new(agents: u32) -> Self {
        Self {
            agents,
            now: clock::now(),
        }
    }

    pub(crate) fn agent(&self, number: u32) -> AgentInfo {
        let mut chance = Chance(u64::from(number) << 20);
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let capabilities = (0..1 + chance.below(3)).map(|_| capability(&mut chance, number));
        let mut capabilities: Vec<_> = capabilities.collect();
        if chance.below(2) == 0 {
            capabilities[0].tags.push("agent:public".to_owned());
        }
        let ago = chance.skewed(MONTH);
        AgentInfo {
            public_key: SecretKey::from_seed(&seed).public(),
            display_name: Some(format!(
                "{} {} {number}",
                word(chance.skewed(NAMES)),
                word(chance.skewed(NAMES))
            )),
            status: AgentStatus::Active,
            visibility: Visibility::Public,
            inbox_policy: InboxPolicy::default(),
            metadata: Metadata::new(),
            capabilities,
            created_at: self.now.before(Duration::from_millis(MONTH)),
            last_active_at: self.now.before(Duration::from_millis(ago)),
            require_bound_auth: false,
        }
    }

    /// Kinds of searches, each with queries to take in turn.
    pub(crate) fn searches(&self) -> Vec<(&'static str, Vec<String>)> {
        let mut chance = Chance(99);
        let mut many = |query: &mut dyn FnMut(&mut Chance) -> String| -> Vec<String> {
            (0..50).map(|_| query(&mut chance)).collect()
        };
        let agents = u64::from(self.agents);
        let since = |ago: u64| {
            let since = self.now.before(Duration::from_millis(ago));
            encode_segment(&since.to_string())
        };
        let one = |query: &str| vec![query.to_owned()];
        vec![
            ("everyone", one("")),
            ("tag of half of all", one("?tag=agent:public")),
            (
                "tags, as often as agents have them",
                many(&mut |chance| format!("?tag={}", tag(chance.skewed(TAGS)))),
            ),
            (
                "tag of one agent",
                many(&mut |chance| format!("?tag=instance:{}", chance.below(agents))),
            ),
            (
                "two common tags",
                one(&format!("?tag=agent:public&tag={}", tag(0))),
            ),
            (
                "a common and a rare tag",
                many(&mut |chance| {
                    format!("?tag=agent:public&tag={}", tag(TAGS - 1 - chance.below(99)))
                }),
            ),
            ("prefix of one letter", one("?capability_prefix=t")),
            (
                "prefix of a namespace",
                many(&mut |chance| {
                    let namespace = chance.below(NAMESPACES.len() as u64) as usize;
                    format!("?capability_prefix={}:", NAMESPACES[namespace])
                }),
            ),
            (
                "prefix of a tag",
                many(&mut |chance| {
                    let tag = tag(chance.skewed(TAGS));
                    format!("?capability_prefix={}", &tag[..tag.len() - 1])
                }),
            ),
            ("prefix that all have", one("?capability_prefix=instance:")),
            (
                "prefix of ten agents' own tags",
                many(&mut |chance| {
                    format!("?capability_prefix=instance:{}", chance.below(agents) / 10)
                }),
            ),
            (
                "one word",
                many(&mut |chance| format!("?q={}", word(chance.skewed(WORDS)))),
            ),
            (
                "three words",
                many(&mut |chance| {
                    let mut next = || word(chance.skewed(WORDS));
                    format!("?q={}+{}+{}", next(), next(), next())
                }),
            ),
            ("name, one letter", one("?name=k")),
            (
                "name, two letters",
                many(&mut |chance| format!("?name={}", &word(chance.below(NAMES))[..2])),
            ),
            (
                "name, a word",
                many(&mut |chance| format!("?name={}", word(chance.skewed(NAMES)))),
            ),
            (
                "name, of one agent",
                many(&mut |chance| {
                    let number = u32::try_from(chance.below(agents)).unwrap_or(0);
                    let name = self.agent(number).display_name.unwrap_or_default();
                    format!("?name={}", encode_segment(&name))
                }),
            ),
            (
                "active in the last minute",
                one(&format!("?active_since={}", since(60_000))),
            ),
            (
                "tag, words and activity",
                many(&mut |chance| {
                    let word = word(chance.skewed(WORDS));
                    format!(
                        "?tag=agent:public&q={word}&active_since={}",
                        since(MONTH / 30)
                    )
                }),
            ),
            (
                "deep pages of a tag",
                many(&mut |chance| self.deep_page(chance)),
            ),
        ]
    }

    /// A page somewhere in the middle, as a cursor of the relay's names it: kind, time, number.
    fn deep_page(&self, chance: &mut Chance) -> String {
        let ago = Duration::from_millis(chance.below(MONTH));
        let millis = self.now.before(ago).unix_millis().to_be_bytes();
        let mut place = vec![1, 3];
        place.extend_from_slice(&millis[2..]);
        place.extend_from_slice(&[0; 4]);
        format!(
            "?tag=agent:public&cursor={}",
            mrp_proto::base64url::encode(&place)
        )
    }
}

/// A profile that has as much of everything as it may.
pub(crate) fn largest_profile() -> String {
    let mut chance = Chance(5);
    let mut text = |length: usize| -> String {
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&word(chance.below(WORDS * WORDS)));
        }
        text.truncate(length);
        text
    };
    let mut capability = || {
        let tags: Vec<_> = (0..20).map(|_| format!(r#""{}""#, text(64))).collect();
        let words: Vec<_> = (0..128).map(|_| text(7)).collect();
        format!(
            r#"{{"name":"{}","description":"{}","tags":[{}]}}"#,
            text(64),
            words.join(" "),
            tags.join(",")
        )
    };
    let capabilities: Vec<_> = (0..20).map(|_| capability()).collect();
    format!(
        r#"{{"visibility":"public","display_name":"{}","capabilities":[{}]}}"#,
        text(256),
        capabilities.join(",")
    )
}

fn capability(chance: &mut Chance, number: u32) -> Capability {
    let tags = (0..1 + chance.below(3)).map(|_| tag(chance.skewed(TAGS)));
    let mut tags: Vec<_> = tags.collect();
    if chance.below(2) == 0 {
        tags.push(format!("instance:{number}"));
    }
    let words = (0..4 + chance.below(12)).map(|_| word(chance.skewed(WORDS)));
    let description = words.collect::<Vec<_>>().join(" ");
    Capability {
        name: tag(chance.skewed(TAGS)),
        description,
        tags,
        input_schema: None,
        version: None,
    }
}

fn tag(rank: u64) -> String {
    let namespace = NAMESPACES[(rank % NAMESPACES.len() as u64) as usize];
    format!("{namespace}:{}", word(rank + 17))
}

fn word(mut rank: u64) -> String {
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[(rank % 24) as usize]);
        rank /= 24;
        if rank == 0 {
            return word;
        }
    }
}

/// SplitMix64: enough for a population.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A rank below `bound`: each is about as likely as all those twice as far down together.
    fn skewed(&mut self, bound: u64) -> u64 {
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (bound as f64).powf(part) - 1.0;
        (rank as u64).min(bound - 1)
    }
}

//! An agent's record: what is asked with every message in front, and the rest of it.

use crate::store::clock::to_millis;
use crate::store::directory::Listing;
use crate::store::failure::Failure;
use crate::store::record::{AgentKey, Fields};
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{AgentInfo, AgentStatus, Capability, Visibility};
use mrp_proto::message::Metadata;
use mrp_proto::time::Timestamp;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

/// What is asked about an agent with every message, in front of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Profile {
    pub(in crate::store) status: AgentStatus,
    pub(in crate::store) inbox_policy: InboxPolicy,
    pub(in crate::store) visibility: Visibility,
    /// Whether mail is to be brought to a webhook.
    pub(in crate::store) has_webhook: bool,
    /// Whether requests in the published scheme are refused (protocol A3.8).
    pub(in crate::store) require_bound_auth: bool,
    pub(super) created: Timestamp,
}

/// In the byte of the visibility.
const HAS_WEBHOOK: u8 = 0x80;
const REQUIRE_BOUND_AUTH: u8 = 0x40;

impl Profile {
    const LENGTH: usize = 11;

    /// Of an agent that has sent its first request.
    pub(super) fn new(created: Timestamp) -> Self {
        Self {
            status: AgentStatus::default(),
            inbox_policy: InboxPolicy::default(),
            visibility: Visibility::default(),
            has_webhook: false,
            require_bound_auth: false,
            created,
        }
    }

    /// Of an agent that is taken over.
    pub(in crate::store) fn of(info: &AgentInfo) -> Self {
        Self {
            status: info.status,
            inbox_policy: info.inbox_policy,
            visibility: info.visibility,
            require_bound_auth: info.require_bound_auth,
            ..Self::new(info.created_at)
        }
    }

    /// Whether the directory lists the agent.
    pub(super) fn is_listed(&self) -> bool {
        self.visibility == Visibility::Public && self.status == AgentStatus::Active
    }

    pub(in crate::store) fn find(
        agents: &impl ReadableTable<&'static AgentKey, &'static [u8]>,
        agent: &AgentKey,
    ) -> Result<Option<Self>, Failure> {
        match agents.get(agent)? {
            None => Ok(None),
            Some(record) => Self::read(record.value()).map(|(profile, _)| Some(profile)),
        }
    }

    /// The profile, and what comes behind it: the [`Details`].
    pub(super) fn read(record: &[u8]) -> Result<(Self, &[u8]), Failure> {
        let mut fields = Fields(record);
        let [status, inbox_policy, flags] = fields.take()?;
        let visibility = flags & !(HAS_WEBHOOK | REQUIRE_BOUND_AUTH);
        let choice = |name| Failure::corrupt(name);
        let profile = Self {
            status: *STATUS.get(usize::from(status)).ok_or(choice("a status"))?,
            inbox_policy: *POLICY
                .get(usize::from(inbox_policy))
                .ok_or(choice("an inbox policy"))?,
            visibility: *VISIBILITY
                .get(usize::from(visibility))
                .ok_or(choice("a visibility"))?,
            has_webhook: flags & HAS_WEBHOOK != 0,
            require_bound_auth: flags & REQUIRE_BOUND_AUTH != 0,
            created: fields.time()?,
        };
        Ok((profile, fields.0))
    }

    pub(super) fn write(&self, details: &Details) -> Vec<u8> {
        let mut record = Vec::with_capacity(Self::LENGTH + 64);
        record.push(position(&STATUS, self.status));
        record.push(position(&POLICY, self.inbox_policy));
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        record.push(
            position(&VISIBILITY, self.visibility)
                | flag(self.has_webhook, HAS_WEBHOOK)
                | flag(self.require_bound_auth, REQUIRE_BOUND_AUTH),
        );
        record.extend_from_slice(&to_millis(self.created).to_be_bytes());
        let details = serde_json::to_vec(details);
        record.extend(details.expect("text, raw JSON and maps of text can be written"));
        record
    }
}

/// The numbers that stand for the choices; new ones come last.
const STATUS: [AgentStatus; 2] = [AgentStatus::Active, AgentStatus::Suspended];
const VISIBILITY: [Visibility; 2] = [Visibility::Private, Visibility::Public];
const POLICY: [InboxPolicy; 4] = [
    InboxPolicy::Blocklist,
    InboxPolicy::Allowlist,
    InboxPolicy::Open,
    InboxPolicy::Closed,
];

fn position<T: PartialEq>(choices: &[T], choice: T) -> u8 {
    let position = choices.iter().position(|other| *other == choice);
    position
        .and_then(|position| u8::try_from(position).ok())
        .expect("every choice has its number")
}

/// The rest of a record.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::store) struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub(super) metadata: Metadata,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) capabilities: Vec<Capability>,
}

impl Details {
    /// Of an agent that is taken over.
    pub(in crate::store) fn of(info: &AgentInfo) -> Self {
        Self {
            display_name: info.display_name.clone(),
            metadata: info.metadata.clone(),
            capabilities: info.capabilities.clone(),
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|_| Failure::corrupt("an agent's details"))
    }
}

impl From<Details> for Listing {
    fn from(details: Details) -> Self {
        Self {
            display_name: details.display_name,
            capabilities: details.capabilities,
        }
    }
}

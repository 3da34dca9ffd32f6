//! What is left of an agent that was deleted, whatever table it may be in.

use super::failure::Failure;
use super::fixture::*;
use super::record::{AgentStart, agent_start};
use super::tables::{EachTable, for_each_table};
use super::{BlobUpload, NewAgents, Scheme, Store};
use mrp_proto::acl::EntryType;
use mrp_proto::agent::ProfilePatch;
use mrp_proto::id::BlobId;
use mrp_proto::message::Attachment;
use redb::{Key, ReadTransaction, ReadableDatabase as _, TableDefinition, TableHandle as _, Value};

const DAY: u64 = 24 * 3_600;

/// Tables with rows that an agent's key is in, or its start.
struct Finder {
    transaction: ReadTransaction,
    agent: AgentStart,
    found: Vec<String>,
    /// Tables that have rows at all.
    filled: Vec<String>,
}

impl EachTable for Finder {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<(), Failure> {
        let table = self.transaction.open_table(definition)?;
        for row in table.range::<K::SelfType<'_>>(..)? {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            let mut bytes = K::as_bytes(&key).as_ref().to_vec();
            bytes.extend_from_slice(V::as_bytes(&value).as_ref());
            self.filled.push(definition.name().to_owned());
            if bytes.windows(12).any(|part| part == self.agent) {
                self.found.push(definition.name().to_owned());
            }
        }
        Ok(())
    }
}

async fn tables_with(store: &Store, number: u8) -> Vec<String> {
    find(store, number).await.0
}

async fn find(store: &Store, number: u8) -> (Vec<String>, Vec<String>) {
    let finding = store.read(move |view| {
        let mut finder = Finder {
            transaction: view
                .shared
                .database()
                .map_err(Failure::Refused)?
                .begin_read()?,
            agent: agent_start(agent(number).as_bytes()),
            found: Vec::new(),
            filled: Vec::new(),
        };
        for_each_table(&mut finder)?;
        finder.found.dedup();
        finder.filled.dedup();
        Ok((finder.found, finder.filled))
    });
    finding.await.unwrap()
}

async fn sweep(store: &Store, seconds: u64) {
    while store.sweep(at(seconds), 3).await.unwrap().more {}
}

async fn upload(store: &Store, owner: u8, number: u8) {
    let upload = BlobUpload {
        owner: agent(owner),
        hash: [number; 32],
        size: 10,
        content_type: "text/plain".to_owned(),
        claim: claim(agent(owner), at(0)),
        quotas: super::BlobQuotas::default(),
        now: at(0),
    };
    store.announce_blob(upload.clone()).await.unwrap();
    store.add_blob(upload).await.unwrap();
}

async fn send_blob(store: &Store, sender: u8, recipient: u8, number: u8) {
    let blob_id = BlobId::of_digest(&[number; 32]);
    let attachment = serde_json::json!({ "blob_id": blob_id.as_str() });
    let mut draft = draft(agent(recipient), "1");
    draft.attachments = vec![serde_json::from_value::<Attachment>(attachment).unwrap()];
    draft.thread_id = Some("t".to_owned());
    let mut submission = submission(agent(sender), draft, at(0));
    submission.idempotency_key = Some(format!("{recipient}-{number}"));
    store.accept_message(submission).await.unwrap();
}

/// An agent that has something of everything.
async fn busy_agent(store: &Store, number: u8) {
    let key = agent(number);
    let profile = serde_json::json!({
        "visibility": "public",
        "display_name": "Somebody",
        "capabilities": [{ "name": "translate", "description": "", "tags": ["text"] }],
    });
    let patch: ProfilePatch = serde_json::from_value(profile).unwrap();
    store
        .record_activity(key, at(0), NewAgents::Allowed, Scheme::Published, None)
        .await
        .unwrap();
    store
        .update_agent(key, patch, claim(key, at(0)), at(0))
        .await
        .unwrap();
    for peer in 101..104 {
        let claim = claim(key, at(0));
        let putting = store.put_acl_entry(key, agent(peer), EntryType::Allow, 9, claim, at(0));
        putting.await.unwrap();
        upload(store, number, peer).await;
        upload(store, peer, peer + 50).await;
        send_blob(store, peer, number, peer + 50).await;
        send_blob(store, number, peer, peer).await;
        send_blob(store, number, number, peer).await;
    }
    // A long inbox, in which shares are counted.
    for _ in 0..260 {
        store
            .accept_message(send(agent(101), key, "1", at(0)))
            .await
            .unwrap();
    }
    store.poll(taking_poll(key, at(0))).await.unwrap();
}

#[tokio::test]
async fn a_deleted_agent_is_in_no_table() {
    let store = empty_store();
    busy_agent(&store, 1).await;
    let before = tables_with(&store, 1).await;
    for table in [
        "agents",
        "acl",
        "usage",
        "shares",
        "wrote",
        "blob_owners",
        "blob_usage",
        "directory_listed",
    ] {
        assert!(
            before.iter().any(|name| name == table),
            "{table}: {before:?}"
        );
    }
    let deleting = store.delete_agent(agent(1), claim(agent(1), at(0)), at(0));
    deleting.await.unwrap();
    sweep(&store, 0).await;
    // What it sent stays with its recipients until it expires, and others know to whom they have written.
    let sent = [
        "messages",
        "queued",
        "threads",
        "usage",
        "wrote",
        "blob_uses",
    ];
    let after = tables_with(&store, 1).await;
    assert_eq!(after, sent);
    sweep(&store, 2_000).await;
    sweep(&store, 3 * DAY).await;
    assert_eq!(tables_with(&store, 1).await, ["wrote"]);
    for peer in 101..104 {
        let deleting =
            store.delete_agent(agent(peer), claim(agent(peer), at(3 * DAY)), at(3 * DAY));
        deleting.await.unwrap();
    }
    sweep(&store, 5 * DAY).await;
    for number in [1, 101, 102, 103] {
        assert_eq!(tables_with(&store, number).await, [""; 0]);
    }
    let (_, filled) = find(&store, 1).await;
    // The place in the order and numbers that are free again; bytes of blobs are the collector's to remove.
    assert_eq!(filled, ["meta", "directory_free", "blob_loose"]);
}

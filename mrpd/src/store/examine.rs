//! Looking at a store that may be damaged. The engine may panic over damaged pages, and a release build aborts then: so this is
//! done in a process of its own, which the daemon starts of its own program (see [`super::recover`]).

use super::copy::{self, Copier, touch_all};
use super::lock::{Mark, open_private};
// All of them: the list of tables is the list.
use super::schema::*;
use super::{CACHE_BYTES, layout_version};
use redb::{Database, ReadableDatabase as _};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Open the file, and look at both ends of each table.
    Ends,
    /// Check every page.
    Everything,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file is damaged, or no store.
    #[error("{0}")]
    Damaged(String),
    /// Something else is wrong: the file itself may be sound.
    #[error("{0}")]
    Other(String),
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        let text = error.to_string();
        if is_damage(&error) {
            Self::Damaged(text)
        } else {
            Self::Other(text)
        }
    }
}

/// Whether an error says that what the file has is not what was written.
fn is_damage(error: &redb::Error) -> bool {
    match error {
        redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => true,
        redb::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        ),
        _ => false,
    }
}

/// Whether damage was met while the store was in use: the next start looks at the whole of it then, however this one ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspicion(Arc<Suspected>);

#[derive(Debug, Default)]
struct Suspected {
    is_raised: AtomicBool,
    mark: OnceLock<Mark>,
}

impl Suspicion {
    /// Takes note of an error.
    pub(super) fn hear(&self, error: &redb::Error) {
        if is_damage(error) && !self.0.is_raised.swap(true, Ordering::Relaxed) {
            if let Some(mark) = self.0.mark.get() {
                mark.leave();
            }
            tracing::error!(
                %error,
                "the store is damaged; start mrpd again: it saves what can be read then"
            );
        }
    }

    pub(super) fn is_raised(&self) -> bool {
        self.0.is_raised.load(Ordering::Relaxed)
    }

    /// Has the next start know of it.
    pub(super) fn leave(&self, mark: Mark) {
        let mark = self.0.mark.get_or_init(|| mark);
        if self.is_raised() {
            mark.leave();
        }
    }
}

/// Whether a store can be used. What an unclean end has left is repaired on the way. A store of a later version is nothing that
/// this program can judge.
///
/// # Errors
/// A [`Fault`].
pub fn check(path: &Path, depth: Depth) -> Result<(), Fault> {
    let repaired = Rc::new(Cell::new(false));
    let mut database = open(path, &repaired)?;
    if layout_version(&database)?.is_some_and(|version| version > VERSION) {
        return Ok(());
    }
    // A repair has looked at every page already.
    if depth == Depth::Everything && !repaired.get() {
        let is_clean = database.check_integrity().map_err(redb::Error::from)?;
        if !is_clean {
            tracing::warn!("the store had to be repaired");
        }
    }
    touch_all(&database)?;
    Ok(())
}

/// Copies what can be read of one table into another file. What was copied before an error stays there.
///
/// # Errors
/// A [`Fault`], where not all of it was read.
pub fn salvage(from: &Path, to: &Path, table: &str, begin: copy::From) -> Result<(), Fault> {
    let to = open(to, &Rc::default())?;
    // To read only is to repair nothing: a repair gives up over one damaged page what all others have. What an unclean end has left
    // cannot be read otherwise.
    let snapshot = match Database::builder().open_read_only(from) {
        Ok(database) => database.begin_read(),
        Err(_) => open(from, &Rc::default())?.begin_read(),
    };
    let snapshot = snapshot.map_err(|error| Fault::from(redb::Error::from(error)))?;
    let copier = Copier::new(&snapshot, &to, begin);
    let copied = match table {
        "meta" => copier.copy(META),
        "messages" => copier.copy(MESSAGES),
        "outbox" => copier.copy(OUTBOX),
        "seen" => copier.copy(SEEN),
        "forget" => copier.copy(FORGET),
        "send_keys" => copier.copy(SEND_KEYS),
        "cursors" => copier.copy(CURSORS),
        "contacts" => copier.copy(CONTACTS),
        "sealers" => copier.copy(SEALERS),
        "verified" => copier.copy(VERIFIED),
        "profiles" => copier.copy(PROFILES),
        "bindable" => copier.copy(BINDABLE),
        "files" => copier.copy(FILES),
        "file_uses" => copier.copy(FILE_USES),
        "uploads" => copier.copy(UPLOADS),
        "downloads" => copier.copy(DOWNLOADS),
        "standings" => copier.copy(STANDINGS),
        "tracks" => copier.copy(TRACKS),
        "held" => copier.copy(HELD),
        "let_in" => copier.copy(LET_IN),
        "fanouts" => copier.copy(FANOUTS),
        "fanout_targets" => copier.copy(FANOUT_TARGETS),
        "subscribers" => copier.copy(SUBSCRIBERS),
        "subscriptions" => copier.copy(SUBSCRIPTIONS),
        "hooks" => copier.copy(HOOKS),
        "hook_jobs" => copier.copy(HOOK_JOBS),
        "hook_dead" => copier.copy(HOOK_DEAD),
        "hook_settled" => copier.copy(HOOK_SETTLED),
        // Up to where the file has what was written down in the journal.
        "journal" => copier.copy(mrp_journal::TABLE),
        other => return Err(Fault::Other(format!("there is no table {other:?} to save"))),
    };
    match copied {
        Err(redb::Error::TableDoesNotExist(_)) => Ok(()),
        copied => Ok(copied?),
    }
}

/// The tables that [`salvage`] knows: those of which the others can be made again, or without which the daemon goes on.
pub(super) const SALVAGED: &[&str] = &[
    "meta",
    "messages",
    "outbox",
    "seen",
    "forget",
    "send_keys",
    "cursors",
    "contacts",
    "sealers",
    "verified",
    "profiles",
    "bindable",
    "files",
    "file_uses",
    "uploads",
    "downloads",
    "standings",
    "tracks",
    "held",
    "let_in",
    "fanouts",
    "fanout_targets",
    "subscribers",
    "subscriptions",
    "hooks",
    "hook_jobs",
    "hook_dead",
    "hook_settled",
    "journal",
];

fn open(path: &Path, repaired: &Rc<Cell<bool>>) -> Result<Database, Fault> {
    let file = open_private(path).map_err(|error| Fault::Other(error.to_string()))?;
    let repaired = Rc::clone(repaired);
    Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_repair_callback(move |_| repaired.set(true))
        .create_file(file)
        .map_err(|error| redb::Error::from(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing;

    #[tokio::test]
    async fn a_sound_store_passes_and_garbage_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let store = Store::open(&path).unwrap();
        testing::receive(&store, "msg_1").await;
        store.close().await;
        for depth in [Depth::Ends, Depth::Everything] {
            check(&path, depth).unwrap();
        }
        std::fs::write(&path, [0xa5; 8192]).unwrap();
        let fault = check(&path, Depth::Ends).unwrap_err();
        assert!(matches!(fault, Fault::Damaged(_)), "{fault:?}");
    }

    #[tokio::test]
    async fn a_store_of_a_later_version_is_not_judged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        Store::open(&path).unwrap().close().await;
        let database = Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut meta = transaction.open_table(META).unwrap();
            meta.insert(SCHEMA, VERSION + 1).unwrap();
            // Whatever it keeps there.
            drop(meta);
            transaction.delete_table(MESSAGES).unwrap();
        }
        transaction.commit().unwrap();
        drop(database);
        check(&path, Depth::Everything).unwrap();
        let refused = Store::open(&path).unwrap_err();
        assert!(
            matches!(refused, crate::store::OpenError::TooNew { .. }),
            "{refused}"
        );
    }
}

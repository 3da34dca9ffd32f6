//! `[metrics] textfile`: the figures in a file, for the collector of a node exporter.

use crate::config::Metrics;
use crate::context::Context;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What others may do with the file: collectors run as another user, and figures are no secret.
const MODE: u32 = 0o644;

/// Writes the file again and again while one is configured; otherwise waits until one is.
pub(crate) async fn write_textfile(context: Context) {
    let mut config = context.config.clone();
    loop {
        let Metrics { textfile, interval } = config.borrow_and_update().metrics.clone();
        let due = async {
            let Some(path) = &textfile else {
                return std::future::pending().await;
            };
            write_once(&context, path).await;
            tokio::time::sleep(interval).await;
        };
        tokio::select! {
            () = due => {}
            changed = config.changed() => {
                if changed.is_err() {
                    return;
                }
                context.board.warn("metrics", Vec::new());
            }
            () = context.stop.cancelled() => return,
        }
    }
}

async fn write_once(context: &Context, path: &Path) {
    let text = context.events.metrics().render(context).await;
    let target = path.to_path_buf();
    let written = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
    let warnings = match written {
        Ok(Err(error)) => vec![format!(
            "the figures cannot be written to {}: {error}; see [metrics] textfile",
            path.display()
        )],
        Ok(Ok(())) | Err(_) => Vec::new(),
    };
    context.board.warn("metrics", warnings);
}

/// A reader sees the file before or the file after, whole. It need not outlast a power cut.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let permissions = std::fs::Permissions::from_mode(MODE);
    file.as_file().set_permissions(permissions)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_others_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mrpd.prom");
        replace(&path, "before").unwrap();
        replace(&path, "after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

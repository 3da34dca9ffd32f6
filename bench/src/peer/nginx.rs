//! nginx: files by `sendfile`, and uploads by its module for dav, which writes them to a file, moves that into place and syncs nothing.

use super::{Peer, free_address, installed};
use crate::scratch;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) peer: Peer,
    /// Whether it takes uploads.
    pub(crate) has_dav: bool,
    /// Held for its end.
    folder: TempDir,
}

impl Nginx {
    /// `None` where nginx is not installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = installed("nginx") else {
            return Ok(None);
        };
        // It says so on standard error.
        let built = Command::new(&program).arg("-V").output()?;
        let has_dav = String::from_utf8_lossy(&built.stderr).contains("http_dav_module");
        let address = free_address()?;
        let folder = scratch::folder("nginx")?;
        let config = folder.path().join("nginx.conf");
        std::fs::create_dir(folder.path().join("files"))?;
        let home = folder.path().display();
        let dav = if has_dav { "dav_methods PUT;" } else { "" };
        // One process, so that its end is the end of all.
        let settings = format!(
            "daemon off; master_process off; pid {home}/pid; error_log {home}/errors;\n\
             events {{}}\n\
             http {{ access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {home}/bodies;\n\
             proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;\n\
             server {{ listen {address}; root {home}/files; {dav} }} }}\n"
        );
        std::fs::write(&config, settings)?;
        let mut command = Command::new(program);
        let errors = folder.path().join("errors");
        command.arg("-e").arg(errors).arg("-c").arg(&config);
        Ok(Some(Self {
            peer: Peer::start(command, address, folder.path())?,
            has_dav,
            folder,
        }))
    }

    /// Has a file to be fetched.
    pub(crate) fn put(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        Ok(std::fs::write(self.file(name), content)?)
    }

    /// Writes a file to the disk, so that this is not under way while it is fetched.
    pub(crate) fn sync(&self, name: &str) -> anyhow::Result<()> {
        Ok(File::open(self.file(name))?.sync_all()?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }
}

//! What travels along with a message: files that are uploaded to the daemon, piece by piece, and what was uploaded before.

use crate::cli::sending::Content;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::Output;
use crate::output::progress::{Progress, Unit};
use mrpd_api::body::blobs::{Attach, BlobQuery};
use mrpd_api::client::Client;
use serde::Serialize;
use std::io;
use std::path::Path;

/// Files that a message carries, at most (protocol A4).
const MOST: usize = 10;
/// Standard input, in a file's place.
const INPUT: &str = "-";

/// What is to travel along.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    files: Vec<File>,
    uploaded: Vec<String>,
}

#[derive(Debug, Clone)]
struct File {
    path: String,
    name: String,
    size: Option<u64>,
}

/// Something that would travel along, for those who only want to see it.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    file: String,
    bytes: Option<u64>,
}

impl Files {
    /// Looks at what is named, before anything is sent.
    pub(super) async fn of(content: &Content) -> Result<Self, Failure> {
        let count = content.files.len() + content.attach.len();
        if count > MOST {
            return Err(Failure::new(
                Reason::BadData,
                format!("{count} files are too many: a message carries at most {MOST}"),
            )
            .fix("put them into one archive: tar c FILE... | mrpctl send TO -f - --filename files.tar"));
        }
        let from_input = content.files.iter().filter(|path| *path == INPUT).count();
        if from_input > 1 {
            return Err(Failure::new(
                Reason::Usage,
                "standard input is asked for twice, by --file -",
            ));
        }
        // A name is for the one file that has none of its own, else for the one file there is.
        let named = |path: &str| path == INPUT || (from_input == 0 && content.files.len() == 1);
        if content.filename.is_some() && from_input == 0 && content.files.len() != 1 {
            return Err(Failure::new(
                Reason::Usage,
                "--filename names one file, and there are several",
            ));
        }
        let mut files = Vec::with_capacity(content.files.len());
        for path in &content.files {
            let name = content.filename.as_deref().filter(|_| named(path));
            files.push(File::of(path, name).await?);
        }
        Ok(Self {
            files,
            uploaded: content.attach.clone(),
        })
    }

    /// Hands the files to the daemon, which keeps them until their message is sent.
    pub(super) async fn upload(
        &self,
        output: &Output,
        client: &Client,
        agent: Option<&str>,
    ) -> Result<Vec<Attach>, Failure> {
        let mut attachments = Vec::with_capacity(self.files.len() + self.uploaded.len());
        for file in &self.files {
            attachments.push(Attach {
                id: file.upload(output, client, agent).await?,
                ..Attach::default()
            });
        }
        attachments.extend(self.uploaded.iter().map(|id| Attach {
            id: id.clone(),
            ..Attach::default()
        }));
        Ok(attachments)
    }

    pub(super) fn planned(&self) -> Vec<Planned> {
        let files = self.files.iter().map(|file| Planned {
            file: file.name.clone(),
            bytes: file.size,
        });
        let uploaded = self.uploaded.iter().map(|id| Planned {
            file: id.clone(),
            bytes: None,
        });
        files.chain(uploaded).collect()
    }
}

impl Planned {
    pub(super) fn text(&self) -> String {
        match self.bytes {
            Some(bytes) => format!("{} ({bytes} bytes)", self.file),
            None => self.file.clone(),
        }
    }
}

impl File {
    async fn of(path: &str, name: Option<&str>) -> Result<Self, Failure> {
        if path == INPUT {
            let name = name.ok_or_else(|| {
                Failure::new(Reason::Usage, "the file on standard input has no name")
                    .fix("... | mrpctl send TO -f - --filename NAME")
            })?;
            return Ok(Self {
                path: path.to_owned(),
                name: name.to_owned(),
                size: None,
            });
        }
        let metadata = tokio::fs::metadata(path)
            .await
            .map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            return Err(Failure::new(
                Reason::NoInput,
                format!("{path} is a folder, and a message carries files"),
            )
            .fix(format!(
                "tar c {path} | mrpctl send TO -f - --filename files.tar"
            )));
        }
        let own = || Some(Path::new(path).file_name()?.to_str()?.to_owned());
        let name = name.map(str::to_owned).or_else(own).ok_or_else(|| {
            Failure::new(Reason::BadData, format!("{path} has no name that is UTF-8"))
                .fix("give it one with --filename NAME")
        })?;
        Ok(Self {
            path: path.to_owned(),
            name,
            size: metadata.is_file().then_some(metadata.len()),
        })
    }

    async fn upload(
        &self,
        output: &Output,
        client: &Client,
        agent: Option<&str>,
    ) -> Result<String, Failure> {
        let query = BlobQuery {
            filename: Some(self.name.clone()),
            agent: agent.map(str::to_owned),
            ..BlobQuery::default()
        };
        let source = input::open(&self.path).await?;
        let progress = Progress::new(output, &self.name, Unit::Bytes, source.length);
        let blob = client.put_file(&query, source.pieces(progress)).await;
        Ok(blob?.id)
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    Failure::io(Reason::NoInput, &format!("read {path}"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(files: &[&str], filename: Option<&str>) -> Content {
        Content {
            files: files.iter().map(|&file| file.to_owned()).collect(),
            filename: filename.map(str::to_owned),
            ..Content::default()
        }
    }

    #[tokio::test]
    async fn files_are_named_by_their_paths_or_by_the_option() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "abc").unwrap();
        let path = path.to_str().unwrap();
        let planned = |files: Result<Files, Failure>| {
            let files = files.map_err(|failure| failure.exit())?.planned();
            Ok(files.iter().map(Planned::text).collect::<Vec<_>>())
        };
        for (files, filename, want) in [
            (&[path][..], None, Ok(vec!["a.txt (3 bytes)"])),
            (&[path], Some("b"), Ok(vec!["b (3 bytes)"])),
            (&["-"], Some("b"), Ok(vec!["b"])),
            (&[path, "-"], Some("b"), Ok(vec!["a.txt (3 bytes)", "b"])),
            (&["-"], None, Err(64)),
            (&["-", "-"], Some("b"), Err(64)),
            (&[path, path], Some("b"), Err(64)),
            (&["/"], None, Err(66)),
            (&["/no/such/file"], None, Err(66)),
            (&[path; 11], None, Err(65)),
        ] {
            let got = planned(Files::of(&content(files, filename)).await);
            let want = want.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(got, want, "{files:?} {filename:?}");
        }
    }
}

//! `mrpctl backup` and `restore`.

use super::mrpd;
use crate::cli::tooling::{Backup, Restore};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::escape;
use mrpd_api::body::archive::{BackedUp, Backup as Request};
use serde::Serialize;
use std::path::Path;

/// The daemon writes the file, for it alone may read its store.
pub(crate) async fn back_up(context: &Context, flags: &Backup) -> Result<(), Failure> {
    let path = std::path::absolute(&flags.file).map_err(|error| {
        let doing = format!("write {}", flags.file.display());
        Failure::io(Reason::CannotCreate, &doing, &error)
    })?;
    let request = Request {
        path: written(&path)?,
        overwrite: flags.force,
    };
    let done = context.daemon().await?.back_up(&request).await;
    let BackedUp { path, bytes } = done.map_err(|error| {
        let exists = crate::exit::is_refused_as(&error, mrpd_api::error::Code::CannotCreate)
            && Path::new(&request.path).exists();
        let failure = Failure::from(error);
        if exists && !flags.force {
            return failure.fix("--force, to replace the file");
        }
        failure
    })?;
    let text = format!("{}: {bytes} bytes\n", escape::line(&path));
    let object = BackedUp {
        path: path.clone(),
        bytes,
    };
    context.output.object(&object, || text, Some(&path))
}

#[derive(Serialize)]
struct Restored<'a> {
    restored: &'a Path,
}

fn written(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let what = format!("the path {} is not UTF-8", path.display());
        Failure::new(Reason::Usage, what)
    })
}

/// The daemon's program does it, while no daemon holds the store.
pub(crate) async fn restore(context: &Context, flags: &Restore) -> Result<(), Failure> {
    if context.running_daemon().await.is_ok() {
        return Err(Failure::new(
            Reason::Unavailable,
            "mrpd is running, and holds the store that is to be replaced",
        )
        .fix("mrpctl daemon stop        (and afterwards: mrpctl daemon start)"));
    }
    input::check_readable(&flags.file).await?;
    let mut arguments = vec!["restore".as_ref(), flags.file.as_os_str()];
    if flags.force {
        arguments.push("--force".as_ref());
    }
    let done = mrpd::run(context, arguments).await?;
    let complaints = mrpd::complaints(&done);
    if done.status.success() {
        for line in complaints {
            context.output.note(&escape::line(&line));
        }
        let text = escape::block(&String::from_utf8_lossy(&done.stdout));
        if context.output.is_bare() {
            return context.output.text(&text);
        }
        let restored = Restored {
            restored: &flags.file,
        };
        return context.output.object(&restored, || text, None);
    }
    let what = complaints
        .last()
        .map_or("mrpd restore failed", String::as_str);
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let reason = match done.status.code() {
        Some(73) => Reason::CannotCreate,
        Some(65) => Reason::BadData,
        Some(69) => Reason::Unavailable,
        _ => Reason::Io,
    };
    Err(match reason {
        Reason::CannotCreate => Failure::new(reason, what)
            .fix("--force, to replace it; what is there is kept under another name"),
        _ => Failure::new(reason, what),
    })
}

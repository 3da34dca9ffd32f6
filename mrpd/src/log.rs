//! Where the log goes: to the journal, with fields, where the service manager has put it behind stderr; to a file of bounded size
//! where the daemon was started in the background; else to stderr, a line for each event.
//!
//! What happens too often is written only so often (see [`throttle`]): others decide how often it happens.

mod file;
mod line;
mod throttle;

use crate::config;
use file::Rotating;
use line::EscapedStderr;
use std::io;
use std::path::PathBuf;
use throttle::Throttle;
use tracing::Subscriber;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// The beginning of the journal's fields, such as `MRP_AGENT`.
const FIELD_PREFIX: &str = "MRP";
/// Who writes.
const IDENTIFIER: &str = "mrpd";

type AnyLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// Begins the log. `file` is where it goes unless the journal takes it.
pub(crate) fn start(filter: &str, file: Option<PathBuf>) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::registry()
        .with(
            journal()
                .or_else(|| to_file(file))
                .unwrap_or_else(to_stderr),
        )
        .with(Throttle::default())
        .with(filter);
    // What libraries write through the crate `log` is not taken up: at its finest level the one for WebSockets writes whole
    // frames, with bodies and signatures. A log that was begun before, by a test, goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn journal<S>() -> Option<AnyLayer<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let journal = config::journal_stream()?;
    let stderr = nix::sys::stat::fstat(io::stderr()).ok()?;
    if (stderr.st_dev, stderr.st_ino) != journal {
        return None;
    }
    let layer = tracing_journald::layer().ok()?;
    let layer = layer
        .with_field_prefix(Some(FIELD_PREFIX.to_owned()))
        .with_syslog_identifier(IDENTIFIER.to_owned())
        .with_priority_mappings(PriorityMappings {
            error: Priority::Error,
            warn: Priority::Warning,
            info: Priority::Informational,
            debug: Priority::Debug,
            trace: Priority::Debug,
        });
    Some(layer.boxed())
}

fn to_file<S>(path: Option<PathBuf>) -> Option<AnyLayer<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let file = Rotating::open(path?).ok()?;
    let layer = tracing_subscriber::fmt::layer().with_ansi(false);
    Some(layer.with_writer(file).boxed())
}

fn to_stderr<S>() -> AnyLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(false);
    layer.with_writer(EscapedStderr).boxed()
}

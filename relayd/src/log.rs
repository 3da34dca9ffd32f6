//! The log: standard error, text at a terminal and in the journal, JSON elsewhere. It carries request ids and shortened keys; never
//! a body, a secret or a signature. One event is one line: what would disturb that, or a terminal, is escaped.

mod line;
mod throttle;

pub(crate) use throttle::Throttle;

use crate::config::{self, Config, LogFormat};
use line::{JournalLines, OneLine};
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Format;
use tracing_subscriber::reload::Handle;

/// Changes what is logged, once logging has begun.
static SET_FILTER: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();

/// Whether a text says what to log.
pub(crate) fn is_filter(text: &str) -> bool {
    !text.is_empty() && EnvFilter::builder().parse(text).is_ok()
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people at a terminal.
    Terminal,
    Text,
    /// Without times, which the journal has itself, and with a priority for it.
    Journal,
    Json,
}

impl Form {
    fn of(config: &Config) -> Self {
        let (terminal, journal) = (std::io::stderr().is_terminal(), config::logs_to_journal());
        match config.log_format {
            LogFormat::Json => Self::Json,
            _ if terminal => Self::Terminal,
            _ if journal => Self::Journal,
            LogFormat::Text => Self::Text,
            LogFormat::Auto => Self::Json,
        }
    }
}

/// Begins to log as the configuration says. Only the first call in a process has an effect.
pub(crate) fn begin(config: &Config) {
    let form = Form::of(config);
    let builder = tracing_subscriber::fmt()
        .with_writer(move || OneLine::new(std::io::stderr(), form == Form::Terminal));
    let filter = EnvFilter::builder().parse_lossy(&config.log);
    // A log that was begun before, by a test or an embedding program, goes on. What libraries write through the crate `log` is not
    // taken up: at its finest level the one for WebSockets writes whole frames, with bodies and signatures.
    let _ = match form {
        Form::Terminal | Form::Text => {
            // At a terminal the builder's own default holds, which is to obey NO_COLOR.
            let builder = if form == Form::Text {
                builder.with_ansi(false)
            } else {
                builder
            };
            let builder = builder.with_env_filter(filter).with_filter_reloading();
            let handle = builder.reload_handle();
            set_global_default(builder.finish()).map(|()| keep(handle))
        }
        Form::Journal => {
            let lines = JournalLines(Format::default().without_time().with_ansi(false));
            let builder = builder
                .with_ansi(false)
                .event_format(lines)
                .with_env_filter(filter)
                .with_filter_reloading();
            let handle = builder.reload_handle();
            set_global_default(builder.finish()).map(|()| keep(handle))
        }
        Form::Json => {
            let builder = builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_env_filter(filter)
                .with_filter_reloading();
            let handle = builder.reload_handle();
            set_global_default(builder.finish()).map(|()| keep(handle))
        }
    };
}

/// Logs something else from now on, if the log is ours.
pub(crate) fn set_filter(directives: &str) {
    if let Some(set) = SET_FILTER.get() {
        set(EnvFilter::builder().parse_lossy(directives));
    }
}

fn keep<S: 'static>(handle: Handle<EnvFilter, S>) {
    let set = move |filter| {
        // It fails only where the log is gone.
        let _ = handle.reload(filter);
    };
    let _ = SET_FILTER.set(Box::new(set));
}

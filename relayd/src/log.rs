//! The log: standard error, text at a terminal and JSON elsewhere. It carries request ids and shortened keys; never a body, a secret
//! or a signature.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

/// Changes what is logged, once logging has begun.
static SET_FILTER: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();

/// Whether a text says what to log.
pub(crate) fn is_filter(text: &str) -> bool {
    !text.is_empty() && EnvFilter::builder().parse(text).is_ok()
}

/// Begins to log as the configuration says. Only the first call in a process has an effect.
pub(crate) fn begin(config: &Config) {
    let filter = EnvFilter::builder().parse_lossy(&config.log);
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr);
    let text = match config.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // A log that was begun before, by a test or an embedding program, goes on. What libraries write through the crate `log` is not
    // taken up: at its finest level the one for WebSockets writes whole frames, with bodies and signatures.
    let _ = if text {
        // At a terminal the builder's own default holds, which is to obey NO_COLOR.
        let builder = if terminal {
            builder
        } else {
            builder.with_ansi(false)
        };
        let builder = builder.with_env_filter(filter).with_filter_reloading();
        let handle = builder.reload_handle();
        set_global_default(builder.finish()).map(|()| keep(handle))
    } else {
        let builder = builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_env_filter(filter)
            .with_filter_reloading();
        let handle = builder.reload_handle();
        set_global_default(builder.finish()).map(|()| keep(handle))
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

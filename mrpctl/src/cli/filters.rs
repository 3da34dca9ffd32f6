//! Which messages are meant: the flags that all commands have that read them.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mrpd_api::body::MessageQuery;
use mrpd_api::message::Kind;

/// Every filter that is given must hold.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which messages")]
pub(crate) struct Filters {
    /// Only messages of this contact, key or @group
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Only messages to this local identity
    #[arg(long, value_name = "NAME")]
    pub(crate) to_agent: Option<String>,
    /// Only messages of this thread
    #[arg(long, value_name = "ID")]
    pub(crate) thread: Option<String>,
    /// Only answers to this message
    #[arg(long, value_name = "ID")]
    pub(crate) reply_to: Option<String>,
    /// Only messages of this kind
    #[arg(long, value_parser = kinds())]
    pub(crate) kind: Option<Kind>,
    /// Only messages of this media type
    #[arg(long = "type", value_name = "MIME")]
    pub(crate) content_type: Option<String>,
    /// Only messages for which this holds, such as 'body.event == "build.passed"'
    #[arg(long = "match", value_name = "EXPR")]
    pub(crate) condition: Option<String>,
}

impl Filters {
    /// As the daemon is asked. Where no local identity is named, the one of `--agent` is meant, if that is given.
    pub(crate) fn query(&self, agent: Option<&str>) -> MessageQuery {
        MessageQuery {
            from: self.from.clone(),
            agent: self.to_agent.clone().or_else(|| agent.map(str::to_owned)),
            thread: self.thread.clone(),
            reply_to: self.reply_to.clone(),
            kind: self.kind,
            content_type: self.content_type.clone(),
            condition: self.condition.clone(),
            ..MessageQuery::default()
        }
    }
}

/// Takes the names of the kinds, and offers them to completion.
fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)).try_map(|name| name.parse::<Kind>())
}

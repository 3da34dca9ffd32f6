//! Flags of the commands that ask: the daemon, or this program about itself.

use crate::cli::value;
use clap::{Args, ValueEnum};

/// Ask the daemon by its HTTP interface, as curl would
///
/// The answer is written as it comes; --jq, --fields and --format are for its JSON. A refusal is told like every error, with the exit
/// status that the daemon names. See mrpd-api(7), or: mrpctl api GET /v1/openapi.json
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl api GET /v1/status --jq .relays
  mrpctl api PUT /v1/cursors/archiver -d '{\"seq\": 42}'
  mrpctl api POST /v1/send -d @message.json -H 'Idempotency-Key: 7'
  mrpctl api GET '/v1/messages?follow=1' --stream")]
pub(crate) struct Api {
    /// GET, POST, PUT, PATCH, DELETE or HEAD
    #[arg(value_name = "METHOD", value_parser = value::method)]
    pub(crate) method: String,
    /// Path and query, such as /v1/status
    #[arg(value_name = "PATH", value_parser = value::target)]
    pub(crate) target: String,
    /// The body: JSON, @file, or - for standard input
    #[arg(short, long, value_name = "JSON")]
    pub(crate) data: Option<String>,
    /// A header to send along; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = value::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Write what comes for as long as it comes, such as events
    #[arg(long)]
    pub(crate) stream: bool,
}

/// Show a JSON Schema
///
/// Those of message, hook and status are the daemon's own definitions of what its interface gives; that of config is made from what
/// the daemon reads.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl schema message > message.schema.json
  mrpctl schema config --jq '.properties | keys[]'")]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_name = "WHAT")]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// A line of tail and next, and what a hook reads
    Message,
    /// mrpd.toml, as JSON
    Config,
    /// A hook, as the daemon tells how it stands
    Hook,
    /// The daemon's status
    Status,
}

/// Show recipes
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl cheat
  mrpctl cheat hooks")]
pub(crate) struct Cheat {
    /// On what; without it the topics are listed
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<Topic>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    Send,
    Tail,
    Hooks,
    Cron,
    Relay,
    Jq,
    Backup,
}

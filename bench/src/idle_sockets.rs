//! What an authenticated WebSocket costs the relay while nothing happens on it.

use crate::clock;
use crate::relay::Relay;
use crate::report::{Line, mebibytes};
use crate::wire::fresh_key;
use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use mrp_proto::frame::{Auth, AuthResult, ClientFrame, ServerFrame};
use mrp_proto::key::SecretKey;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Sockets, each of an agent of its own
    #[arg(long, default_value_t = 2_000)]
    sockets: usize,
    /// The relayd to measure; the one built beside this program where absent
    #[arg(long)]
    relayd: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Line>> {
    raise_descriptor_limit()?;
    let relay = Relay::start(options.relayd.as_ref())?;
    // The first few pay for what all share: threads, caches, allocator arenas.
    let mut sockets = Vec::with_capacity(options.sockets + 16);
    for _ in 0..16 {
        sockets.push(connect(relay.address, fresh_key()?).await?);
    }
    let before = relay.resident()?;
    for _ in 0..options.sockets {
        sockets.push(connect(relay.address, fresh_key()?).await?);
    }
    let grown = relay.resident()?.saturating_sub(before);
    Ok(vec![
        Line::new("idle authenticated sockets", options.sockets.to_string()),
        Line::new("relay resident memory before", mebibytes(before)),
        Line::new(
            "growth per socket",
            format!("{:.2} KiB", grown as f64 / options.sockets as f64 / 1024.0),
        ),
    ])
}

fn raise_descriptor_limit() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot raise the limit of open files")
}

async fn connect(
    address: SocketAddr,
    key: SecretKey,
) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let url = format!("ws://{address}/v1/ws");
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
    let auth = Auth::published(&key, clock::now());
    socket
        .send(Message::text(ClientFrame::Auth(auth).encode()))
        .await?;
    loop {
        let frame = socket
            .next()
            .await
            .context("the relay closed the socket")??;
        if let Message::Text(text) = frame {
            match ServerFrame::decode(&text)? {
                ServerFrame::AuthResult(AuthResult::Ok { .. }) => return Ok(socket),
                ServerFrame::AuthResult(AuthResult::Error { error, .. }) => {
                    bail!("not authenticated: {error}")
                }
                _ => {}
            }
        }
    }
}

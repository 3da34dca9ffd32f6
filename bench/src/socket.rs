//! The recipient's end of a relay: an authenticated WebSocket.

use crate::clock;
use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use mrp_proto::frame::{Auth, AuthResult, ClientFrame, ServerFrame};
use mrp_proto::key::SecretKey;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// When the frame that authenticates was about to be written.
    pub(crate) begun: Instant,
}

/// How the frame of a message begins, without decoding it.
const MESSAGE: &str = r#"{"type":"message""#;

impl Socket {
    /// Connects and authenticates.
    pub(crate) async fn open(address: SocketAddr, key: &SecretKey) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let url = format!("ws://{address}/v1/ws");
        let opening = tokio_tungstenite::client_async_with_config(url, stream, Some(config));
        let (stream, _) = opening.await?;
        let auth = ClientFrame::Auth(Box::new(Auth::published(key, clock::now()))).encode();
        let begun = Instant::now();
        let mut socket = Self { stream, begun };
        socket.write(auth).await?;
        loop {
            match ServerFrame::decode(&socket.text().await?)? {
                ServerFrame::AuthResult(AuthResult::Ok { .. }) => return Ok(socket),
                ServerFrame::AuthResult(AuthResult::Error { error, .. }) => {
                    bail!("not authenticated: {error}")
                }
                _ => {}
            }
        }
    }

    /// The frame of the next message.
    pub(crate) async fn message(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let text = self.text().await?;
            if text.starts_with(MESSAGE) {
                return Ok(text);
            }
            if let ServerFrame::Ping = ServerFrame::decode(&text)? {
                self.write(ClientFrame::Pong.encode()).await?;
            }
        }
    }

    /// Says that the message of a frame is stored.
    pub(crate) async fn ack(&mut self, frame: &str) -> anyhow::Result<()> {
        let id = member(frame, "message_id").context("a message has an id")?;
        let ack = ClientFrame::Ack {
            message_id: id.to_owned(),
        };
        self.write(ack.encode()).await
    }

    /// Closes and waits until the relay has done so, too.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        // What is still under way does not matter.
        let _ = self.stream.close(None).await;
        while let Some(Ok(_)) = self.stream.next().await {}
        Ok(())
    }

    async fn write(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    async fn text(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            let frame = self.stream.next().await;
            if let Message::Text(text) = frame.context("the relay closed the socket")?? {
                return Ok(text);
            }
        }
    }
}

/// The value of a member whose text has no escapes, without decoding the rest.
fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

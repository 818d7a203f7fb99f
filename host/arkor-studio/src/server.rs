//! The server: a port of the loopback interface, and a bounded number of connections to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::guard::Guard;
use crate::{Hub, Token, routes};

/// The port that is tried first.
const FIRST_PORT: u16 = 4000;

/// How many ports are tried if none was asked for.
const PORTS: u16 = 100;

/// Most connections at once; more wait. Far below the usual limit of 1024 open files, which the
/// runs need too.
const CONNECTIONS: usize = 700;

/// Longest time for the head of a request, or until the next one comes.
const HEAD: Duration = Duration::from_secs(10);

/// The same for connections that come when half of the places are taken: many that say nothing must not keep
/// the one waiting that does.
const HEAD_WHEN_BUSY: Duration = Duration::from_millis(500);

/// Why no port could be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The one that was asked for.
    #[error("port {port} of 127.0.0.1 cannot be had: {source}")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// None of those that are tried.
    #[error("no port of 127.0.0.1 from {from} to {to} can be had: {source}")]
    All {
        /// The first one tried.
        from: u16,
        /// The last one tried.
        to: u16,
        /// Why not the last one.
        source: std::io::Error,
    },
}

/// A server that has its port.
#[derive(Debug)]
pub struct StudioServer {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
}

impl StudioServer {
    /// Takes this port, 0 for any free one, or else the first free one from 4000 on.
    ///
    /// # Errors
    ///
    /// If none can be had.
    pub async fn bind(port: Option<u16>, token: Token) -> Result<Self, BindError> {
        let try_port = async |port| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let address = listener.local_addr()?;
            Ok::<_, std::io::Error>((listener, address))
        };
        let (listener, address) = match port {
            Some(port) => try_port(port)
                .await
                .map_err(|source| BindError::Port { port, source })?,
            None => {
                let (from, to) = (FIRST_PORT, FIRST_PORT + PORTS - 1);
                let mut next = from;
                loop {
                    match try_port(next).await {
                        Ok(found) => break found,
                        Err(source) if next == to => {
                            return Err(BindError::All { from, to, source });
                        }
                        Err(_) => next += 1,
                    }
                }
            }
        };
        Ok(Self {
            listener,
            address,
            token,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address without the token.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that opens the page. The token is in the part that browsers keep to themselves.
    pub fn page_url(&self) -> String {
        format!("{}/#token={}", self.url(), self.token.secret())
    }

    /// Serves until dropped.
    pub async fn serve(self, hub: Hub) {
        let service = routes::service(hub, Guard::new(self.address, self.token));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            while connections.try_join_next().is_some() {}
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // The process has no file handle to spare, or the client is gone already.
                    tracing::warn!("a connection to the Studio failed: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(service.clone());
            let head = match places.available_permits() > CONNECTIONS / 2 {
                true => HEAD,
                false => HEAD_WHEN_BUSY,
            };
            connections.spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(head)
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!("a connection to the Studio ended: {error}");
                }
                drop(place);
            });
        }
    }
}

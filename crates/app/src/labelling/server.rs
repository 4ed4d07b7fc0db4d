//! Listening, limits, and the orderly end.

use super::guard::{self, Guard};
use super::routes;
use crate::interrupt::Interrupt;
use anyhow::{Context as _, bail};
use axum::http::StatusCode;
use axum::middleware;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use fewlabel_study::labelling::session::Session;
use hyper_util::rt::TokioTimer;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// The port that is tried first, so that a page that is open finds the server again.
const USUAL_PORT: u16 = 8350;
/// No question is longer.
const MOST_BYTES: usize = 64 << 10;
/// A question that is not answered by then is given up.
const LONGEST: Duration = Duration::from_secs(60);
/// Who connects and says nothing is cut off after this.
const PATIENCE: Duration = Duration::from_secs(15);
/// What is being answered when the end comes has so long.
const FAREWELL: Duration = Duration::from_secs(2);
/// Questions that are answered side by side.
const WORKERS: usize = 8;

/// Where the server listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening {
    /// The port; the usual one, or any that is free, where none is said.
    pub(crate) port: Option<u16>,
    /// The address; this machine's own where none is said.
    pub(crate) address: Option<IpAddr>,
    /// Certificate and key, for other machines.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Whether other machines may ask without encryption.
    pub(crate) insecure: bool,
}

/// A server that listens but does not answer yet.
pub(crate) struct Server {
    listener: TcpListener,
    guard: Guard,
    tls: Option<(PathBuf, PathBuf)>,
}

impl Server {
    /// Takes the port.
    pub(crate) fn bind(listening: &Listening) -> anyhow::Result<Self> {
        let address = listening.address.unwrap_or(Ipv4Addr::LOCALHOST.into());
        if !address.is_loopback() && listening.tls.is_none() && !listening.insecure {
            bail!(
                "--listen {address}: other machines could read images and answers on their way; \
                 give --tls-cert and --tls-key, or --insecure if that is all right"
            );
        }
        let bind = |port| TcpListener::bind(SocketAddr::new(address, port));
        let listener = match listening.port {
            Some(port) => bind(port).with_context(|| format!("cannot listen on port {port}"))?,
            None => bind(USUAL_PORT)
                .or_else(|_| bind(0))
                .with_context(|| format!("cannot listen on {address}"))?,
        };
        listener.set_nonblocking(true)?;
        let guard = Guard::new(listener.local_addr()?, listening.tls.is_some())?;
        Ok(Self { listener, guard, tls: listening.tls.clone() })
    }

    /// What a person opens.
    pub(crate) fn url(&self) -> String {
        self.guard.url()
    }

    /// Answers until a signal asks for the end.
    pub(crate) fn serve(self, session: Arc<Session>, interrupt: Interrupt) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(WORKERS)
            .enable_all()
            .build()?;
        runtime.block_on(self.answer(session, interrupt))
    }

    async fn answer(self, session: Arc<Session>, interrupt: Interrupt) -> anyhow::Result<()> {
        let app = routes::router(session)
            .layer(middleware::from_fn_with_state(self.guard, guard::check))
            .layer(RequestBodyLimitLayer::new(MOST_BYTES))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST))
            .layer(middleware::from_fn(routes::signed));
        let handle = Handle::new();
        let end = handle.clone();
        tokio::spawn(async move {
            while interrupt.exit_code().is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            end.graceful_shutdown(Some(FAREWELL));
        });
        match self.tls {
            Some((certificate, key)) => {
                let place = format!("{} and {}", certificate.display(), key.display());
                let config = RustlsConfig::from_pem_file(certificate, key);
                let config = config.await.with_context(|| format!("cannot use {place}"))?;
                let mut server =
                    axum_server::from_tcp_rustls(self.listener, config)?.handle(handle);
                limit(server.http_builder());
                server.serve(app.into_make_service()).await?;
            }
            None => {
                let mut server = axum_server::from_tcp(self.listener)?.handle(handle);
                limit(server.http_builder());
                server.serve(app.into_make_service()).await?;
            }
        }
        Ok(())
    }
}

/// Who connects has to ask soon.
fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
}

//! The way out: one request after the other, each hop checked, resolved, connected and bounded.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use url::{Host, Url};

use super::answer::{Answer, Failure, FetchError, Response};
use super::request::Request;
use super::{FetchLimits, address, message, redirect, tls};
use crate::rule_host::gate::{Gate, Permit};
use crate::rule_host::permissions::Reach;
use crate::rule_host::text::printable;

/// What an operator decides about the network that rules see.
#[derive(Clone)]
pub struct NetworkOptions {
    /// Networks that rules may reach although they are not of the public internet.
    pub may_reach: Vec<IpNet>,
    /// Certificates to trust beside those of the operating system.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            may_reach: Vec::new(),
            extra_roots: Vec::new(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl std::fmt::Debug for NetworkOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkOptions")
            .field("may_reach", &self.may_reach)
            .field("extra_roots", &self.extra_roots.len())
            .finish_non_exhaustive()
    }
}

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync {
    /// The addresses of a name. May block; it is called on a thread for that.
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The operating system's way, `/etc/hosts` included.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = (host, 0).to_socket_addrs()?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The network, as all rules of a host share it.
pub(in crate::rule_host) struct Network {
    options: NetworkOptions,
    limits: FetchLimits,
    connections: Gate,
    lookups: Gate,
    /// Bounds the memory of guests that wait, in MiB.
    pub(super) waiting: Gate,
    /// Bounds the requests that go on after their rule.
    pub(super) left_behind: Gate,
    /// Made at the first request: reading the system's certificates takes a while.
    tls: OnceCell<Arc<ClientConfig>>,
}

/// On whose behalf a request is sent, and within which bounds.
pub(super) struct Errand {
    pub(super) tenant: Arc<str>,
    pub(super) reach: Reach,
    pub(super) deadline: Instant,
    /// What is left of the bytes of all responses of the exchange.
    pub(super) budget: Arc<AtomicUsize>,
}

impl Network {
    pub(in crate::rule_host) fn new(options: NetworkOptions, limits: FetchLimits) -> Self {
        Self {
            // Requests wait for their turn as long as they may take; those that wait are bounded
            // by the exchanges under way.
            connections: Gate::new(limits.connections, usize::MAX),
            lookups: Gate::new(limits.lookups, usize::MAX),
            waiting: Gate::new(limits.waiting_mib, 0),
            left_behind: Gate::new(limits.left_behind, 0),
            tls: OnceCell::new(),
            options,
            limits,
        }
    }

    pub(super) fn limits(&self) -> &FetchLimits {
        &self.limits
    }

    /// Sends a request and follows its redirects. Dropping the future closes the connection.
    pub(super) async fn send(&self, request: Request, errand: &Errand) -> Answer {
        let started = Instant::now();
        match timeout_at(errand.deadline, self.follow(request, errand)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(
                FetchError::TimedOut,
                format!("no answer within {} ms", started.elapsed().as_millis()),
            )),
        }
    }

    async fn follow(&self, mut request: Request, errand: &Errand) -> Answer {
        for _ in 0..=self.limits.redirects {
            check_reach(&request.url, &errand.reach)?;
            match self.hop(&request, errand).await? {
                Hop::Arrived(response) => return Ok(response),
                Hop::Moved(next) => request = *next,
            }
        }
        Err(Failure::unreachable(
            "too many redirects",
            format!("more than {}", self.limits.redirects),
        ))
    }

    async fn hop(&self, request: &Request, errand: &Errand) -> Result<Hop, Failure> {
        let _place = enter(&self.connections, errand).await?;
        let tcp = self.connect(&request.url, errand).await?;
        if request.url.scheme() != "https" {
            return self.exchange(tcp, request, errand).await;
        }
        let name = server_name(&request.url)?;
        let config = self.tls().await?;
        let tls = TlsConnector::from(config).connect(name, tcp).await;
        let tls = tls.map_err(|error| Failure::unreachable("TLS failed", error))?;
        self.exchange(tls, request, errand).await
    }

    /// One request and its response on a connection of their own: none is kept, so nothing that one
    /// tenant left in it can reach another.
    async fn exchange<S>(
        &self,
        stream: S,
        request: &Request,
        errand: &Errand,
    ) -> Result<Hop, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let most = self
            .limits
            .response_bytes
            .min(errand.budget.load(Ordering::Relaxed));
        let look = |head: &http::Response<()>| redirect::next(request, head);
        let hop = message::exchange(stream, request, &self.limits, most, look).await?;
        if let Hop::Arrived(response) = &hop {
            spend(&errand.budget, response.size())?;
        }
        Ok(hop)
    }

    /// Connects to an address that was checked, and to no other.
    async fn connect(&self, url: &Url, errand: &Errand) -> Result<TcpStream, Failure> {
        let addresses = self.addresses(url, errand).await?;
        let mut last = None;
        let mut left = addresses.len();
        for address in addresses {
            // A dead address must not use up the time of those behind it.
            let share = u32::try_from(left).unwrap_or(u32::MAX).max(1);
            let patience = errand.deadline.saturating_duration_since(Instant::now()) / share;
            left = left.saturating_sub(1);
            match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(format!("{address}: {error}")),
                Err(_) => last = Some(format!("{address}: no answer")),
            }
        }
        let last = last.unwrap_or_else(|| "the name has no address".to_owned());
        Err(Failure::unreachable("the connection failed", last))
    }

    /// The addresses behind a URL that rules may reach.
    async fn addresses(&self, url: &Url, errand: &Errand) -> Result<Vec<SocketAddr>, Failure> {
        let port = url.port_or_known_default().unwrap_or_default();
        let found = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => self.look_up(name, errand).await?,
            None => Vec::new(),
        };
        let mut refused = None;
        let mut checked = Vec::with_capacity(found.len());
        for address in found {
            match address::refusal(address, &self.options.may_reach) {
                None => checked.push(SocketAddr::new(address.to_canonical(), port)),
                Some(why) => refused = Some((address, why)),
            }
        }
        match refused {
            Some((address, why)) if checked.is_empty() => Err(Failure::new(
                FetchError::HostNotAllowed,
                format!(
                    "`{}` is at {address}, which is {why} and which rules may not reach; an operator can open it with `claimsmith serve --rules-may-reach {}`",
                    host(url),
                    IpNet::from(address.to_canonical()),
                ),
            )),
            _ => Ok(checked),
        }
    }

    /// Asks the resolver on a thread for what blocks. The tenant's place is held until that thread
    /// is back, whoever may have given up by then: names that take long to answer cost their own
    /// tenant, and never all the threads there are.
    async fn look_up(&self, name: &str, errand: &Errand) -> Result<Vec<IpAddr>, Failure> {
        let place = enter(&self.lookups, errand).await?;
        let resolver = Arc::clone(&self.options.resolver);
        let host = name.to_owned();
        let found = tokio::task::spawn_blocking(move || {
            let _place = place;
            resolver.resolve(&host)
        })
        .await;
        match found {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(Failure::unreachable("the name was not found", error)),
            Err(error) => Err(Failure::unreachable("the name was not found", error)),
        }
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        let roots = self.options.extra_roots.clone();
        let config = self.tls.get_or_try_init(|| async {
            match tokio::task::spawn_blocking(move || tls::config(roots)).await {
                Ok(made) => made.map(Arc::new),
                Err(error) => Err(error.to_string()),
            }
        });
        let made = config.await.map(Arc::clone);
        made.map_err(|error| Failure::unreachable("TLS is not available", error))
    }
}

/// How a hop ended.
pub(super) enum Hop {
    Arrived(Response),
    Moved(Box<Request>),
}

/// Whether the rule may send a request there; if not, the tenant reads what to add.
pub(super) fn check_reach(url: &Url, reach: &Reach) -> Result<(), Failure> {
    let host = host(url);
    reach.check(url, &host).map_err(|advice| {
        let scheme = printable(url.scheme(), 50);
        Failure::new(
            FetchError::HostNotAllowed,
            format!("the rule may not send requests to `{scheme}://{host}`; {advice}"),
        )
    })
}

/// Host and port as they would be allowed.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let named = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    printable(&named, 300)
}

fn server_name(url: &Url) -> Result<ServerName<'static>, Failure> {
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(IpAddr::from(address).into()),
        Some(Host::Ipv6(address)) => Some(IpAddr::from(address).into()),
        None => None,
    };
    name.ok_or_else(|| Failure::unreachable("TLS failed", "the host is no name for TLS"))
}

async fn enter(gate: &Gate, errand: &Errand) -> Result<Permit, Failure> {
    let entered = gate.enter(&errand.tenant).await;
    entered.map_err(|_| Failure::unreachable("too many requests", "the queue is full"))
}

/// Takes from what is left; two that arrive at the same time cannot both have the last of it.
fn spend(budget: &AtomicUsize, size: usize) -> Result<(), Failure> {
    budget
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(size)
        })
        .map(drop)
        .map_err(|left| message::too_large("all responses of this exchange together", left))
}

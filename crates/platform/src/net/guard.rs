//! The guard that checks every connection to an address that a user supplied.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use url::{Host, Url};

use super::address::{Unreachable, why_not_public};

/// The addresses and schemes that an installation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Whether addresses outside the public internet are allowed: for development, and for
    /// receivers in a private network.
    pub allow_private: bool,
    /// Whether plain `http` is allowed, which can be read and changed in transit.
    pub allow_http: bool,
}

/// The reason why an address is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRejected {
    /// The scheme is neither `https` nor `http`.
    #[error("`{0}:` is not allowed: use https")]
    Scheme(String),
    /// The connection would not be encrypted.
    #[error("http is not allowed: use https")]
    NotHttps,
    /// The URL contains a user name or password, which would appear in listings and logs.
    #[error("the URL must not contain a user name or password")]
    Userinfo,
    /// The URL has no host.
    #[error("the URL has no host")]
    NoHost,
    /// The host is not on the public internet.
    #[error("`{host}` is not on the public internet: {reason}")]
    Private {
        /// The host as it is written in the URL.
        host: String,
        /// The kind of address that it is.
        reason: Unreachable,
    },
    /// The host name does not resolve.
    #[error("`{0}` has no address")]
    NoAddress(String),
}

/// Resolves host names.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All addresses of a host, in the order in which to try them.
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Resolves names with the operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0))
            .await?
            .map(|it| it.ip())
            .collect())
    }
}

/// Checks every address against a policy before a client connects to it.
#[derive(Clone)]
pub struct Guard {
    policy: Policy,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    /// A guard that uses the system's resolver.
    pub fn new(policy: Policy) -> Self {
        Self::with_lookup(policy, Arc::new(SystemLookup))
    }

    /// A guard that uses another resolver.
    pub fn with_lookup(policy: Policy, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy, lookup }
    }

    /// The guard's policy.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Checks a URL without resolving its host. Call it before every request, and for every hop if
    /// redirects are followed: a literal IP address is never resolved, so only this check sees it.
    ///
    /// # Errors
    /// The first violation of the policy.
    pub fn check(&self, url: &Url) -> Result<(), UrlRejected> {
        match url.scheme() {
            "https" => {}
            "http" if self.policy.allow_http => {}
            "http" => return Err(UrlRejected::NotHttps),
            other => return Err(UrlRejected::Scheme(other.chars().take(32).collect())),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRejected::Userinfo);
        }
        // The parser has normalised octal, hexadecimal and shortened addresses.
        match url.host() {
            None => Err(UrlRejected::NoHost),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.check_address(&address.to_string(), address.into()),
            Some(Host::Ipv6(address)) => self.check_address(&address.to_string(), address.into()),
        }
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), UrlRejected> {
        match why_not_public(address) {
            Some(reason) if !self.policy.allow_private => Err(UrlRejected::Private {
                host: host.to_owned(),
                reason,
            }),
            _ => Ok(()),
        }
    }

    /// Resolves a name to addresses that the policy allows. One disallowed address is enough to
    /// reject the name: a public name that also points to an internal address is not an accident.
    async fn resolve(
        &self,
        host: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = self.lookup.lookup(host).await?;
        if addresses.is_empty() {
            return Err(UrlRejected::NoAddress(host.to_owned()).into());
        }
        for address in &addresses {
            self.check_address(host, *address)?;
        }
        Ok(addresses)
    }

    /// A client builder whose connections go only to checked addresses: no proxy, which would
    /// resolve names itself, and no redirects, which would not be checked.
    pub fn client(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(self.clone())
    }

    /// The refusal inside an error of a client.
    pub fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a UrlRejected> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(refused) = error.downcast_ref::<UrlRejected>() {
                return Some(refused);
            }
            next = error.source();
        }
        None
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = Guard::resolve(&guard, name.as_str()).await?;
            // Port 0 is replaced by the port of the URL.
            Ok(Box::new(addresses.into_iter().map(|it| SocketAddr::new(it, 0))) as Addrs)
        })
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ALL: Policy = Policy {
        allow_private: true,
        allow_http: true,
    };

    /// A fixed table of names and their addresses.
    struct Names(HashMap<&'static str, Vec<&'static str>>);

    #[async_trait]
    impl Lookup for Names {
        async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
            let unknown = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such name");
            Ok(self
                .0
                .get(host)
                .ok_or_else(unknown)?
                .iter()
                .map(|it| it.parse().unwrap())
                .collect())
        }
    }

    fn guard(policy: Policy, names: &[(&'static str, &[&'static str])]) -> Guard {
        let names = names
            .iter()
            .map(|(name, addresses)| (*name, addresses.to_vec()))
            .collect();
        Guard::with_lookup(policy, Arc::new(Names(names)))
    }

    #[test]
    fn addresses_are_looked_at_in_every_spelling() {
        let table = [
            ("https://example.com/hook?a=1", ""),
            ("https://example.com:8443/", ""),
            ("https://1.1.1.1/", ""),
            ("https://[2606:4700::1111]/", ""),
            ("http://example.com/", "http is not allowed: use https"),
            ("ftp://example.com/", "`ftp:` is not allowed: use https"),
            ("file:///etc/passwd", "`file:` is not allowed: use https"),
            (
                "https://user@example.com/",
                "the URL must not contain a user name or password",
            ),
            (
                "https://:secret@example.com/",
                "the URL must not contain a user name or password",
            ),
            (
                "https://example.com@127.0.0.1/",
                "the URL must not contain a user name or password",
            ),
            (
                "https://127.0.0.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://127.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://0177.0.0.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://0x7f.0.0.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://2130706433/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://%31%32%37.0.0.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://１２７.0.0.1/",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://127.0.0.1./",
                "`127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "https://169.254.169.254/latest/",
                "`169.254.169.254` is not on the public internet: it is link-local",
            ),
            (
                "https://[::1]/",
                "`::1` is not on the public internet: it is this host itself",
            ),
            (
                "https://[::ffff:10.0.0.1]/",
                "`::ffff:10.0.0.1` is not on the public internet: it stands for an IPv4 address",
            ),
        ];
        let guard = Guard::new(Policy::default());
        for (url, refused) in table {
            let answer = guard
                .check(&url.parse().unwrap())
                .map_err(|it| it.to_string());
            assert_eq!(answer.err().unwrap_or_default(), refused, "{url}");
        }
        assert_eq!(
            Guard::new(ALL).check(&"http://127.0.0.1:9/".parse().unwrap()),
            Ok(())
        );
        assert!(
            Guard::new(ALL)
                .check(&"ftp://127.0.0.1/".parse().unwrap())
                .is_err()
        );
    }

    #[tokio::test]
    async fn names_that_point_inside_are_refused() {
        let policy = Policy {
            allow_http: true,
            ..Policy::default()
        };
        let names: [(&str, &[&str]); 5] = [
            ("inside.test", &["10.0.0.7"]),
            ("both.test", &["93.184.215.14", "127.0.0.1"]),
            ("mapped.test", &["::ffff:127.0.0.1"]),
            ("localhost", &["127.0.0.1", "::1"]),
            ("nobody.test", &[]),
        ];
        let client = guard(policy, &names).client().build().unwrap();
        for (host, addresses) in names {
            let error = client
                .get(format!("http://{host}:1/"))
                .send()
                .await
                .unwrap_err();
            let refused = Guard::refusal(&error).unwrap_or_else(|| panic!("{host}: {error:?}"));
            assert_eq!(
                matches!(refused, UrlRejected::NoAddress(_)),
                addresses.is_empty(),
                "{refused}"
            );
            assert_eq!(
                matches!(refused, UrlRejected::Private { .. }),
                !addresses.is_empty(),
                "{refused}"
            );
        }
        let unknown = client.get("http://unknown.test/").send().await.unwrap_err();
        assert!(
            unknown.is_connect() && Guard::refusal(&unknown).is_none(),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn the_connection_goes_where_the_guard_looked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 302 Found\r\nlocation: http://inside.test/\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8_lossy(&request[..read]).to_lowercase()
        });
        // Only our resolver knows this name.
        let client = guard(ALL, &[("receiver.test", &["127.0.0.1"])])
            .client()
            .build()
            .unwrap();
        let answer = client
            .get(format!("http://receiver.test:{port}/hook"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 302, "and it is not followed");
        let request = answering.await.unwrap();
        assert!(
            request.contains(&format!("host: receiver.test:{port}")),
            "{request}"
        );
    }
}

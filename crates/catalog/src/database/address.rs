//! Addresses of databases: the text in the configuration, and the part of it that may be shown.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::Kind;

/// Address of a database: `sqlite:PATH`, a plain path, or `postgres://USER:PASSWORD@HOST/NAME`.
///
/// `Display` and `Debug` omit the password and the options.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseAddress(Place);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Server(Server),
}

impl Place {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::Sqlite,
            Self::Server(_) => Kind::Postgres,
        }
    }
}

/// A PostgreSQL server and the name of a database on it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// URL in the form that sqlx parses; contains the password.
    url: String,
    shown: String,
}

/// A text that is not an address of a database. The error does not repeat the text, which may
/// contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: use sqlite:PATH, a path, or postgres://USER:PASSWORD@HOST/NAME")]
pub struct InvalidAddress(&'static str);

impl DatabaseAddress {
    /// A SQLite file, whatever its name looks like.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Whether it is a SQLite file.
    pub fn is_file(&self) -> bool {
        matches!(self.0, Place::File(_))
    }

    /// The address with its password and options, for another process.
    pub fn expose(&self) -> String {
        match &self.0 {
            Place::File(path) => format!("sqlite:{}", path.display()),
            Place::Server(server) => server.url.clone(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.0
    }
}

impl FromStr for DatabaseAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self(Place::Server(Server::parse(text)?)));
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => {
                return Err(InvalidAddress("neither SQLite nor PostgreSQL"));
            }
            None => text,
        };
        match path {
            "" => Err(InvalidAddress("no path")),
            // Each connection would get its own database.
            ":memory:" => Err(InvalidAddress("a database in memory cannot be shared")),
            _ if text.starts_with("sqlite:") && path.contains('?') => {
                Err(InvalidAddress("a SQLite database takes no options"))
            }
            _ => Ok(Self::file(path)),
        }
    }
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Server(server) => f.write_str(&server.shown),
        }
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseAddress({self})")
    }
}

impl Server {
    fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let options: PgConnectOptions = text
            .parse()
            .map_err(|_| InvalidAddress("not an address of PostgreSQL"))?;
        let name = options
            .get_database()
            .unwrap_or_else(|| options.get_username());
        let shown = match options.get_socket() {
            Some(folder) => format!("postgres:{}/{name}", folder.display()),
            None => format!(
                "postgres://{}:{}/{name}",
                options.get_host(),
                options.get_port()
            ),
        };
        let mut url = text.to_owned();
        // The default must not send secrets over a network in clear text, or to a server that only
        // claims to be the database.
        let says_nothing = !text.contains("sslmode=") && !text.contains("ssl-mode=");
        if says_nothing
            && is_remote(&options)
            && matches!(options.get_ssl_mode(), PgSslMode::Allow | PgSslMode::Prefer)
        {
            url.push(if text.contains('?') { '&' } else { '?' });
            url.push_str("sslmode=verify-full");
        }
        Ok(Self { url, shown })
    }

    pub(super) fn any_options(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        self.url.parse()
    }
}

fn is_remote(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_none()
        && !matches!(host, "localhost" | "::1" | "[::1]")
        && !host.starts_with("127.")
}

/// All characters with a meaning in a URL, or to software that normalises URLs; `.` because of
/// `..`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_');

/// The sqlx options of an existing file.
pub(super) fn file_options(path: &std::path::Path) -> Result<AnyConnectOptions, sqlx::Error> {
    // Resolved first, because sqlx may interpret special characters of the path in the URL.
    let path = path.canonicalize()?;
    let path = path
        .to_str()
        .ok_or_else(|| sqlx::Error::Configuration("its path is not UTF-8".into()))?;
    format!("sqlite://{}?mode=rw", utf8_percent_encode(path, PATH)).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<DatabaseAddress>();
        let shown = parsed
            .map(|it| it.to_string())
            .map_err(|it| it.0.to_owned());
        assert_eq!(
            shown,
            expected.map(str::to_owned).map_err(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn files() {
        check("edgereel.db", Ok("edgereel.db"));
        check("/var/lib/edgereel.db", Ok("/var/lib/edgereel.db"));
        check("sqlite:edgereel.db", Ok("edgereel.db"));
        check("sqlite:/var/lib/edgereel.db", Ok("/var/lib/edgereel.db"));
        check("sqlite:///var/lib/edgereel.db", Ok("/var/lib/edgereel.db"));
        check("what?.db", Ok("what?.db"));
        check(
            "sqlite:edgereel.db?mode=ro",
            Err("a SQLite database takes no options"),
        );
        check("", Err("no path"));
        check("sqlite:", Err("no path"));
        check(
            "sqlite::memory:",
            Err("a database in memory cannot be shared"),
        );
    }

    #[test]
    fn servers_are_shown_without_their_secrets() {
        check(
            "postgres://me:hunter2@db.example/videos",
            Ok("postgres://db.example:5432/videos"),
        );
        check(
            "postgresql://me:hunter2@db.example:6432/videos?sslmode=verify-full",
            Ok("postgres://db.example:6432/videos"),
        );
        check(
            "postgres:///videos?host=/run/postgresql&user=me&password=hunter2",
            Ok("postgres:/run/postgresql/videos"),
        );
        check(
            "postgres://me:hunter2@db.example:port/videos",
            Err("not an address of PostgreSQL"),
        );
        check(
            "postgres://db.example/videos?sslmode=perhaps",
            Err("not an address of PostgreSQL"),
        );
        check(
            "mysql://me:hunter2@db.example/videos",
            Err("neither SQLite nor PostgreSQL"),
        );
        let address: DatabaseAddress = "postgres://me:hunter2@db.example/videos?password=hunter2"
            .parse()
            .unwrap();
        assert!(!format!("{address:?}").contains("hunter2"), "{address:?}");
    }

    #[test]
    fn a_remote_server_must_prove_its_name_unless_configured_otherwise() {
        for (text, expected) in [
            (
                "postgres://db.example/videos",
                "postgres://db.example/videos?sslmode=verify-full",
            ),
            (
                "postgres://db.example/videos?user=me",
                "postgres://db.example/videos?user=me&sslmode=verify-full",
            ),
            (
                "postgres://db.example/videos?sslmode=require",
                "postgres://db.example/videos?sslmode=require",
            ),
            (
                "postgres://db.example/videos?sslmode=disable",
                "postgres://db.example/videos?sslmode=disable",
            ),
            ("postgres://localhost/videos", "postgres://localhost/videos"),
            (
                "postgres://127.0.0.1:5433/videos",
                "postgres://127.0.0.1:5433/videos",
            ),
            (
                "postgres:///videos?host=/run/postgresql",
                "postgres:///videos?host=/run/postgresql",
            ),
        ] {
            assert_eq!(Server::parse(text).unwrap().url, expected);
        }
    }
}

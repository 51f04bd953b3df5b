//! Settings of the API.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::keyring::{GrantKeys, PassKeys};
use http::{HeaderName, Uri};
use platform::secret::Secret;

use super::{Environment, WebhookSettings};
use crate::auth::identity::IdentityProvider;
use crate::limits::{Limits, Rate};
use crate::uploads::plan::UploadTypes;

/// Settings of the API, without the addresses of the services.
#[derive(Debug)]
pub struct ApiSettings {
    /// `EDGEREEL_API_TOKEN`: the installation token, with full access.
    pub token: Secret,
    /// `EDGEREEL_EDGE_URL`: public URL of the edge.
    pub edge_url: String,
    /// `EDGEREEL_API_URL`: public URL of the API, for links.
    pub api_url: String,
    /// `EDGEREEL_GRANT_KEYS`: keys that sign grants, `id:HS256:base64`.
    pub grant_keys: GrantKeys,
    /// `EDGEREEL_PASS_KEYS`: keys that sign image URLs, `id:base64`; without them there are no image URLs.
    pub pass_keys: Option<PassKeys>,
    /// Settings of webhooks.
    pub webhooks: WebhookSettings,
    /// `EDGEREEL_PROFILES`: comma-separated names of the available profiles.
    pub profiles: Vec<String>,
    /// `EDGEREEL_MAX_UPLOAD_BYTES`.
    pub max_upload_bytes: Option<u64>,
    /// `EDGEREEL_MAX_OPEN_UPLOADS`: concurrent uploads per owner; 0: unlimited.
    pub max_open_uploads: Option<u32>,
    /// `EDGEREEL_OWNER_VIDEOS`: videos per owner; 0: unlimited.
    pub owner_videos: Option<u64>,
    /// `EDGEREEL_OWNER_BYTES`: bytes of sources per owner; 0: unlimited.
    pub owner_bytes: Option<u64>,
    /// `EDGEREEL_REQUIRE_UPLOAD_SIZES`: whether uploads by Uppy must announce their size.
    pub require_sizes: bool,
    /// `EDGEREEL_UPLOAD_TYPES`: comma-separated list of accepted content types.
    pub upload_types: Option<UploadTypes>,
    /// `EDGEREEL_UPLOAD_URL_SECONDS`.
    pub upload_url_life: Option<Duration>,
    /// `EDGEREEL_IDENTITY_*`.
    pub identity_provider: Option<Arc<IdentityProvider>>,
    /// `EDGEREEL_CORS_ORIGINS`, comma-separated.
    pub cors_origins: Vec<String>,
    /// `EDGEREEL_REQUESTS_*`, `EDGEREEL_AUTH_FAILURES_*`, `EDGEREEL_CLIENT_ADDRESS_HEADER`.
    pub limits: Limits,
}

/// The longest lifetime of a presigned URL in S3.
const LONGEST_URL_LIFE: u64 = 7 * 24 * 3600;

impl ApiSettings {
    /// Reads all settings, even if there are problems.
    pub(super) fn read(environment: &mut Environment<'_>) -> Option<Self> {
        let (token, edge_url) =
            (Secret::new(environment.text("EDGEREEL_API_TOKEN")), environment.text("EDGEREEL_EDGE_URL"));
        let api_url = environment.optional("EDGEREEL_API_URL").unwrap_or_default();
        let grant_keys = environment.needed("EDGEREEL_GRANT_KEYS", GrantKeys::parse);
        let pass_keys = environment.parsed("EDGEREEL_PASS_KEYS", PassKeys::parse);
        let webhooks = environment.webhooks();
        let profiles = environment.list("EDGEREEL_PROFILES");
        let max_upload_bytes = environment.max_upload_bytes();
        let max_open_uploads = environment.number("EDGEREEL_MAX_OPEN_UPLOADS");
        let (owner_videos, owner_bytes) =
            (environment.number("EDGEREEL_OWNER_VIDEOS"), environment.number("EDGEREEL_OWNER_BYTES"));
        let require_sizes = environment.switch("EDGEREEL_REQUIRE_UPLOAD_SIZES", false);
        let upload_types = environment.parsed("EDGEREEL_UPLOAD_TYPES", str::parse);
        let upload_url_life = environment.parsed("EDGEREEL_UPLOAD_URL_SECONDS", |value| match value.parse() {
            Ok(seconds @ 1..=LONGEST_URL_LIFE) => Ok(Duration::from_secs(seconds)),
            _ => Err("use 1 to 604800"),
        });
        let identity_provider = environment.identity_provider().map(Arc::new);
        let cors_origins = environment.origins();
        let limits = environment.limits();
        Some(Self {
            token,
            edge_url,
            api_url,
            grant_keys: grant_keys?,
            pass_keys,
            webhooks: webhooks?,
            profiles,
            max_upload_bytes,
            max_open_uploads,
            owner_videos,
            owner_bytes,
            require_sizes,
            upload_types,
            upload_url_life,
            identity_provider,
            cors_origins,
            limits,
        })
    }
}

impl Environment<'_> {
    fn origins(&mut self) -> Vec<String> {
        let origins = self.list("EDGEREEL_CORS_ORIGINS");
        if let Some(odd) = origins.iter().find(|it| !is_origin(it)) {
            let what = format!("`{odd}` is not an origin: use `https://HOST`, without a path, or `*`");
            self.problem("EDGEREEL_CORS_ORIGINS:", &what);
        }
        origins
    }

    fn limits(&mut self) -> Limits {
        let default = Limits::default();
        let second = Duration::from_secs(1);
        let callers = self.rate("EDGEREEL_REQUESTS_PER_SECOND", "EDGEREEL_REQUESTS_BURST", second, default.callers);
        let minute = Duration::from_secs(60);
        let failures =
            self.rate("EDGEREEL_AUTH_FAILURES_PER_MINUTE", "EDGEREEL_AUTH_FAILURES_BURST", minute, default.failures);
        let address_header = self.parsed("EDGEREEL_CLIENT_ADDRESS_HEADER", str::parse::<HeaderName>);
        Limits { callers, failures, address_header, ..default }
    }

    /// A rate of `often` requests per `time` with a burst. A rate of 0 means unlimited.
    fn rate(&mut self, often: &str, burst: &str, time: Duration, default: Option<Rate>) -> Option<Rate> {
        let (often, burst) = (self.number::<u32>(often), self.number::<NonZeroU32>(burst));
        let default = default?;
        let refill = often.map_or(Some(default.refill), |it| time.checked_div(it))?;
        Some(Rate { refill, burst: burst.map_or(default.burst, NonZeroU32::get) })
    }
}

/// Whether a text is an origin as browsers send it: scheme, host and optional port.
fn is_origin(text: &str) -> bool {
    let of_uri =
        |it: &Uri| matches!(it.scheme_str(), Some("http" | "https")) && it.path() == "/" && it.query().is_none();
    text == "*" || (!text.ends_with('/') && text.parse::<Uri>().is_ok_and(|it| of_uri(&it)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::InvalidSettings;
    use crate::settings::tests::complete;

    fn read(changes: &[(&str, &str)]) -> Result<ApiSettings, InvalidSettings> {
        let lookup = |name: &str| {
            let change = changes.iter().find(|it| it.0 == name);
            change.map_or_else(|| complete(name), |it| Some(it.1.to_owned()))
        };
        let mut environment = Environment::new(&lookup);
        let read = environment.api();
        environment.finish(read)
    }

    #[track_caller]
    fn check_wrong(name: &str, value: &str, problem: &str) {
        let problems = read(&[(name, value)]).unwrap_err().0;
        assert_eq!(problems, [format!("{name}: {problem}")]);
    }

    #[test]
    fn limits_are_read() {
        let limits = read(&[]).unwrap().limits;
        assert_eq!((limits.callers, limits.failures), (Limits::default().callers, Limits::default().failures));
        let set = [
            ("EDGEREEL_REQUESTS_PER_SECOND", "4"),
            ("EDGEREEL_REQUESTS_BURST", "9"),
            ("EDGEREEL_AUTH_FAILURES_PER_MINUTE", "0"),
            ("EDGEREEL_CLIENT_ADDRESS_HEADER", "CF-Connecting-IP"),
        ];
        let limits = read(&set).unwrap().limits;
        assert_eq!(limits.callers, Some(Rate { burst: 9, refill: Duration::from_millis(250) }));
        assert_eq!((limits.failures, limits.address_header.unwrap().as_str()), (None, "cf-connecting-ip"));
        check_wrong("EDGEREEL_REQUESTS_BURST", "0", "number would be zero for non-zero type");
        check_wrong("EDGEREEL_CLIENT_ADDRESS_HEADER", "an address", "invalid HTTP header name");
    }

    #[test]
    fn uploads_are_limited_as_is_said() {
        let set = [
            ("EDGEREEL_MAX_OPEN_UPLOADS", "3"),
            ("EDGEREEL_UPLOAD_URL_SECONDS", "604800"),
            ("EDGEREEL_OWNER_BYTES", "1000000000000"),
            ("EDGEREEL_REQUIRE_UPLOAD_SIZES", "1"),
        ];
        let api = read(&set).unwrap();
        assert_eq!((api.owner_videos, api.owner_bytes, api.require_sizes), (None, Some(1_000_000_000_000), true));
        check_wrong("EDGEREEL_OWNER_VIDEOS", "-1", "invalid digit found in string");
        assert_eq!((api.max_open_uploads, api.upload_url_life), (Some(3), Some(Duration::from_secs(604_800))));
        check_wrong("EDGEREEL_MAX_OPEN_UPLOADS", "many", "invalid digit found in string");
        check_wrong("EDGEREEL_UPLOAD_URL_SECONDS", "604801", "use 1 to 604800");
        check_wrong("EDGEREEL_UPLOAD_TYPES", "video", "`video` is not a content type: use `video/mp4`, or `video/*`");
    }

    #[test]
    fn origins_have_no_path() {
        let set = [("EDGEREEL_CORS_ORIGINS", "https://a.example, http://localhost:5173")];
        assert_eq!(read(&set).unwrap().cors_origins, ["https://a.example", "http://localhost:5173"]);
        assert_eq!(read(&[("EDGEREEL_CORS_ORIGINS", "*")]).unwrap().cors_origins, ["*"]);
        for odd in ["a.example", "https://a.example/", "https://a.example/x", "ftp://a.example"] {
            let problem = format!("`{odd}` is not an origin: use `https://HOST`, without a path, or `*`");
            check_wrong("EDGEREEL_CORS_ORIGINS", odd, &problem);
        }
    }

    #[test]
    fn an_identity_provider_is_configured_completely_or_not_at_all() {
        let secret = "x".repeat(32);
        let (issuer, audience) =
            (("EDGEREEL_IDENTITY_ISSUER", "https://id.example"), ("EDGEREEL_IDENTITY_AUDIENCE", "a, b"));
        let url = ("EDGEREEL_IDENTITY_JWKS_URL", "https://id.example/keys");
        assert!(read(&[("EDGEREEL_IDENTITY_SECRET", &secret), issuer, audience]).unwrap().identity_provider.is_some());
        assert!(read(&[url, issuer, audience]).unwrap().identity_provider.is_some());
        let es256 = ("EDGEREEL_IDENTITY_ALGORITHMS", "ES256");
        assert!(read(&[url, issuer, audience, es256]).unwrap().identity_provider.is_some());
        let wrong: [(&[(&str, &str)], &str); 6] = [
            (&[issuer], "EDGEREEL_IDENTITY_SECRET or EDGEREEL_IDENTITY_JWKS_URL is not set"),
            (&[url, audience], "EDGEREEL_IDENTITY_ISSUER is not set"),
            (&[url, issuer], "EDGEREEL_IDENTITY_AUDIENCE is not set"),
            (
                &[url, issuer, audience, ("EDGEREEL_IDENTITY_SECRET", &secret)],
                "EDGEREEL_IDENTITY_SECRET and EDGEREEL_IDENTITY_JWKS_URL are both set: use one",
            ),
            (
                &[url, issuer, audience, ("EDGEREEL_IDENTITY_ALGORITHMS", "HS256")],
                "EDGEREEL_IDENTITY_ALGORITHMS: use RS256, ES256, or both",
            ),
            (
                &[("EDGEREEL_IDENTITY_SECRET", "hunter2"), issuer, audience],
                "EDGEREEL_IDENTITY_SECRET: the secret of the identity provider has 7 bytes, but needs at least 32",
            ),
        ];
        for (set, problem) in wrong {
            assert_eq!(read(set).unwrap_err().0, [problem]);
        }
    }
}

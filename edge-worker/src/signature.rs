//! AWS Signature Version 4, for one POST with a body, the only request that the relay sends.
//!
//! Small on purpose: Amazon's own signer would be a third of the script. The tests compare the two.

use domain::ids::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// AWS credentials. Prints as `Credentials(ID)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.access_key_id)
    }
}

/// A POST request to sign.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Name of the service, for example `sqs`.
    pub service: &'a str,
    /// Name of the region, for example `eu-central-1`.
    pub region: &'a str,
    /// Host as `fetch` will send it: with the port, unless it is the default port of the scheme.
    pub host: &'a str,
    /// Path, without characters that would have to be encoded.
    pub path: &'a str,
    /// Headers, names in lower case, sorted; without `host`, and without those that the signature
    /// adds.
    pub headers: &'a [(&'static str, &'a str)],
    /// Body of the request.
    pub body: &'a [u8],
    /// Current time, Unix seconds.
    pub now: u64,
}

/// The headers to add to the request, except `host`, which the client sets.
pub fn sign(post: &Post<'_>, credentials: &Credentials) -> Vec<(&'static str, String)> {
    let time = timestamp(post.now);
    let day = time.get(..8).unwrap_or_default();
    let mut signed = post.headers.to_vec();
    let token = credentials
        .session_token
        .as_deref()
        .map(|it| ("x-amz-security-token", it));
    for header in [
        Some(("host", post.host)),
        Some(("x-amz-date", &time)),
        token,
    ]
    .into_iter()
    .flatten()
    {
        let place = signed.iter().take_while(|it| it.0 < header.0).count();
        signed.insert(place, header);
    }
    let names = signed.iter().map(|it| it.0).collect::<Vec<_>>().join(";");
    let headers: String = signed
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", tidy(value)))
        .collect();
    let request = format!(
        "POST\n{}\n\n{headers}\n{names}\n{}",
        post.path,
        hex(&Sha256::digest(post.body))
    );
    let scope = format!("{day}/{}/{}/aws4_request", post.region, post.service);
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(request.as_bytes()))
    );
    let secret = format!("AWS4{}", credentials.secret_access_key);
    let key = [day, post.region, post.service, "aws4_request"]
        .into_iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        credentials.access_key_id,
        hex(&mac(&key, text.as_bytes()))
    );
    let mut added = vec![("authorization", authorization), ("x-amz-date", time)];
    added.extend(
        credentials
            .session_token
            .clone()
            .map(|it| ("x-amz-security-token", it)),
    );
    added
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC accepts keys of any length.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|it| it.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// Normalises white space for the signature: none around, single spaces within.
fn tidy(value: &str) -> String {
    value
        .split(' ')
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Formats `20240524T193644Z`.
fn timestamp(now: u64) -> String {
    let (days, second) = (now / 86_400, now % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Converts days since 1970 to a date, with Howard Hinnant's `civil_from_days`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "every step is bounded by the first line"
)]
fn civil(days: u64) -> (u64, u64, u64) {
    // Days from the first of March of the year 0; up to the year 9999, the last one with four
    // digits.
    let days = days.min(2_932_896) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials as Theirs;
    use aws_sigv4::http_request::{
        PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as oracle,
    };
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;

    use super::*;

    /// The headers that Amazon's own signer adds.
    fn theirs(post: &Post<'_>, credentials: &Credentials) -> Vec<(String, String)> {
        let Credentials {
            access_key_id,
            secret_access_key,
            session_token,
        } = credentials.clone();
        let mut identity = Theirs::builder()
            .access_key_id(access_key_id)
            .secret_access_key(secret_access_key);
        identity.set_session_token(session_token);
        let identity = identity.provider_name("test").build().into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(post.region)
            .name(post.service)
            .time(
                SystemTime::UNIX_EPOCH
                    .checked_add(Duration::from_secs(post.now))
                    .unwrap(),
            )
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("https://{}{}", post.host, post.path);
        let headers = post.headers.iter().copied();
        let request =
            SignableRequest::new("POST", url, headers, SignableBody::Bytes(post.body)).unwrap();
        let (instructions, _) = oracle(request, &parameters).unwrap().into_parts();
        let mut added: Vec<(String, String)> = instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        added.sort();
        added
    }

    fn ours(post: &Post<'_>, credentials: &Credentials) -> Vec<(String, String)> {
        let mut added: Vec<(String, String)> = sign(post, credentials)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        added.sort();
        added
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (now, expected) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_716_579_404, "20240524T193644Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (u64::MAX, "99991231T071536Z"),
        ] {
            assert_eq!(
                timestamp(now).split_at(8).0,
                expected.split_at(8).0,
                "{now}"
            );
        }
        assert_eq!(timestamp(1_716_579_404), "20240524T193644Z");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let credentials = Credentials {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "hush".to_owned(),
            session_token: Some("hush".to_owned()),
        };
        assert_eq!(format!("{credentials:?}"), "Credentials(AKID)");
    }

    proptest! {
        #[test]
        fn signed_as_amazon_does(
            body in prop::collection::vec(any::<u8>(), 0..200),
            now in 0_u64..4_102_444_800,
            host in "[a-z]{1,8}(\\.[a-z]{2,8}){0,2}(:[1-9][0-9]{3})?",
            path in "/|/[a-z0-9]{1,12}/[a-z0-9][a-z0-9_-]{1,12}",
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            target in "[A-Za-z.]{1,30}( {1,3}[a-z]{1,5})?",
            id in "[A-Z0-9]{16,20}",
            secret in "[A-Za-z0-9/+]{40}",
            token in prop::option::of("[A-Za-z0-9/+=]{1,300}"),
        ) {
            let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())];
            let post =
                Post { service: "sqs", region: &region, host: &host, path: &path, headers: &headers, body: &body, now };
            let credentials = Credentials { access_key_id: id, secret_access_key: secret, session_token: token };
            prop_assert_eq!(ours(&post, &credentials), theirs(&post, &credentials));
        }
    }
}

//! Checks the signature of a request (AWS Signature Version 4), from its definition.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::http::Request;

/// Headers that each request has to sign.
const REQUIRED: [&str; 4] = ["content-type", "host", "x-amz-date", "x-amz-target"];

/// Says what is wrong with the signature.
pub(super) fn check(request: &Request, key: &str, region: &str) -> Result<(), String> {
    let authorization = request.header("authorization");
    let part = |name: &str| {
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|it| it.strip_prefix(name))
    };
    let parts = (
        part("Credential="),
        part("SignedHeaders="),
        part("Signature="),
    );
    let (Some(credential), Some(signed), Some(signature)) = parts else {
        return Err(format!("not a signature: `{authorization}`"));
    };
    let time = request.header("x-amz-date");
    let day = time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/ecs/aws4_request");
    if credential != format!("{key}/{scope}") {
        return Err(format!("the credential is {credential}"));
    }
    let names: Vec<&str> = signed.split(';').collect();
    if let Some(missing) = REQUIRED.iter().find(|it| !names.contains(it)) {
        return Err(format!("{missing} is not signed"));
    }
    let headers: String = names
        .iter()
        .map(|it| format!("{it}:{}\n", request.header(it)))
        .collect();
    let (method, path, body) = (&request.method, &request.path, sha256(&request.body));
    let canonical = format!("{method}\n{path}\n\n{headers}\n{signed}\n{body}");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let mut secret = format!("AWS4{key}").into_bytes();
    for it in scope.split('/') {
        secret = hmac(&secret, it);
    }
    if hex(&hmac(&secret, &text)) == signature {
        Ok(())
    } else {
        Err(format!("not the signature of `{canonical}`"))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

//! Public-key signatures, verified by the runtime's own cryptography.

use domain::grant::DelegatedSignature;
use domain::keyring::Algorithm;
use js_sys::futures::JsFuture;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::WorkerGlobalScope;

/// Whether a signature is valid. One that cannot be verified is not.
pub(super) async fn is_valid(signature: &DelegatedSignature<'_>) -> bool {
    check(signature).await.is_ok_and(|it| it == JsValue::TRUE)
}

async fn check(signature: &DelegatedSignature<'_>) -> Result<JsValue, JsValue> {
    let algorithm = match signature.algorithm {
        Algorithm::Es256 => object(&[
            ("name", "ECDSA"),
            ("namedCurve", "P-256"),
            ("hash", "SHA-256"),
        ])?,
        Algorithm::EdDsa => object(&[("name", "Ed25519")])?,
        Algorithm::Hs256 => return Ok(JsValue::FALSE),
    };
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let subtle = scope.crypto()?.subtle();
    let public_key = Uint8Array::from(signature.public_key);
    let usages = Array::of1(&JsValue::from_str("verify"));
    let key = JsFuture::from(subtle.import_key_with_object(
        "raw",
        &public_key,
        &algorithm,
        false,
        &usages,
    )?)
    .await?;
    let (given, message) = (
        Uint8Array::from(&*signature.signature),
        Uint8Array::from(signature.message.as_bytes()),
    );
    let verifying = subtle.verify_with_object_and_buffer_source_and_buffer_source(
        &algorithm,
        key.unchecked_ref(),
        &given,
        &message,
    )?;
    JsFuture::from(verifying).await
}

fn object(fields: &[(&str, &str)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    Ok(object)
}

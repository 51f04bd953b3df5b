//! Settings: the variables of the function, and a secret in AWS Secrets Manager.

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use config::Variables;
use serde_json::{Map, Value};

/// The variable with the ARN of the secret: a JSON object whose keys are names of variables.
const SECRET_ARN: &str = "EDGEREEL_SECRET_ARN";

/// The variables of this process, and those in the secret that `EDGEREEL_SECRET_ARN` names.
///
/// # Errors
/// If the secret cannot be read, or is not an object of texts. No error contains a value.
pub async fn variables() -> anyhow::Result<Variables> {
    let variables = Variables::of_process();
    let Some(arn) = variables.value(SECRET_ARN).map(str::to_owned) else {
        return Ok(variables);
    };
    let secret = read(&arn)
        .await
        .with_context(|| format!("cannot read the secret `{arn}` ({SECRET_ARN})"))?;
    let texts = secret.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        _ => Err(anyhow::anyhow!(
            "the value of {name} in the secret `{arn}` is not a text"
        )),
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(variables.with_secrets("the secret", texts))
}

async fn read(arn: &str) -> anyhow::Result<Map<String, Value>> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    if let Some(region) = arn.split(':').nth(3) {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let client = Client::new(&loader.load().await);
    let answer = client.get_secret_value().secret_id(arn).send().await?;
    let text = answer.secret_string().context("it has no text")?;
    // An error of the parser names a place, and no value.
    serde_json::from_str(text).context("it is not a JSON object")
}

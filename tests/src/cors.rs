//! The CORS rules of a bucket.

use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};

/// A bucket, and credentials of an operator.
pub struct OperatedBucket {
    /// The store's URL.
    pub endpoint: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Name of the bucket.
    pub name: String,
}

impl OperatedBucket {
    /// Replaces the CORS rules by one that lets pages of `origin` send PUT requests.
    ///
    /// # Panics
    /// If the store rejects it.
    pub async fn allow(&self, origin: &str, headers: &[&str], exposed: &[&str]) {
        let credentials = Credentials::new(
            &self.access_key_id,
            &self.secret_access_key,
            None,
            None,
            "test",
        );
        let client = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::new("auto"))
            .credentials_provider(credentials)
            .force_path_style(true);
        let client = aws_sdk_s3::Client::from_conf(client.build());
        let mut rule = CorsRule::builder()
            .allowed_origins(origin)
            .allowed_methods("PUT");
        for name in headers {
            rule = rule.allowed_headers(*name);
        }
        for name in exposed {
            rule = rule.expose_headers(*name);
        }
        let rule = rule.build().expect("a rule");
        let rules = CorsConfiguration::builder().cors_rules(rule).build();
        client
            .put_bucket_cors()
            .bucket(&self.name)
            .cors_configuration(rules.expect("a configuration"))
            .send()
            .await
            .expect("the store accepts the rule");
    }
}

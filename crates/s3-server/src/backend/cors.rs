//! The CORS rules of a bucket: set, read, removed.

use rusqlite::{Connection, params};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::Backend;
use crate::cors::{Cors, Rule};
use crate::objects;

impl Backend {
    pub(super) async fn put_bucket_cors(
        &self,
        request: S3Request<PutBucketCorsInput>,
    ) -> S3Result<PutBucketCorsOutput> {
        let PutBucketCorsInput {
            bucket,
            cors_configuration,
            ..
        } = request.input;
        self.set_cors(bucket, Rule::read_all(cors_configuration.cors_rules)?)
            .await?;
        Ok(PutBucketCorsOutput::default())
    }

    pub(super) async fn get_bucket_cors(
        &self,
        request: S3Request<GetBucketCorsInput>,
    ) -> S3Result<GetBucketCorsOutput> {
        let bucket = request.input.bucket;
        let name = bucket.clone();
        self.look(move |connection| objects::require_bucket(connection, &name))
            .await?;
        let rules = self.cors.of_bucket(&bucket);
        if rules.is_empty() {
            let code = S3ErrorCode::Custom("NoSuchCORSConfiguration".into());
            let mut error = S3Error::with_message(code, "the bucket has no CORS rules");
            error.set_status_code(http::StatusCode::NOT_FOUND);
            return Err(error);
        }
        Ok(GetBucketCorsOutput {
            cors_rules: Some(rules.into_iter().map(Rule::into_s3).collect()),
        })
    }

    /// Afterwards no page can reach the bucket, whatever its configured origins.
    pub(super) async fn delete_bucket_cors(
        &self,
        request: S3Request<DeleteBucketCorsInput>,
    ) -> S3Result<DeleteBucketCorsOutput> {
        self.set_cors(request.input.bucket, vec![]).await?;
        Ok(DeleteBucketCorsOutput::default())
    }

    async fn set_cors(&self, bucket: String, rules: Vec<Rule>) -> S3Result<()> {
        let text = serde_json::to_string(&rules).map_err(S3Error::internal_error)?;
        let cors = self.cors.clone();
        let name = bucket.clone();
        self.index
            .write(move |connection| {
                objects::require_bucket(connection, &name)?;
                connection
                    .execute(
                        "INSERT OR REPLACE INTO cors VALUES (?1, ?2)",
                        params![name, text],
                    )
                    .map_err(S3Error::internal_error)?;
                Ok(().into())
            })
            .await?;
        // After two concurrent requests, the rules written last apply.
        self.look(move |connection| load(connection, &cors).map_err(S3Error::internal_error))
            .await
    }
}

/// Reads the rules that were set.
pub(crate) fn load(connection: &Connection, cors: &Cors) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT bucket, rules FROM cors")?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (bucket, text) = row?;
        let rules = serde_json::from_str(&text).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
        })?;
        cors.set(&bucket, rules);
    }
    Ok(())
}

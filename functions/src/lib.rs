//! What the AWS Lambda programs share: [`batch`] and [`gateway`] adapt events of AWS to the crate `api`.

pub mod batch;
pub mod gateway;

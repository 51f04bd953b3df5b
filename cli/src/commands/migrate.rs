//! `edgereel migrate`.

use catalog::database::{DatabaseConfig, MigrationName};
use serde_json::json;

use crate::Result;
use crate::args::MigrateArgs;
use crate::output::{CommandError, Output};

/// Runs the missing migrations, or prints them.
///
/// # Errors
/// A database that cannot be opened, or that a newer version has changed; with `check`, a database that lacks
/// migrations.
pub async fn run(args: MigrateArgs, output: &Output) -> Result {
    let config = DatabaseConfig::from(args.database);
    let migrations = config
        .migrate(args.check)
        .await
        .map_err(anyhow::Error::from)?;
    let names: Vec<String> = migrations.iter().map(name).collect();
    let key = if args.check { "missing" } else { "applied" };
    output.object(&json!({ "database": config.address.to_string(), (key): names }));
    for name in &names {
        output.line(format!("{key}  {name}"));
    }
    if names.is_empty() {
        output.line(format!("The database `{}` is up to date.", config.address));
    } else if args.check {
        let problem = anyhow::anyhow!(
            "the database `{}` lacks {} migrations: run `edgereel migrate`",
            config.address,
            names.len()
        );
        return Err(CommandError::failed("not-migrated", problem));
    }
    Ok(())
}

fn name(migration: &MigrationName) -> String {
    format!("{:04} {}", migration.number, migration.description)
}

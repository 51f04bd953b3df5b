//! `edgereel cost`.

use api_types::costs::{CostSum, CostsBy, ListCosts};
use api_types::receipts::VideoReceipt;
use domain::ids::VideoId;
use serde_json::json;

use crate::Result;
use crate::api::Api;
use crate::args::CostArgs;
use crate::csv::cell;
use crate::output::{CommandError, Output, bytes};
use crate::table::{Table, duration};

/// The columns of CSV after the name of the group.
const COLUMNS: &str = "videos,source_seconds,cpu_seconds,bytes_read,bytes_written,bytes_stored,write_requests,\
    read_requests,compute_usd,egress_usd,requests_usd,once_usd,storage_usd_per_month";

/// Shows what a video cost, or all videos by group.
pub async fn run(args: CostArgs, output: &Output) -> Result {
    let api = Api::of(&args.api)?;
    match args.video {
        Some(video) => one(&api, video, args.csv, output).await,
        None => groups(&api, args, output).await,
    }
}

async fn one(api: &Api, id: VideoId, is_csv: bool, output: &Output) -> Result {
    let video = api.video(id).await?;
    let Some(receipt) = video.receipt else {
        return Err(CommandError::failed(
            "no-receipt",
            anyhow::anyhow!(
                "the video is {}: it has a receipt when it is ready",
                video.summary.state
            ),
        ));
    };
    let sum = sum_of(&receipt);
    output.object(&json!({ "video": id, "receipt": receipt }));
    let row = (id.to_string(), sum);
    output.line(match is_csv {
        true => csv("video", &[row]),
        false => table("VIDEO", vec![row]),
    });
    Ok(())
}

async fn groups(api: &Api, args: CostArgs, output: &Output) -> Result {
    let by = CostsBy::from(args.by);
    let params = ListCosts {
        by: Some(by),
        since: args.since,
        until: args.until,
        owner: args.owner,
    };
    let costs = api.costs(&params).await?;
    output.object(&costs);
    let rows = costs.groups.into_iter().map(|group| {
        let name = match (by, group.month, group.owner) {
            (CostsBy::Month, month, _) => month.map(|it| it.to_string()),
            (CostsBy::Owner, _, owner) => owner,
        };
        (name, group.sum)
    });
    let rows: Vec<(Option<String>, CostSum)> = rows.collect();
    let name = match by {
        CostsBy::Month => "month",
        CostsBy::Owner => "owner",
    };
    if args.csv {
        // An empty cell is the installation itself, which has no owner.
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(name, sum)| (name.unwrap_or_default(), sum))
            .collect();
        output.line(csv(name, &rows));
        return complete(costs.left_out);
    }
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(name, sum)| (name.unwrap_or_else(|| "(no owner)".to_owned()), sum))
        .collect();
    if costs.left_out > 0 {
        output.line(format!(
            "{} groups with lower costs are left out",
            costs.left_out
        ));
    }
    rows.push(("total".to_owned(), costs.total));
    output.line(table(&name.to_uppercase(), rows));
    Ok(())
}

/// A program that reads CSV sees no sentence about groups that are left out.
fn complete(left_out: u64) -> Result {
    match left_out {
        0 => Ok(()),
        _ => Err(CommandError::failed(
            "groups-left-out",
            anyhow::anyhow!(
                "the output is not complete: {left_out} groups with lower costs are left out; use --owner for one of \
                 them, or --by month for complete sums"
            ),
        )),
    }
}

/// The receipt of one video as a sum.
fn sum_of(receipt: &VideoReceipt) -> CostSum {
    let VideoReceipt { receipt, cost } = receipt;
    CostSum {
        videos: 1,
        cpu_ms: receipt.cpu_ms,
        source_ms: receipt.source_ms,
        bytes_in: receipt.bytes_in,
        bytes_out: receipt.bytes_out,
        store_writes: receipt.store_writes,
        store_reads: receipt.store_reads,
        stored_bytes: receipt.stored_bytes,
        cost: *cost,
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn table(name: &str, rows: Vec<(String, CostSum)>) -> String {
    let mut table = Table::new([
        name,
        "VIDEOS",
        "LENGTH",
        "CPU S",
        "WRITTEN",
        "STORED",
        "REQUESTS",
        "USD ONCE",
        "USD/MONTH",
    ]);
    for (name, sum) in rows {
        table.add([
            name,
            sum.videos.to_string(),
            duration(seconds(sum.source_ms)),
            format!("{:.1}", seconds(sum.cpu_ms)),
            bytes(sum.bytes_out),
            bytes(sum.stored_bytes),
            (sum.store_writes + sum.store_reads).to_string(),
            format!("{:.4}", sum.cost.once_usd()),
            format!("{:.4}", sum.cost.storage_usd_per_month),
        ]);
    }
    table.render()
}

/// Comma-separated values, without a line end after the last row.
fn csv(name: &str, rows: &[(String, CostSum)]) -> String {
    let lines = rows.iter().map(|(name, sum)| {
        let cost = &sum.cost;
        let numbers = [
            sum.videos.to_string(),
            seconds(sum.source_ms).to_string(),
            seconds(sum.cpu_ms).to_string(),
            sum.bytes_in.to_string(),
            sum.bytes_out.to_string(),
            sum.stored_bytes.to_string(),
            sum.store_writes.to_string(),
            sum.store_reads.to_string(),
            format!("{:.6}", cost.compute_usd),
            format!("{:.6}", cost.egress_usd),
            format!("{:.6}", cost.requests_usd),
            format!("{:.6}", cost.once_usd()),
            format!("{:.6}", cost.storage_usd_per_month),
        ];
        format!("{},{}", cell(name), numbers.join(","))
    });
    let mut all = vec![format!("{name},{COLUMNS}")];
    all.extend(lines);
    all.join("\r\n")
}

#[cfg(test)]
mod tests {
    use domain::receipt::Cost;

    use super::*;

    fn sum() -> CostSum {
        CostSum {
            videos: 2,
            cpu_ms: 1_500,
            source_ms: 61_000,
            bytes_in: 4_000,
            bytes_out: 5_000_000,
            store_writes: 60,
            store_reads: 7,
            stored_bytes: 8_000_000_000,
            cost: Cost {
                compute_usd: 0.25,
                egress_usd: 0.5,
                requests_usd: 0.125,
                storage_usd_per_month: 0.12,
            },
        }
    }

    #[test]
    fn costs_are_rows() {
        let text = table("OWNER", vec![("ann".to_owned(), sum())]);
        let lines: Vec<Vec<&str>> = text.lines().map(|it| it.split("  ").collect()).collect();
        let cells = |line: &[&str]| {
            let cells = line.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
            cells.map(str::to_owned).collect::<Vec<_>>()
        };
        let expected = [
            "ann", "2", "1:01", "1.5", "5.0 MB", "8.0 GB", "67", "0.8750", "0.1200",
        ];
        assert_eq!(cells(&lines[1]), expected);
        assert_eq!(cells(&lines[0]).len(), expected.len());
    }

    #[test]
    fn costs_are_comma_separated_values() {
        let text = csv("owner", &[("=a,b".to_owned(), sum())]);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines[1],
            "\"'=a,b\",2,61,1.5,4000,5000000,8000000000,60,7,0.250000,0.500000,0.125000,0.875000,0.120000"
        );
        assert_eq!(lines[0].split(',').count(), 14);
        assert!(lines[0].starts_with("owner,videos,"), "{text}");
    }

    #[test]
    fn incomplete_values_are_an_error() {
        assert!(complete(0).is_ok());
        let Err(CommandError::Failed { code, error }) = complete(3) else {
            panic!("a failure")
        };
        assert_eq!(code, "groups-left-out");
        assert!(error.to_string().contains("3 groups"), "{error}");
    }
}

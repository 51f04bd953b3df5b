//! The report: what became of each source.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::ids::VideoId;
use serde::Serialize;
use serde_json::json;

use super::{Item, ItemState};
use crate::csv::cell;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON document.
    Json,
}

/// Shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);
/// Part of the time that is spent on writing, at most.
const SHARE: u32 = 10;

/// The kind of the sources of a catalogue, which decides the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Objects of the bucket.
    Objects,
    /// Assets of another service.
    Assets,
}

/// A file with what became of each source. It is replaced as a whole, so readers never see a part of it.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    format: ReportFormat,
    columns: Columns,
    /// Not before, unless it is the last write.
    next: Instant,
    is_outdated: bool,
}

impl Report {
    /// A report at `path`, whose extension is its format: `.csv` or `.json`.
    ///
    /// # Errors
    /// Another extension.
    pub fn at(path: &Path, columns: Columns) -> Result<Self, String> {
        let extension = path.extension().map(|it| it.to_ascii_lowercase());
        let format = match extension.as_ref().and_then(|it| it.to_str()) {
            Some("csv") => ReportFormat::Csv,
            Some("json") => ReportFormat::Json,
            _ => return Err(format!("`{}` must end with .csv or .json", path.display())),
        };
        Ok(Self {
            path: path.to_owned(),
            format,
            columns,
            next: Instant::now(),
            is_outdated: true,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that a source has changed.
    pub fn outdate(&mut self) {
        self.is_outdated = true;
    }

    /// Writes the report if it is outdated and the last write was long enough ago.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save_if_due(&mut self, items: &[Item]) -> anyhow::Result<()> {
        match self.is_outdated && Instant::now() >= self.next {
            true => self.save(items),
            false => Ok(()),
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&mut self, items: &[Item]) -> anyhow::Result<()> {
        let began = Instant::now();
        let text = match self.format {
            ReportFormat::Csv => csv(items, self.columns),
            ReportFormat::Json => document(items, self.columns),
        };
        self.replace(text.as_bytes())
            .with_context(|| format!("cannot write the report `{}`", self.path.display()))?;
        self.is_outdated = false;
        // The report of a large catalogue takes a while to write.
        self.next = Instant::now() + PAUSE.max(began.elapsed() * SHARE);
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        // The umask of the process limits these permissions.
        let readable = std::fs::Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .prefix(".edgereel-report-")
            .permissions(readable)
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// A source as it is reported.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Row<'a> {
    /// An object of the bucket.
    Object(ObjectRow<'a>),
    /// An asset of another service.
    Asset(AssetRow<'a>),
}

/// An object as it is reported.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectRow<'a> {
    object: &'a str,
    size: u64,
    etag: &'a str,
    video: Option<VideoId>,
    state: &'static str,
    duplicate_of: Option<&'a str>,
    seconds: Option<f64>,
    cost_usd: Option<f64>,
    problem: Option<&'a str>,
}

/// An asset as it is reported: the old ids and the new one.
#[derive(Debug, Clone, Serialize)]
pub struct AssetRow<'a> {
    asset: &'a str,
    playback_ids: &'a [String],
    external_id: &'a str,
    video: Option<VideoId>,
    state: &'static str,
    title: Option<&'a str>,
    creator: Option<&'a str>,
    created_at: Option<&'a str>,
    asset_seconds: Option<f64>,
    seconds: Option<f64>,
    cost_usd: Option<f64>,
    problem: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// The row of a source. `video`: its video.
    pub fn of(item: &'a Item, video: Option<VideoId>) -> Self {
        let (state, problem) = (item.state.name(), item.problem.as_deref());
        if let Some(asset) = &item.asset {
            return Self::Asset(AssetRow {
                asset: &asset.id,
                playback_ids: &asset.playback_ids,
                external_id: &item.key,
                video,
                state,
                title: asset.title.as_deref(),
                creator: asset.creator.as_deref(),
                created_at: asset.created_at.as_deref(),
                asset_seconds: asset.seconds,
                seconds: item.seconds,
                cost_usd: item.usd,
                problem,
            });
        }
        let duplicate_of = match &item.state {
            ItemState::Duplicate(key) => Some(key.as_str()),
            _ => None,
        };
        Self::Object(ObjectRow {
            object: &item.key,
            size: item.size,
            etag: &item.etag,
            video,
            state,
            duplicate_of,
            seconds: item.seconds,
            cost_usd: item.usd,
            problem,
        })
    }

    fn cells(&self) -> Vec<String> {
        let number = |it: Option<f64>| it.map(|it| format!("{it:.6}")).unwrap_or_default();
        let id = |it: Option<VideoId>| it.map(|it| it.to_string()).unwrap_or_default();
        let text = |it: Option<&str>| cell(it.unwrap_or_default());
        match self {
            Self::Object(row) => vec![
                cell(row.object),
                row.size.to_string(),
                cell(row.etag),
                id(row.video),
                row.state.to_owned(),
                text(row.duplicate_of),
                number(row.seconds),
                number(row.cost_usd),
                text(row.problem),
            ],
            Self::Asset(row) => vec![
                cell(row.asset),
                cell(&row.playback_ids.join(" ")),
                cell(row.external_id),
                id(row.video),
                row.state.to_owned(),
                text(row.title),
                text(row.creator),
                text(row.created_at),
                number(row.asset_seconds),
                number(row.seconds),
                number(row.cost_usd),
                text(row.problem),
            ],
        }
    }
}

impl Columns {
    /// The names of the columns in CSV.
    fn names(self) -> &'static str {
        match self {
            Self::Objects => "object,size,etag,video,state,duplicate_of,seconds,cost_usd,problem",
            Self::Assets => {
                "asset,playback_ids,external_id,video,state,title,creator,created_at,asset_seconds,seconds,cost_usd,\
                 problem"
            }
        }
    }

    /// The name of the list in JSON.
    fn list(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Assets => "assets",
        }
    }
}

/// The rows of all sources. A duplicate has the video of the object whose content it has.
fn rows(items: &[Item]) -> impl Iterator<Item = Row<'_>> {
    let videos: HashMap<&str, VideoId> = items
        .iter()
        .filter_map(|it| Some((it.key.as_str(), it.video?)))
        .collect();
    items.iter().map(move |item| {
        let video = match &item.state {
            ItemState::Duplicate(key) => videos.get(key.as_str()).copied(),
            _ => item.video,
        };
        Row::of(item, video)
    })
}

fn csv(items: &[Item], columns: Columns) -> String {
    let mut text = format!("{}\r\n", columns.names());
    for row in rows(items) {
        text += &row.cells().join(",");
        text += "\r\n";
    }
    text
}

fn document(items: &[Item], columns: Columns) -> String {
    let rows: Vec<_> = rows(items).collect();
    // Serialisation cannot fail: all keys are strings, and all floats are finite.
    let document = json!({ columns.list(): rows });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Asset;
    use crate::catalogue::cases::object;

    fn items() -> Vec<Item> {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        vec![
            Item {
                video: Some(video),
                seconds: Some(1.5),
                usd: Some(0.000_25),
                ..object("films/a.mp4", ItemState::Ready)
            },
            object(
                "films/b.mp4",
                ItemState::Duplicate("films/a.mp4".to_owned()),
            ),
            Item {
                problem: Some("says \"no\", twice".to_owned()),
                ..object("=1+1.mp4", ItemState::Failed)
            },
        ]
    }

    #[test]
    fn reports_have_a_row_for_each_object() {
        let video = items()[0].video.unwrap();
        let expected = [
            "object,size,etag,video,state,duplicate_of,seconds,cost_usd,problem".to_owned(),
            format!("films/a.mp4,5,abc,{video},ready,,1.500000,0.000250,"),
            format!("films/b.mp4,5,abc,{video},duplicate,films/a.mp4,,,"),
            "'=1+1.mp4,5,abc,,failed,,,,\"says \"\"no\"\", twice\"".to_owned(),
            String::new(),
        ];
        assert_eq!(csv(&items(), Columns::Objects), expected.join("\r\n"));
        let document: serde_json::Value =
            serde_json::from_str(&document(&items(), Columns::Objects)).unwrap();
        let objects = document["objects"].as_array().unwrap();
        assert_eq!(objects.len(), 3);
        assert_eq!(
            objects[1],
            json!({
                "object": "films/b.mp4", "size": 5, "etag": "abc", "video": objects[0]["video"], "state": "duplicate",
                "duplicate_of": "films/a.mp4", "seconds": null, "cost_usd": null, "problem": null,
            })
        );
    }

    #[test]
    fn assets_have_their_old_and_new_ids() {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        let asset = Asset {
            id: "abc".to_owned(),
            playback_ids: vec!["p1".to_owned(), "p2".to_owned()],
            title: Some("A, B".to_owned()),
            created_at: Some("2024-05-24T19:39:44Z".to_owned()),
            seconds: Some(1.5),
            ..Asset::default()
        };
        let items = [Item {
            asset: Some(Box::new(asset)),
            video: Some(video),
            ..object("mux:abc", ItemState::Ready)
        }];
        let lines = csv(&items, Columns::Assets);
        let rows: Vec<_> = lines.lines().collect();
        assert_eq!(rows[0].split(',').count(), 12);
        assert_eq!(
            rows[1],
            format!("abc,p1 p2,mux:abc,{video},ready,\"A, B\",,2024-05-24T19:39:44Z,1.500000,,,")
        );
        let document: serde_json::Value =
            serde_json::from_str(&document(&items, Columns::Assets)).unwrap();
        assert_eq!(document["assets"][0]["playback_ids"], json!(["p1", "p2"]));
        assert_eq!(document["assets"][0]["video"], json!(video));
    }

    #[test]
    fn a_report_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        let mut report = Report::at(&path, Columns::Objects).unwrap();
        report.save_if_due(&items()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
        report.save_if_due(&[]).unwrap();
        report.outdate();
        report.save_if_due(&[]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4, "too soon");
        report.save(&[]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0);

        let mut nowhere =
            Report::at(&folder.path().join("none/report.json"), Columns::Objects).unwrap();
        let error = nowhere.save(&[]).unwrap_err().to_string();
        assert!(error.contains("none/report.json"), "{error}");
        assert!(Report::at(Path::new("report.txt"), Columns::Assets).is_err());
    }
}

//! `edgereel ls`.

use api_types::videos::{ListVideos, VideoSummary};

use crate::Result;
use crate::api::Api;
use crate::args::LsArgs;
use crate::output::{Output, bytes};
use crate::table::{Table, duration};

/// Maximum number of videos in a page.
const PAGE: u32 = 200;

/// Lists videos, page by page.
pub async fn run(args: LsArgs, output: &Output) -> Result {
    let api = Api::of(&args.api)?;
    let states: Vec<&str> = args.state.iter().map(|it| it.as_str()).collect();
    let mut params = ListVideos {
        sort: Some(args.sort),
        state: (!states.is_empty()).then(|| states.join(",")),
        q: args.search,
        text: args.text,
        owner: args.owner,
        ..ListVideos::default()
    };
    let limit = if args.all { u32::MAX } else { args.limit };
    let mut table = Table::new(["ID", "STATE", "LENGTH", "SIZE", "CREATED", "TITLE"]);
    let mut listed = 0;
    loop {
        params.limit = Some((limit - listed).clamp(1, PAGE));
        let page = api.videos(&params).await?;
        for video in page.videos.iter().take((limit - listed) as usize) {
            listed += 1;
            if !output.object(video) {
                return Ok(());
            }
            if !output.is_json() {
                table.add(row(video));
            }
        }
        let is_full = listed >= limit;
        match page.next_cursor {
            Some(cursor) if !is_full => params.cursor = Some(cursor),
            more => {
                output.line(table.render());
                if more.is_some() {
                    let bound = if page.total_is_lower_bound {
                        "at least "
                    } else {
                        ""
                    };
                    output.line(format!(
                        "{listed} of {bound}{} videos: use --all, or --limit, for more",
                        page.total
                    ));
                }
                return Ok(());
            }
        }
    }
}

fn row(video: &VideoSummary) -> [String; 6] {
    let source = &video.source;
    let title = video.title.clone().or_else(|| source.filename.clone());
    let mut title = title.unwrap_or_default();
    if let Some(failure) = &video.failure {
        title += &format!(" ({}: {})", failure.code, failure.message);
    }
    let state = match video.percent {
        Some(percent) if video.stage.is_some() => format!("{} {percent}%", video.state),
        _ => video.state.to_string(),
    };
    [
        video.id.to_string(),
        state,
        video.duration_seconds.map(duration).unwrap_or_default(),
        source.size.map(bytes).unwrap_or_default(),
        video.created_at.to_string(),
        title,
    ]
}

//! The start and the end of a presentation.

/// An interval, seconds on the clock of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Start of the interval.
    pub start: f64,
    /// End of the interval.
    pub end: f64,
}

/// Audio that begins earlier or ends later than the video by no more than this, seconds, is cut
/// off: encoders pad their first and last access unit.
const PADDING: f64 = 0.1;

impl Extent {
    /// From the first start to the last end; `None`: there is none.
    pub fn all(extents: impl IntoIterator<Item = Self>) -> Option<Self> {
        extents.into_iter().reduce(|all, it| Self {
            start: all.start.min(it.start),
            end: all.end.max(it.end),
        })
    }

    /// The extent of a presentation: from the earlier start to the later end of video and audio.
    #[must_use]
    pub fn presentation(video: Self, audio: Option<Self>) -> Self {
        let Some(audio) = audio.filter(|it| it.end > it.start) else {
            return video;
        };
        Self {
            start: if audio.start < video.start - PADDING {
                audio.start
            } else {
                video.start
            },
            end: if audio.end > video.end + PADDING {
                audio.end
            } else {
                video.end
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(video: (f64, f64), audio: Option<(f64, f64)>, expected: (f64, f64)) {
        let extent = |it: (f64, f64)| Extent {
            start: it.0,
            end: it.1,
        };
        assert_eq!(
            Extent::presentation(extent(video), audio.map(extent)),
            extent(expected)
        );
    }

    #[test]
    fn a_presentation_contains_video_and_audio() {
        check((0.0, 3.0), None, (0.0, 3.0));
        check((0.0, 3.0), Some((0.0, 12.0)), (0.0, 12.0));
        check((2.0, 6.0), Some((0.0, 6.0)), (0.0, 6.0));
        check((1.4, 5.4), Some((13.4, 17.4)), (1.4, 17.4));
        check((0.0, 10.0), Some((4.0, 5.0)), (0.0, 10.0));
        // The padding of an encoder changes nothing.
        check((0.0, 6.0), Some((-0.021, 6.05)), (0.0, 6.0));
        check((0.0, 6.0), Some((0.0, 0.0)), (0.0, 6.0));
    }
}

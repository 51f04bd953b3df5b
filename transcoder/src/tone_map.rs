//! Conversion of HDR and wide gamut to BT.709 SDR: a colour table that FFmpeg's `lut3d` reads.
//!
//! The inverse of how SDR is placed into HDR (ITU-R BT.2408): its white is 203 nits, its curve that
//! of BT.1886. Greys are therefore unchanged, up to a knee; above it, highlights are compressed.
//! Colours keep their hue: the largest channel goes through the curve, the others follow in
//! proportion. Mastering metadata is not used: one source, one result.
//!
//! FFmpeg's own chain (`zscale`, `tonemap`) is slower, missing in many builds, and wrong in the
//! colours of HLG.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use domain::probe::{HighDynamicRange, VideoStream};

use crate::error::TranscodeError;

/// The meaning of the signal of a BT.2020 frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Light {
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67, on a display of 1,000 nits.
    Hlg,
    /// SDR.
    Sdr,
}

/// Luminance of the white of SDR in HDR, nits (ITU-R BT.2408).
const WHITE: f64 = 203.0;

/// Exponent of the curve of SDR displays (ITU-R BT.1886).
const GAMMA: f64 = 2.4;

/// The signal up to which nothing changes; above it, highlights are compressed.
const KNEE: f64 = 0.77;

impl Light {
    /// The kind of a video stream's signal; `None`: it needs no table.
    pub(crate) fn of(video: &VideoStream) -> Option<Self> {
        match video.hdr {
            Some(HighDynamicRange::Pq) => Some(Self::Pq),
            Some(HighDynamicRange::Hlg) => Some(Self::Hlg),
            None => video.wide_gamut.then_some(Self::Sdr),
        }
    }

    /// Points on each side of the table: PQ has the strongest curvature.
    fn points(self) -> u32 {
        match self {
            Self::Pq => 65,
            Self::Hlg | Self::Sdr => 33,
        }
    }

    /// Display luminance of a signal, nits.
    fn nits(self, signal: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Pq => signal.map(pq_nits),
            Self::Hlg => hlg_nits(signal),
            Self::Sdr => signal.map(|it| WHITE * it.powf(GAMMA)),
        }
    }

    /// Luminance that becomes white, nits; `None`: there are no highlights.
    fn peak(self) -> Option<f64> {
        match self {
            Self::Pq => Some(4000.0),
            Self::Hlg => Some(1000.0),
            Self::Sdr => None,
        }
    }

    /// Converts a signal of BT.2020 to one of BT.709 SDR; both 0 to 1.
    fn to_sdr(self, signal: [f64; 3]) -> [f64; 3] {
        let mut light = bt709(self.nits(signal)).map(|it| it / WHITE);
        if let Some(peak) = self.peak() {
            let largest = light.into_iter().fold(1e-6, f64::max).powf(1.0 / GAMMA);
            let gain = (shoulder(largest, (peak / WHITE).powf(1.0 / GAMMA)) / largest).powf(GAMMA);
            light = light.map(|it| it * gain);
        }
        light.map(|it| it.clamp(0.0, 1.0).powf(1.0 / GAMMA))
    }

    /// The table, in the format of Adobe's Cube LUT specification 1.0: red changes fastest.
    fn table(self) -> String {
        let points = self.points();
        let at = |index: u32| f64::from(index) / f64::from(points - 1);
        let mut text = format!("LUT_3D_SIZE {points}\n");
        for blue in 0..points {
            for green in 0..points {
                for red in 0..points {
                    let [r, g, b] = self.to_sdr([at(red), at(green), at(blue)]);
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{r:.6} {g:.6} {b:.6}");
                }
            }
        }
        text
    }
}

/// A table in a file, which is removed when this is dropped; FFmpeg can only read it from a file.
#[derive(Debug)]
pub(crate) struct ToneMap {
    file: tempfile::NamedTempFile,
}

impl ToneMap {
    /// Writes the table that a video stream needs; `None`: it needs none.
    pub(crate) async fn write(video: &VideoStream) -> Result<Option<Self>, TranscodeError> {
        let Some(light) = Light::of(video) else {
            return Ok(None);
        };
        let writing = tokio::task::spawn_blocking(move || {
            let mut file = tempfile::Builder::new()
                .prefix("edgereel-")
                .suffix(".cube")
                .tempfile()?;
            // These characters have a meaning in FFmpeg's filter graphs, and each version unescapes
            // them differently.
            if file
                .path()
                .to_string_lossy()
                .contains([':', ',', ';', '\'', '\\', '[', ']'])
            {
                let folder = std::env::temp_dir();
                return Err(std::io::Error::other(format!(
                    "FFmpeg cannot read from the directory `{}`",
                    folder.display()
                )));
            }
            file.write_all(light.table().as_bytes())?;
            Ok(Self { file })
        });
        let written = writing
            .await
            .unwrap_or_else(|it| Err(std::io::Error::other(it)));
        let io = |source| TranscodeError::Io {
            doing: "could not write the table of colours".to_owned(),
            source,
        };
        written.map(Some).map_err(io)
    }

    /// Path of the table.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

/// The SMPTE ST 2084 curve.
fn pq_nits(signal: f64) -> f64 {
    const M1: f64 = 2610.0 / 16_384.0;
    const M2: f64 = 2523.0 / 4096.0 * 128.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 4096.0 * 32.0;
    const C3: f64 = 2392.0 / 4096.0 * 32.0;
    let power = signal.max(0.0).powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// The ARIB STD-B67 curve with the system gamma of 1.2 (ITU-R BT.2100), which acts on the
/// luminance.
fn hlg_nits(signal: [f64; 3]) -> [f64; 3] {
    let scene = signal.map(|it| {
        if it <= 0.5 {
            it * it / 3.0
        } else {
            (((it - 0.559_910_73) / 0.178_832_77).exp() + 0.284_668_92) / 12.0
        }
    });
    let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
    scene.map(|it| 1000.0 * it * luminance.powf(0.2))
}

/// Converts linear BT.2020 to linear BT.709 (ITU-R BT.2087, inverted).
fn bt709([r, g, b]: [f64; 3]) -> [f64; 3] {
    [
        1.660_491 * r - 0.587_641_1 * g - 0.072_849_9 * b,
        -0.124_550_5 * r + 1.132_899_9 * g - 0.008_349_4 * b,
        -0.018_150_8 * r - 0.100_578_9 * g + 1.118_729_7 * b,
    ]
}

/// The identity up to the knee, then a Moebius curve through (`peak`, 1) that begins with the same slope.
fn shoulder(x: f64, peak: f64) -> f64 {
    if x <= KNEE {
        return x;
    }
    let a = -KNEE * KNEE * (peak - 1.0) / (KNEE * KNEE - 2.0 * KNEE + peak);
    let b = (KNEE * KNEE - 2.0 * KNEE * peak + peak) / (peak - 1.0);
    ((b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (x + a) / (x + b)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signal of grey light.
    fn signal(light: Light, nits: f64) -> f64 {
        // The curves rise: the signal is found between its bounds.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if light.nits([middle; 3])[1] < nits {
                low = middle
            } else {
                high = middle
            }
        }
        low
    }

    #[test]
    fn greys_come_back_and_highlights_are_compressed() {
        let of = |light, code: f64| {
            let grey = signal(light, WHITE * (code / 255.0).powf(GAMMA));
            (light.to_sdr([grey; 3])[1] * 255.0).round() as u32
        };
        for light in [Light::Pq, Light::Hlg, Light::Sdr] {
            let greys = [0.0, 16.0, 64.0, 128.0, 192.0].map(|it| of(light, it));
            assert_eq!(greys, [0, 16, 64, 128, 192], "{light:?}");
        }
        assert_eq!(
            [Light::Pq, Light::Hlg, Light::Sdr].map(|it| of(it, 255.0)),
            [227, 229, 255]
        );
        let highlights = [400.0, 1000.0, 4000.0, 10_000.0];
        let highlights = highlights
            .map(|it| (Light::Pq.to_sdr([signal(Light::Pq, it); 3])[0] * 255.0).round() as u32);
        assert_eq!(highlights, [241, 249, 255, 255]);
    }

    #[test]
    fn a_table_has_every_point() {
        let table = Light::Hlg.table();
        assert!(table.starts_with("LUT_3D_SIZE 33\n0.000000 0.000000 0.000000\n"));
        assert_eq!(table.lines().count(), 1 + 33 * 33 * 33);
    }
}

//! The memory of this process as a metric.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

/// Adds `process_resident_memory_bytes` to a registry. FFmpeg's processes are not part of it.
pub fn register_process(registry: &mut Registry) {
    registry.register_collector(Box::new(Memory));
}

#[derive(Debug)]
struct Memory;

impl Collector for Memory {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // Without `/proc`, as on other systems than Linux, the metric is absent.
        let Some(bytes) = resident_bytes() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(bytes);
        let help = "Resident memory of this process";
        let encoder = encoder.encode_descriptor(
            "process_resident_memory",
            help,
            Some(&Unit::Bytes),
            gauge.metric_type(),
        )?;
        gauge.encode(encoder)
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

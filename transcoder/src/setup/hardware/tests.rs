use super::*;
use crate::ffmpeg::HardwareSettings;

fn failed(log: &str) -> TranscodeError {
    TranscodeError::Hardware {
        task: "encode chunk 0".to_owned(),
        log_tail: log.to_owned(),
    }
}

/// What FFmpeg 5.1 says without a driver, and with a device that is not a GPU.
#[test]
fn the_reason_is_what_the_operator_can_change() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, present) = (folder.path().join("none"), folder.path().join("device"));
    std::fs::write(&present, "").unwrap();
    let mut table = String::new();
    for (hardware, device, log) in [
        (
            Hardware::Nvenc,
            &missing,
            "[h264_nvenc @ 0x55] [error] Cannot load libcuda.so.1\n[error] Error initializing output stream 0:0",
        ),
        (
            Hardware::Vaapi,
            &missing,
            "[warning] x\n[AVHWDeviceContext @ 0x55] [error] No VA display found for device /dev/dri/renderD128.\n[error] y",
        ),
        (
            Hardware::Vaapi,
            &present,
            "[h264_vaapi @ 0x55] [error] Driver does not support QVBR RC mode (supported modes: CQP, CBR, VBR).",
        ),
        (
            Hardware::Qsv,
            &present,
            "[h264_qsv @ 0x55] [error] Error creating a MFX session: -9.",
        ),
        (Hardware::Qsv, &present, "[warning] nothing"),
    ] {
        let tools = Tools::bare().with_hardware(HardwareSettings {
            device: device.clone(),
            ..HardwareSettings::default()
        });
        let found = explained(&tools, hardware, &failed(log)).to_string();
        table += &found.replace(&*folder.path().to_string_lossy(), "DIR");
        table += "\n";
    }
    insta::assert_snapshot!(table, @r#"
    `/dev/nvidiactl` is missing (Cannot load libcuda.so.1): install the driver, and run the container with `--gpus all`
    `DIR/none` is missing (No VA display found for device /dev/dri/renderD128): install the driver, and run the container with `--device /dev/dri`, or name another device in EDGEREEL_HARDWARE_DEVICE
    the driver or the device refused it (Driver does not support QVBR RC mode (supported modes: CQP, CBR, VBR)): check it with `vainfo`, and with EDGEREEL_CONFINEMENT=off whether it needs a right that FFmpeg does not have; if only the rate control is missing, set `rate_control = "cbr"`
    the driver or the device refused it (Error creating a MFX session: -9): check it with `vainfo`, and with EDGEREEL_CONFINEMENT=off whether it needs a right that FFmpeg does not have
    it failed the test encode: an encoder in hardware failed, and its task was to encode chunk 0
    "#);
}

#[test]
fn a_device_is_missing_forbidden_or_open() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("device");
    assert_eq!(state(&device), DeviceState::Missing);
    std::fs::write(&device, "").unwrap();
    assert_eq!(state(&device), DeviceState::Open);
    std::fs::set_permissions(&device, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root may open everything.
    let expected = match rustix::process::geteuid().is_root() {
        true => DeviceState::Open,
        false => DeviceState::Forbidden,
    };
    assert_eq!(state(&device), expected);
}

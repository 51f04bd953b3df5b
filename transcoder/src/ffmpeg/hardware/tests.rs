use domain::job::Mode;
use domain::profile::Profile;

use super::*;
use crate::ffmpeg::arguments::Av1Library;
use crate::testing::foreign;

#[test]
fn only_hardware_is_given_devices() {
    let settings = HardwareSettings {
        device: "/dev/dri/renderD129".into(),
        ..HardwareSettings::default()
    };
    assert_eq!(settings.devices(&[]), Devices::default());
    let devices = settings.devices(&[Hardware::Vaapi, Hardware::Qsv]);
    assert_eq!(devices.files, [PathBuf::from("/dev/dri/renderD129")]);
    assert_eq!(devices.read.len(), READ_BY_DRM.len(), "each once");
    let folder = tempfile::tempdir().unwrap();
    for name in ["nvidiactl", "nvidia0", "nvidia-uvm", "null", "random"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let mut found = nvidia(folder.path());
    found.sort();
    assert_eq!(
        found,
        ["nvidia-uvm", "nvidia0", "nvidiactl"].map(|it| folder.path().join(it))
    );
    assert!(nvidia(&folder.path().join("none")).is_empty());
}

/// Lines of FFmpeg 5.1 and 9.0.
#[test]
fn the_complaints_of_hardware_are_known() {
    for (line, expected) in [
        (
            "[h264_nvenc @ 0x55d195d30640] [error] Cannot load libcuda.so.1",
            true,
        ),
        (
            "[h264_nvenc @ 0x55d1] [error] OpenEncodeSessionEx failed: out of memory (10): (no details)",
            true,
        ),
        (
            "[hevc_qsv @ 0x5566] [error] Error creating a MFX session: -9.",
            true,
        ),
        (
            "[AVHWDeviceContext @ 0x55] [error] No VA display found for device /dev/dri/renderD128.",
            true,
        ),
        (
            "[VAAPI @ 0x55b4] [error] No VA display found for device /dev/dri/renderD128.",
            true,
        ),
        ("[error] Device creation failed: -22.", true),
        (
            "[Parsed_hwupload_3 @ 0x55] [error] A hardware device reference is required",
            true,
        ),
        (
            "[h264_vaapi @ 0x55] [warning] Driver does not support some wanted packed headers",
            false,
        ),
        // The decoder failed, and the encoder never received a frame.
        (
            "[vost#0:0/h264_nvenc @ 0x56] [enc:h264_nvenc @ 0x57] [error] Could not open encoder before EOF",
            false,
        ),
        ("[h264 @ 0x55] [error] error while decoding MB 1 2", false),
        (
            "[error] Error while decoding stream #0:0: Invalid data found when processing input",
            false,
        ),
        ("", false),
    ] {
        assert_eq!(is_of_hardware(line), expected, "{line}");
    }
}

#[test]
fn the_sessions_of_a_gpu_limit_the_encoders() {
    let encoders = |name: &str, sessions: usize| {
        let profile = Profile::parse(&format!("[encoder]\nname = \"{name}\"")).unwrap();
        let mut probe = foreign();
        probe.video_mut().codec = "mpeg4".to_owned();
        let plan = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
        let newer = NewerCodecs::new(&profile, Av1Library::Svt);
        let tools = Tools::bare().with_hardware(HardwareSettings {
            nvenc_sessions: sessions,
            ..HardwareSettings::default()
        });
        let found = tools.encoders(&plan, &probe, (&profile.encoder, &newer), 16);
        (plan.rungs.len(), found)
    };
    let (rungs, software) = encoders("x264", 8);
    assert_eq!(software, 16);
    for (sessions, expected) in [(rungs * 3, 3), (rungs * 3 - 1, 2), (1, 1), (1000, 16)] {
        assert_eq!(encoders("nvenc", sessions).1, expected, "{sessions}");
    }
    assert_eq!(encoders("vaapi", 1).1, 16, "only NVIDIA counts sessions");
}

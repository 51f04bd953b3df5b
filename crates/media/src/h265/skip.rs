//! The parts of a sequence parameter set that nothing here needs, but that come before the VUI.

use crate::bits::BitReader;

/// Maximum number of frames in a reference picture set (7.4.8: the decoded picture buffer has 16).
const MAX_REFERENCES: u32 = 16;

/// Skips the profiles and levels of the sub-layers (7.3.3).
pub(super) fn sub_layers(bits: &mut BitReader<'_>, layers: u8) -> Option<()> {
    let below = usize::from(layers.saturating_sub(1));
    let mut present = [(false, false); 8];
    for it in present.iter_mut().take(below) {
        *it = (bits.bit()?, bits.bit()?);
    }
    if below > 0 {
        bits.bits(2 * (8 - below as u32))?;
    }
    for (profile, level) in present.iter().take(below) {
        if *profile {
            bits.bits(32)?;
            bits.bits(32)?;
            bits.bits(24)?;
        }
        if *level {
            bits.bits(8)?;
        }
    }
    Some(())
}

/// Skips everything between the bit depths and the VUI; returns whether a VUI follows.
pub(super) fn to_vui(bits: &mut BitReader<'_>, layers: u8) -> Option<bool> {
    let order_bits = bits.ue().filter(|it| *it <= 12)? + 4;
    let described = if bits.bit()? { layers } else { 1 };
    for _ in 0..described {
        bits.ue()?; // sps_max_dec_pic_buffering_minus1
        bits.ue()?; // sps_max_num_reorder_pics
        bits.ue()?; // sps_max_latency_increase_plus1
    }
    // The sizes of coding and transform blocks, and the depths of transform hierarchies.
    for _ in 0..6 {
        bits.ue()?;
    }
    if bits.bit()? && bits.bit()? {
        scaling_lists(bits)?;
    }
    bits.bits(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.bit()? {
        bits.bits(8)?; // the bit depths of PCM
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
    }
    reference_sets(bits)?;
    if bits.bit()? {
        for _ in 0..bits.ue().filter(|it| *it <= 32)? {
            bits.bits(order_bits)?;
            bits.bit()?;
        }
    }
    bits.bits(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    bits.bit()
}

/// 7.3.4.
fn scaling_lists(bits: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4 {
        let matrices = if size == 3 { 2 } else { 6 };
        for _ in 0..matrices {
            if !bits.bit()? {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            if size > 1 {
                bits.se()?; // scaling_list_dc_coef_minus8
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// The short-term reference picture sets (7.3.7). A set that is predicted has a flag for each frame
/// of the set before it.
fn reference_sets(bits: &mut BitReader<'_>) -> Option<()> {
    let mut before = 0;
    for number in 0..bits.ue().filter(|it| *it <= 64)? {
        if number > 0 && bits.bit()? {
            bits.bit()?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut frames = 0;
            for _ in 0..=before {
                let used = bits.bit()?;
                if used || bits.bit()? {
                    frames += 1;
                }
            }
            before = frames;
            continue;
        }
        let earlier = bits.ue().filter(|it| *it <= MAX_REFERENCES)?;
        let later = bits.ue().filter(|it| *it <= MAX_REFERENCES)?;
        before = earlier + later;
        for _ in 0..before {
            bits.ue()?;
            bits.bit()?;
        }
    }
    Some(())
}

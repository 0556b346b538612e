//! The images that weights were trained on.

use super::Dialect;

/// The input convention of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputConvention {
    /// Standard deviation by which each channel is divided, for pixels in 0..255.
    pub pixel_std: [f64; 3],
    /// Whether channels are in the order BGR.
    pub is_bgr: bool,
    /// Whether blocks stride in their first 1×1 convolution.
    pub stride_in_1x1: bool,
}

/// Warns if weights were trained on other input than the network will get.
pub(super) fn input_warnings(
    dialect: Dialect,
    is_resnext: bool,
    input: &InputConvention,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |found: &str, mend: &str| {
        warnings
            .push(format!("weights of {dialect} expect {found}; set {mend} or use other weights"));
    };
    let is_plain = input.pixel_std.iter().all(|std| *std == 1.0);
    if dialect == Dialect::Caffe2 {
        if !input.is_bgr {
            warn(
                "blue first, the config gives red first",
                "INPUT.FORMAT BGR, and PIXEL_MEAN in that order,",
            );
        }
        if is_resnext && is_plain {
            warn(
                "pixels divided by their standard deviation",
                "MODEL.PIXEL_STD [57.375, 57.12, 58.395]",
            );
        }
        if !is_resnext && !is_plain {
            warn(
                "pixels that are not divided by their standard deviation",
                "MODEL.PIXEL_STD [1.0, 1.0, 1.0]",
            );
        }
        if input.stride_in_1x1 == is_resnext {
            let (found, mend) = if is_resnext { ("3×3", "False") } else { ("1×1", "True") };
            warn(
                &format!("blocks that stride in their {found} convolution"),
                &format!("MODEL.RESNETS.STRIDE_IN_1X1 {mend}"),
            );
        }
    } else if matches!(
        dialect,
        Dialect::Torchvision | Dialect::Swin | Dialect::Original | Dialect::DeformableDetr
    ) {
        if input.is_bgr {
            warn(
                "red first, the config gives blue first",
                "INPUT.FORMAT RGB, and PIXEL_MEAN in that order,",
            );
        }
        if is_plain {
            warn(
                "pixels divided by their standard deviation",
                "MODEL.PIXEL_STD [58.395, 57.12, 57.375]",
            );
        }
        if input.stride_in_1x1 && matches!(dialect, Dialect::Torchvision | Dialect::Original) {
            warn(
                "blocks that stride in their 3×3 convolution",
                "MODEL.RESNETS.STRIDE_IN_1X1 False",
            );
        }
    }
    warnings
}

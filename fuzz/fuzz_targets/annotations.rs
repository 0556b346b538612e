//! Any text as an annotation file of either format: an error, or records whose masks can be drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_data::{AnnotatedVideos, DataError, read_categories, read_coco, read_ytvis};
use seqformer_fuzz::{folder, with_file};

/// Larger masks only cost time.
const MAX_PIXELS: u64 = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    with_file("annotations.json", bytes, |path| {
        let _categories = read_categories(path);
        check(read_ytvis(path, folder()));
        check(read_coco(path, folder()));
    });
});

fn check(read: Result<AnnotatedVideos, DataError>) {
    let Ok(videos) = read else { return };
    let _trainable = videos.check_for_training(40);
    for video in &videos.videos {
        for track in &video.tracks {
            assert!(track.category < videos.categories.len());
            assert_eq!(track.frames.len(), video.frames.len(), "one entry for each frame");
            if video.size.num_pixels() > MAX_PIXELS {
                continue;
            }
            for frame in track.frames.iter().flatten() {
                let mask = frame.segmentation.to_mask(video.size).expect("masks are checked");
                assert_eq!(mask.size(), video.size);
            }
        }
    }
}

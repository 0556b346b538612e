//! The player: it plays, seeks, toggles, filters and follows links.

use crate::chromium::{self, Chromium};
use crate::dataset::Dataset;

const FRAME: &str = "document.querySelector('#frame-number').textContent";
/// How opaque the mask is at a pixel of the first pane.
const INSIDE_FIRST: &str =
    "document.querySelector('canvas').getContext('2d').getImageData(8, 20, 1, 1).data[3]";
const NUM_ROWS: &str = "document.querySelectorAll('#tracks li[data-key]').length";

/// A player at a place of its link.
fn player(dataset: &Dataset, hash: &str) -> Option<Chromium> {
    let mut browser = Chromium::start(&chromium::find()?);
    browser.open(&dataset.report(), &format!("player.html{hash}"));
    browser.wait("document.body?.dataset.ready !== undefined");
    Some(browser)
}

#[test]
fn it_plays_and_seeks() {
    let dataset = Dataset::new();
    let Some(mut browser) = player(&dataset, "") else { return };
    assert_eq!(browser.value(FRAME), "0 / 7");
    browser.wait("document.querySelector('.stage img').naturalWidth === 80");
    assert!(browser.value(INSIDE_FIRST).as_u64() > Some(0));
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    assert_eq!(browser.value(FRAME), "2 / 7");
    assert_eq!(browser.value(INSIDE_FIRST), 0, "the object is out of sight");
    browser.press("End");
    assert_eq!(browser.value(FRAME), "7 / 7");
    browser.press(" ");
    browser.wait(&format!("{FRAME} === '1 / 7'"));
    browser.press(" ");
    let stopped = browser.value(FRAME);
    assert_eq!(
        browser.value(&format!("new Promise((done) => setTimeout(() => done({FRAME}), 400))")),
        stopped
    );
    // Into the timeline, and with the slider, which has the focus then.
    browser.click_at("#tracks li[data-key='0-12'] .seekable", 0.8, 0.5);
    assert_eq!(browser.value(FRAME), "6 / 7");
    browser.click_at("#frame", 0.5, 0.5);
    browser.press("Home");
    assert_eq!(browser.value(FRAME), "0 / 7");
    browser.press("s");
    assert_eq!(browser.value(FRAME), "4 / 7", "the result changes its object");
    browser.press("n");
    browser.wait("document.body?.dataset.ready === '2'");
    browser.check_no_complaints();
}

#[test]
fn tracks_are_toggled_and_filtered() {
    let dataset = Dataset::new();
    let Some(mut browser) = player(&dataset, "#v=1&f=5") else { return };
    assert_eq!(browser.value(NUM_ROWS), 5, "a result has too low a score");
    let set_score = |browser: &mut Chromium, score: f64| {
        browser.value(&format!(
            "(() => {{ const field = document.querySelector('#min-score'); field.value = {score}; \
             field.dispatchEvent(new Event('input')); }})()"
        ));
    };
    set_score(&mut browser, 0.01);
    assert_eq!(browser.value(NUM_ROWS), 6);
    set_score(&mut browser, 0.85);
    assert_eq!(browser.value(NUM_ROWS), 4);
    // In the sixth frame the only result lies on the second object.
    let on_second = INSIDE_FIRST.replace("8, 20", "60, 15");
    assert!(browser.value(&on_second).as_u64() > Some(0));
    browser.click("#tracks li[data-key='1-0'] input");
    assert_eq!(
        browser.value(&on_second),
        0,
        "annotations are lines while results are shown over them"
    );
    browser.press("r");
    assert_eq!(browser.value(NUM_ROWS), 3);
    assert!(browser.value(&on_second).as_u64() > Some(0));
    browser.press("r");
    browser.press("v");
    assert_eq!(browser.value("document.querySelectorAll('.pane').length"), 2);
    browser.click("details summary");
    browser.click("#classes label:first-child input");
    assert_eq!(
        browser.value(NUM_ROWS),
        1,
        "the annotation of the first class, whose result has a lower score"
    );
    browser.check_no_complaints();
}

#[test]
fn links_lead_to_a_moment_and_a_track() {
    let dataset = Dataset::new();
    let Some(mut browser) = player(&dataset, "#v=2&f=3") else { return };
    assert_eq!(
        (browser.value("document.body?.dataset.ready"), browser.value(FRAME)),
        ("2".into(), "3 / 7".into())
    );
    browser.press("ArrowRight");
    assert_eq!(browser.value("location.hash"), "#v=2&f=4");
    // A link to a track without a frame leads to where it switches.
    browser.value("void (location.hash = '#v=1&t=1-0')");
    browser.wait("document.body?.dataset.ready === '1'");
    assert_eq!(browser.value(FRAME), "4 / 7");
    assert_eq!(browser.value("document.querySelector('#tracks .selected').dataset.key"), "1-0");
    browser.value("void (location.hash = '#v=1&t=1-999')");
    browser.wait("document.querySelector('#message').textContent.includes('not in this video')");
    assert_eq!(browser.value("document.querySelectorAll('#tracks .selected').length"), 0);
    browser.value("void (location.hash = '#v=nowhere')");
    browser.wait("document.querySelector('#message').textContent.includes('not in this report')");
    let report = dataset.at("report");
    browser.open(&report, "errors.html#kind=switch");
    assert_eq!(browser.value("document.querySelectorAll('#errors tbody tr').length"), 1);
    browser.click("#errors tbody a");
    browser.wait("document.body?.dataset.ready === '1'");
    assert_eq!(browser.value(FRAME), "4 / 7");
    browser.check_no_complaints();
}

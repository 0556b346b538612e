//! The pages around the player.

use seqformer_report::{ReportPlan, write_report};

use crate::chromium::{self, Chromium};
use crate::dataset::{Dataset, TRAP};

const PAGES: [&str; 5] =
    ["index.html", "classes.html", "videos.html", "errors.html", "player.html"];

#[test]
fn tables_sort_and_filter() {
    let Some(program) = chromium::find() else { return };
    let dataset = Dataset::new();
    let report = dataset.report();
    let mut browser = Chromium::start(&program);
    browser.open(&report, "videos.html");
    let first = "document.querySelector('tbody tr th').textContent";
    assert_eq!(browser.value(first), "street");
    browser.click("thead th:nth-child(6) button");
    assert_eq!(browser.value(first), "park", "the higher HOTA comes first");
    assert_eq!(
        browser.value("document.querySelector('[aria-sort]').getAttribute('aria-sort')"),
        "descending"
    );
    browser.click("thead th:nth-child(6) button");
    assert_eq!(browser.value(first), "street");
    browser.open(&report, "errors.html");
    let rows = "document.querySelectorAll('#errors tbody tr').length";
    let all = browser.value(rows).as_u64().unwrap();
    browser.value(
        "(() => { const field = document.querySelector('#error-score'); field.value = ''; \
         field.dispatchEvent(new Event('input')); })()",
    );
    assert_eq!(browser.value(rows), all + 1, "errors with low scores, too");
    browser.check_no_complaints();
}

#[test]
fn names_are_text_on_every_page() {
    let Some(program) = chromium::find() else { return };
    let dataset = Dataset::new();
    let report = dataset.report();
    let mut browser = Chromium::start(&program);
    for page in ["index.html", "classes.html", "player.html#v=1"] {
        browser.open(&report, page);
        browser.wait(&format!("document.body.textContent.includes({TRAP:?})"));
        assert_eq!(browser.value("window.trapped === undefined"), true, "{page}");
    }
    browser.check_no_complaints();
}

#[test]
fn pages_fit_a_phone_and_follow_the_colours_of_the_system() {
    let Some(program) = chromium::find() else { return };
    let dataset = Dataset::new();
    let report = dataset.report();
    let mut browser = Chromium::start(&program);
    browser.resize(390, 800);
    for page in PAGES {
        browser.open(&report, page);
        let width = browser.value("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(width <= 390, "{page} is {width} pixels wide");
        let unnamed = browser.value(
            "[...document.querySelectorAll('button, input, select, a')].filter((part) => !(part.textContent.trim() || \
             part.getAttribute('aria-label') || part.closest('label'))).length",
        );
        assert_eq!(unnamed, 0, "{page}: everything that is used has a name for screen readers");
    }
    browser.open(&report, "index.html");
    let cut_off = browser.value(
        "[...document.querySelectorAll('.scroll:has(table.bars)')].filter((part) => part.scrollWidth > part.clientWidth).length",
    );
    assert_eq!(cut_off, 0, "numbers beside bars are in sight");
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(ground);
    browser.set_dark(true);
    assert_ne!(browser.value(ground), light);
    browser.check_no_complaints();
}

#[test]
fn masks_play_without_frames_and_without_results() {
    let Some(program) = chromium::find() else { return };
    let dataset = Dataset::new();
    let plan = ReportPlan { frames: None, results: Vec::new(), ..dataset.plan() };
    write_report(&plan).unwrap();
    let mut browser = Chromium::start(&program);
    browser.open(&plan.output, "index.html");
    browser.wait("document.querySelectorAll('.card canvas').length === 2");
    browser.click(".card");
    browser.wait("document.body?.dataset.ready !== undefined");
    let inside =
        "document.querySelector('canvas').getContext('2d').getImageData(8, 20, 1, 1).data[3]";
    browser.press("Home");
    assert!(browser.value(inside).as_u64() > Some(0));
    assert_eq!(browser.value("document.querySelector('.stage img').hidden"), true);
    browser.check_no_complaints();
}

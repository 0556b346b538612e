use super::escaped;

#[test]
fn texts_mean_themselves() {
    assert_eq!(escaped("a<b> & \"c\"\u{1}é"), "a&lt;b&gt; &amp; \"c\" é");
}

//! The expected values were printed by Python 3.11: `repr(ast.literal_eval(text))`.

use proptest::prelude::*;

use super::{decode, parse};
use crate::Value;

/// A text, and Python's `repr` of its literal; `None` where it is not one (or none of ours).
const LITERALS: &[(&str, Option<&str>)] = &[
    ("1", Some("1")),
    ("-1", Some("-1")),
    ("+1", Some("1")),
    ("- 1", Some("-1")),
    ("--1", None),
    ("-(1)", Some("-1")),
    ("-(-1)", None),
    ("(1)", Some("1")),
    ("()", Some("()")),
    ("(1,)", Some("(1,)")),
    ("1,", Some("(1,)")),
    ("1, 2", Some("(1, 2)")),
    ("(1, 2)", Some("(1, 2)")),
    ("(1,2,)", Some("(1, 2)")),
    ("[]", Some("[]")),
    ("[1]", Some("[1]")),
    ("[1,]", Some("[1]")),
    ("[,]", None),
    ("(,)", None),
    ("[1 2]", None),
    ("[[1, 2], (3,)]", Some("[[1, 2], (3,)]")),
    ("1e-4", Some("0.0001")),
    ("2e-4", Some("0.0002")),
    ("1.", Some("1.0")),
    (".5", Some("0.5")),
    ("1e5", Some("100000.0")),
    ("1_000", Some("1000")),
    ("1__0", None),
    ("_1", None),
    ("1_", None),
    ("0x1F", Some("31")),
    ("0X_1f", Some("31")),
    ("0o17", Some("15")),
    ("0b101", Some("5")),
    ("017", None),
    ("00", Some("0")),
    ("0_0", Some("0")),
    ("012.5", Some("12.5")),
    ("01e2", Some("100.0")),
    ("1e400", Some("inf")),
    ("-1e400", Some("-inf")),
    ("1.5e-3", Some("0.0015")),
    ("1_0.2_5e1_0", Some("102500000000.0")),
    ("True", Some("True")),
    ("-True", None),
    ("true", None),
    ("None", Some("None")),
    ("none", None),
    ("inf", None),
    ("nan", None),
    ("\"\"", Some("''")),
    ("''", Some("''")),
    ("'a'", Some("'a'")),
    ("\"a\"", Some("'a'")),
    ("'a' 'b'", Some("'ab'")),
    ("('a' 'b',)", Some("('ab',)")),
    ("r'a\\n'", Some("'a\\\\n'")),
    ("'a\\n'", Some("'a\\n'")),
    ("'\\x41\\u0042\\101\\q'", Some("'ABA\\\\q'")),
    ("u'x'", Some("'x'")),
    ("b'x'", None),
    ("f'x'", None),
    ("\"\"\"a\nb\"\"\"", Some("'a\\nb'")),
    ("'a\nb'", None),
    ("'a", None),
    ("a'", None),
    ("('ytvis_2019_train',)", Some("('ytvis_2019_train',)")),
    ("(\"a\", \"b\")", Some("('a', 'b')")),
    ("(\n 1,\n # c\n 2)", Some("(1, 2)")),
    ("1 # comment", Some("1")),
    ("1\n", Some("1")),
    ("  1", Some("1")),
    ("1 2", None),
    ("1\n2", None),
    ("\t1", Some("1")),
    ("1+2", None),
    ("1-2", None),
    ("1j", None),
    ("{}", None),
    ("{'a': 1}", None),
    ("{1}", None),
    ("...", None),
    ("ytvis_2019_val", None),
    ("./a b", None),
    ("a.b", None),
    ("1.2.3", None),
    ("0.1.", None),
    ("8000,12000", Some("(8000, 12000)")),
    ("(\"a\")", Some("'a'")),
    ("(((1)))", Some("1")),
    ("[1", None),
    ("1]", None),
    (")", None),
    ("", None),
    ("   ", None),
    ("1;", None),
    ("\"a\" if 1 else 2", None),
    ("0.0", Some("0.0")),
    ("-0.0", Some("-0.0")),
    ("1e-05", Some("1e-05")),
    ("1E5", Some("100000.0")),
    ("1if", None),
    ("0xfor", None),
    ("'\\\n'", Some("''")),
    ("9223372036854775807", Some("9223372036854775807")),
    ("-9223372036854775808", Some("-9223372036854775808")),
    ("ur'x'", None),
    ("rb'x'", None),
    ("[1,(2,[3.0,\"x\",None,True])]", Some("[1, (2, [3.0, 'x', None, True])]")),
    ("1 , 2", Some("(1, 2)")),
    ("'it''s'", Some("'its'")),
    ("\"\\U0001F600\"", Some("'😀'")),
    ("'é'", Some("'é'")),
    ("+ 1", Some("1")),
    ("+-1", None),
    ("not 1", None),
    ("1\\\n", None),
    ("(1\\\n,)", Some("(1,)")),
    ("\x0c1", Some("1")),
];

#[test]
fn texts_are_read_as_in_python() {
    for (text, expected) in LITERALS {
        let value = parse(text).map(|value| value.to_string());
        assert_eq!(value.as_deref(), *expected, "{text:?}");
    }
}

#[test]
fn what_is_no_literal_stays_text() {
    assert_eq!(decode("ytvis_2019_val"), Value::Str("ytvis_2019_val".to_owned()));
    assert_eq!(decode("99999999999999999999"), Value::Str("99999999999999999999".to_owned()));
}

#[test]
fn deep_nesting_is_no_literal() {
    for bracket in ["(", "["] {
        assert_eq!(parse(&bracket.repeat(100_000)), None);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,40}|[-+0-9a-fxjrnu_'\"\\\\(),.# \n\\[\\]]{0,30}") {
        drop(parse(&text));
    }

    #[test]
    fn the_repr_of_a_text_reads_as_the_text(text in "(?s).{0,20}") {
        let repr = Value::Str(text.clone()).to_string();
        prop_assert_eq!(parse(&repr), Some(Value::Str(text)));
    }

    #[test]
    fn the_repr_of_a_float_reads_as_the_float(bits in any::<u64>()) {
        let float = f64::from_bits(bits);
        prop_assume!(float.is_finite());
        let value = Value::Float(float);
        prop_assert_eq!(parse(&value.to_string()), Some(value));
    }
}

use super::*;

/// Small matrices full of equal costs, one digit a cost, and the pairs of SciPy 1.17.1.
const TIES: &[(&str, &str)] = &[
    ("0", "00"),
    ("1", "00"),
    ("1", "00"),
    ("00/00", "00 11"),
    ("11/11", "00 11"),
    ("20/00", "01 10"),
    ("000/000/000", "00 11 22"),
    ("011/001/010", "00 11 22"),
    ("120/102/021", "02 11 20"),
    ("0000/0000/0000/0000", "00 11 22 33"),
    ("0111/1111/1101/0010", "00 11 22 33"),
    ("2100/1001/2122/2111", "03 12 21 30"),
    ("00000/00000/00000/00000/00000", "00 11 22 33 44"),
    ("00001/00011/10100/01110/10110", "02 11 23 30 44"),
    ("12221/02100/12112/21110/01110", "00 13 22 34 41"),
    ("000100/110101/011110/100000/100110/010001", "04 12 20 31 45 53"),
    ("011022/121221/001022/010012/211101/210020", "00 12 21 33 44 55"),
    ("00000/00000/00000", "00 11 22"),
    ("11101/10001/00101", "03 11 20"),
    ("02012/01210/11221", "00 14 21"),
    ("000000/000000", "00 11"),
    ("010110/111111", "00 11"),
    ("201200/122210", "01 15"),
    ("0000000/0000000/0000000/0000000", "00 11 22 33"),
    ("1011101/1011101/0000100/0000111", "01 15 20 32"),
    ("2100020/1020121/2222112/1221122", "02 11 24 30"),
    ("000/000/000/000/000", "00 11 22"),
    ("000/001/111/011/110", "00 11 42"),
    ("201/220/011/200/010", "01 12 20"),
    ("00/00/00/00/00/00", "00 11"),
    ("01/11/10/11/10/01", "00 21"),
    ("11/10/02/21/01/11", "11 20"),
    ("0000/0000/0000/0000/0000/0000/0000", "00 11 22 33"),
    ("0010/1001/1111/1011/1111/1111/0000", "00 12 31 63"),
    ("1000/2020/2100/0100/0200/1012/2112", "01 13 22 30"),
    (
        "01010011/00010111/00101000/01010011/01001111/00110101/10010111/11000101",
        "05 11 27 32 43 50 64 76",
    ),
    (
        "12001011/10011221/00212110/11200122/11011100/20002110/12212000/02201020",
        "02 11 20 34 46 57 65 73",
    ),
    ("000000", "00"),
    ("101110", "01"),
    ("202211", "01"),
    ("0/0/0/0/0/0", "00"),
    ("1/0/0/0/0/1", "10"),
    ("2/1/0/2/1/0", "20"),
];

fn solve(
    values: &[f64],
    num_rows: usize,
    num_columns: usize,
) -> Result<Vec<Pair>, AssignmentError> {
    linear_sum_assignment(CostMatrix { values, num_rows, num_columns })
}

/// The smallest total over all ways to serve the smaller side, by trying each.
fn smallest_total(costs: &[f64], num_rows: usize, num_columns: usize) -> f64 {
    fn from_row(
        cost: &dyn Fn(usize, usize) -> f64,
        row: usize,
        rows: usize,
        free: &mut [bool],
    ) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for column in 0..free.len() {
            if std::mem::replace(&mut free[column], false) {
                best = best.min(cost(row, column) + from_row(cost, row + 1, rows, free));
                free[column] = true;
            }
        }
        best
    }
    if num_rows <= num_columns {
        let cost = |row, column| costs[row * num_columns + column];
        return from_row(&cost, 0, num_rows, &mut vec![true; num_columns]);
    }
    let cost = |row: usize, column: usize| costs[column * num_columns + row];
    from_row(&cost, 0, num_columns, &mut vec![true; num_rows])
}

#[test]
fn equal_costs_give_the_pairs_of_scipy() {
    for (matrix, expected) in TIES {
        let rows: Vec<&str> = matrix.split('/').collect();
        let digits = rows.concat();
        let values = digits.chars().map(|digit| f64::from(digit.to_digit(10).unwrap()));
        let pairs = solve(&values.collect::<Vec<_>>(), rows.len(), rows[0].len()).unwrap();
        let pairs: Vec<String> =
            pairs.iter().map(|pair| format!("{}{}", pair.row, pair.column)).collect();
        assert_eq!(pairs.join(" "), *expected, "{matrix}");
    }
}

#[test]
fn no_assignment_is_cheaper() {
    for case in 0..300_u64 {
        let draw = |index: u64| seqformer_testing::unit(case * 1000, index);
        let side = |index: u64| 1 + (draw(index) * 6.0) as usize;
        let (rows, columns) = (side(0), side(1));
        // Every third matrix forbids some pairs, every other has only a few different costs.
        let cost = |index: u64| {
            let cost = 20.0 * draw(index) - 10.0;
            let cost = if case % 2 == 0 { cost.round() } else { cost };
            if case % 3 == 0 && draw(index + 500) < 0.2 { f64::INFINITY } else { cost }
        };
        let costs: Vec<f64> = (2..2 + (rows * columns) as u64).map(cost).collect();
        let expected = smallest_total(&costs, rows, columns);
        match solve(&costs, rows, columns) {
            Ok(pairs) => {
                assert_eq!(pairs.len(), rows.min(columns), "case {case}");
                assert!(pairs.is_sorted_by(|a, b| a.row < b.row), "case {case}");
                let mut taken: Vec<usize> = pairs.iter().map(|pair| pair.column).collect();
                taken.sort_unstable();
                taken.dedup();
                assert_eq!(taken.len(), pairs.len(), "case {case}: a column was given twice");
                let total: f64 =
                    pairs.iter().map(|pair| costs[pair.row * columns + pair.column]).sum();
                assert!((total - expected).abs() < 1e-9, "case {case}: {total} and {expected}");
            }
            Err(error) => {
                assert_eq!(error, AssignmentError::Infeasible, "case {case}");
                assert_eq!(expected, f64::INFINITY, "case {case}");
            }
        }
    }
}

#[test]
fn an_empty_side_has_no_pairs() {
    for (rows, columns) in [(0, 0), (0, 4), (4, 0)] {
        assert_eq!(solve(&[], rows, columns), Ok(vec![]));
    }
}

#[test]
fn numbers_that_are_no_costs_are_refused() {
    let invalid = |is_nan| Err(AssignmentError::Invalid { row: 1, column: 0, is_nan });
    assert_eq!(solve(&[0.0, 1.0, f64::NAN, 1.0], 2, 2), invalid(true));
    assert_eq!(solve(&[0.0, 1.0, f64::NEG_INFINITY, 1.0], 2, 2), invalid(false));
    assert_eq!(solve(&[0.0; 3], 2, 2), Err(AssignmentError::Size { expected: 4, found: 3 }));
    assert_eq!(
        solve(&[0.0, f64::INFINITY, 0.0, f64::INFINITY], 2, 2),
        Err(AssignmentError::Infeasible)
    );
}

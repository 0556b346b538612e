//! The linear sum assignment problem on plain numbers.
//!
//! Crouse, "On implementing 2D rectangular assignment algorithms" (IEEE TAES 52, 2016): shortest
//! augmenting paths with dual variables. Reference: SciPy `rectangular_lsap.cpp`, whose search
//! order is kept, so that ties give the same pairs.

/// Costs of assigning columns to rows, row-major.
#[derive(Debug, Clone, Copy)]
pub struct CostMatrix<'a> {
    /// `num_rows * num_columns` numbers.
    pub values: &'a [f64],
    /// Number of rows.
    pub num_rows: usize,
    /// Number of columns.
    pub num_columns: usize,
}

/// A row and its assigned column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Index of the row.
    pub row: usize,
    /// Index of the column.
    pub column: usize,
}

/// Why there is no assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    /// The number of costs does not match the size of the matrix.
    #[error("expected {expected} costs, found {found}")]
    Size {
        /// Rows times columns.
        expected: usize,
        /// How many numbers there are.
        found: usize,
    },
    /// A cost is not a number, or negative infinity.
    #[error("the cost of row {row} and column {column} is {cost}", cost = if *is_nan { "NaN" } else { "-inf" })]
    Invalid {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// NaN, or else negative infinity.
        is_nan: bool,
    },
    /// Every assignment has infinite cost.
    #[error("every assignment has infinite cost")]
    Infeasible,
}

/// Finds the assignment of minimum total cost that covers the smaller side completely.
///
/// A cost of `+inf` forbids a pair. Pairs are sorted by row.
///
/// # Errors
///
/// If a cost is NaN or `-inf`, the number of costs is wrong, or every assignment is forbidden.
pub fn linear_sum_assignment(costs: CostMatrix<'_>) -> Result<Vec<Pair>, AssignmentError> {
    let CostMatrix { values, num_rows, num_columns } = costs;
    let expected = num_rows.saturating_mul(num_columns);
    if values.len() != expected {
        return Err(AssignmentError::Size { expected, found: values.len() });
    }
    if let Some(at) = values.iter().position(|cost| cost.is_nan() || *cost == f64::NEG_INFINITY) {
        let (row, column) = (at / num_columns, at % num_columns);
        return Err(AssignmentError::Invalid { row, column, is_nan: values[at].is_nan() });
    }
    if num_columns >= num_rows {
        let columns = Search::new(values, num_rows, num_columns).solve()?;
        return Ok(columns
            .into_iter()
            .enumerate()
            .map(|(row, column)| Pair { row, column })
            .collect());
    }
    let transposed: Vec<f64> = (0..num_columns)
        .flat_map(|column| (0..num_rows).map(move |row| values[row * num_columns + column]))
        .collect();
    let rows = Search::new(&transposed, num_columns, num_rows).solve()?;
    let mut pairs: Vec<Pair> =
        rows.into_iter().enumerate().map(|(column, row)| Pair { row, column }).collect();
    pairs.sort_unstable_by_key(|pair| pair.row);
    Ok(pairs)
}

/// The state of the search; there are at least as many columns as rows.
struct Search<'a> {
    costs: &'a [f64],
    num_columns: usize,
    /// Dual variables of rows and columns.
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    column_of_row: Vec<Option<usize>>,
    row_of_column: Vec<Option<usize>>,
    /// The row from which the cheapest path reaches each column.
    path: Vec<usize>,
    path_cost: Vec<f64>,
    row_seen: Vec<bool>,
    column_seen: Vec<bool>,
}

/// The end of an augmenting path.
struct Sink {
    column: usize,
    cost: f64,
}

impl<'a> Search<'a> {
    fn new(costs: &'a [f64], num_rows: usize, num_columns: usize) -> Self {
        Self {
            costs,
            num_columns,
            row_price: vec![0.0; num_rows],
            column_price: vec![0.0; num_columns],
            column_of_row: vec![None; num_rows],
            row_of_column: vec![None; num_columns],
            path: vec![0; num_columns],
            path_cost: vec![0.0; num_columns],
            row_seen: vec![false; num_rows],
            column_seen: vec![false; num_columns],
        }
    }

    /// The column of each row.
    fn solve(mut self) -> Result<Vec<usize>, AssignmentError> {
        for row in 0..self.row_price.len() {
            let sink = self.shortest_path(row).ok_or(AssignmentError::Infeasible)?;
            self.update_prices(row, sink.cost);
            self.augment(row, sink.column);
        }
        Ok(self.column_of_row.into_iter().flatten().collect())
    }

    /// Grows a tree of cheapest paths from `start` until it reaches a free column.
    fn shortest_path(&mut self, start: usize) -> Option<Sink> {
        // In reverse, so that constant costs give the identity.
        let mut remaining: Vec<usize> = (0..self.num_columns).rev().collect();
        self.row_seen.fill(false);
        self.column_seen.fill(false);
        self.path_cost.fill(f64::INFINITY);
        let (mut row, mut reached) = (start, 0.0);
        loop {
            self.row_seen[row] = true;
            let mut best = None;
            let mut lowest = f64::INFINITY;
            for (at, &column) in remaining.iter().enumerate() {
                let cost = self.costs[row * self.num_columns + column];
                let cost = reached + cost - self.row_price[row] - self.column_price[column];
                if cost < self.path_cost[column] {
                    self.path[column] = row;
                    self.path_cost[column] = cost;
                }
                let cost = self.path_cost[column];
                // Among equal columns, prefer a free one, which ends the search.
                if cost < lowest || cost == lowest && self.row_of_column[column].is_none() {
                    lowest = cost;
                    best = Some(at);
                }
            }
            if lowest == f64::INFINITY {
                return None;
            }
            reached = lowest;
            let column = remaining.swap_remove(best?);
            self.column_seen[column] = true;
            match self.row_of_column[column] {
                Some(next) => row = next,
                None => return Some(Sink { column, cost: reached }),
            }
        }
    }

    fn update_prices(&mut self, start: usize, cost: f64) {
        self.row_price[start] += cost;
        for row in (0..self.row_price.len()).filter(|&row| self.row_seen[row] && row != start) {
            if let Some(column) = self.column_of_row[row] {
                self.row_price[row] += cost - self.path_cost[column];
            }
        }
        for column in (0..self.num_columns).filter(|&column| self.column_seen[column]) {
            self.column_price[column] -= cost - self.path_cost[column];
        }
    }

    /// Gives every row on the path its new column, from the free one back to `start`.
    fn augment(&mut self, start: usize, sink: usize) {
        let mut next = Some(sink);
        while let Some(column) = next {
            let row = self.path[column];
            self.row_of_column[column] = Some(row);
            next = self.column_of_row[row].replace(column);
            if row == start {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! One tree: which leaf a row falls into, and which targets it holds.

/// In place of a column: the node is a leaf.
const LEAF: u32 = u32::MAX;

/// A binary tree. Nodes and leaves are numbers; node 0 is the root.
#[derive(Default)]
pub(super) struct Tree {
    /// The column that a node looks at, or `LEAF`.
    columns: Vec<u32>,
    /// Rows of at most this much go to the first child.
    thresholds: Vec<f32>,
    /// The first child, which the second follows; of a leaf, its number.
    next: Vec<u32>,
    /// Where the members of leaf k start, one more than leaves.
    starts: Vec<u32>,
    /// The members of all leaves: places in the forest's targets, ascending in a leaf and different.
    places: Vec<u32>,
    /// How often each member was drawn.
    draws: Vec<u32>,
    /// A bit for each training row: whether the tree drew it.
    drawn: Vec<u64>,
}

impl Tree {
    /// A root that is neither split nor a leaf yet, of a tree that drew row i `draws[i]` times.
    pub(super) fn root(draws: &[u32]) -> Self {
        let word = |rows: &[u32]| rows.iter().rev().fold(0, |bits, times| bits << 1 | u64::from(*times > 0));
        let mut tree = Tree { starts: vec![0], drawn: draws.chunks(64).map(word).collect(), ..Tree::default() };
        tree.push();
        tree
    }

    fn push(&mut self) {
        self.columns.push(LEAF);
        self.thresholds.push(0.0);
        self.next.push(0);
    }

    /// Splits `node`; the number of its first child, which the second follows.
    pub(super) fn split(&mut self, node: usize, column: usize, threshold: f32) -> usize {
        let child = self.columns.len();
        (self.columns[node], self.thresholds[node], self.next[node]) = (column as u32, threshold, child as u32);
        self.push();
        self.push();
        child
    }

    /// Makes `node` a leaf of `members`: (place in the forest's targets, times drawn), ascending by place.
    pub(super) fn close(&mut self, node: usize, members: &[(u32, u32)]) {
        self.next[node] = self.starts.len() as u32 - 1;
        for same in members.chunk_by(|one, other| one.0 == other.0) {
            self.places.push(same[0].0);
            self.draws.push(same.iter().map(|(_, times)| times).sum());
        }
        self.starts.push(self.places.len() as u32);
    }

    /// Whether the tree drew training row `index`.
    pub(super) fn drew(&self, index: usize) -> bool {
        self.drawn[index / 64] >> (index % 64) & 1 == 1
    }

    /// The targets in the leaf of `row`, as places in the forest's targets, and their shares of the leaf's draws.
    pub(super) fn leaf(&self, row: &[f32]) -> impl Iterator<Item = (u32, f64)> {
        let mut node = 0;
        while self.columns[node] != LEAF {
            let second = row[self.columns[node] as usize] > self.thresholds[node];
            node = self.next[node] as usize + usize::from(second);
        }
        let leaf = self.next[node] as usize;
        let members = self.starts[leaf] as usize..self.starts[leaf + 1] as usize;
        let draws = &self.draws[members.clone()];
        let total = f64::from(draws.iter().sum::<u32>());
        self.places[members].iter().zip(draws).map(move |(place, times)| (*place, f64::from(*times) / total))
    }
}

//! Reading messages by what they have in common, a bounded page at a time.

use super::index::{Field, Order, Step, Terms, walk};
use super::record::{MessageRecord, decode};
use super::schema::{Counter, META, STANDINGS, TIMES};
use super::standing::{millis, standing};
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::message::{Direction, State};
use redb::ReadTransaction;

/// Records that one page looks at, at most: a search for something rare must not hold a thread for long.
const SCAN: usize = 2000;
/// Looks into lists of one page, at most.
const LOOKS: usize = 50_000;
/// Bytes of records that one page takes, at most (but one record always fits).
const PAGE_BYTES: usize = 256 << 10;
/// Messages that one page gives, at most.
const PAGE: usize = 200;

/// Which messages are wanted, from where, and in which order.
#[derive(Debug, Clone)]
pub struct Selection {
    pub(super) terms: Terms,
    /// Only messages behind this `seq`.
    pub after: u64,
    /// Only messages before this `seq`.
    pub before: u64,
    /// Only messages stored at or after this time.
    pub since: Option<Timestamp>,
    /// Which come first.
    pub order: Order,
    /// Messages that a page gives, at most.
    pub limit: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            terms: Terms::default(),
            after: 0,
            before: u64::MAX,
            since: None,
            order: Order::Ascending,
            limit: PAGE,
        }
    }
}

impl Selection {
    /// Only those with this value.
    pub fn demand(&mut self, field: Field, value: &str) {
        self.terms.demand(field, value);
    }

    /// Only those that went this way.
    pub fn demand_direction(&mut self, dir: Direction) {
        self.terms.demand_direction(dir);
    }

    /// Only those that stand so.
    pub fn demand_state(&mut self, state: State) {
        self.terms.demand_state(state);
    }

    /// Only those that can be claimed at once.
    pub fn demand_ready(&mut self) {
        self.terms.demand_ready();
    }

    /// Goes on behind what a page has looked at.
    pub fn go_on(&mut self, reached: u64) {
        match self.order {
            Order::Ascending => self.after = reached,
            Order::Descending => self.before = reached,
        }
    }
}

/// Some messages, and where to go on.
#[derive(Debug, Clone)]
pub struct Page {
    /// Those that matched, in order.
    pub messages: Vec<(u64, MessageRecord)>,
    /// Everything up to this `seq` was looked at, in the direction of the order.
    pub reached: u64,
    /// Whether the end was reached: there is nothing behind yet.
    pub end: bool,
}

impl Store {
    /// The messages that are selected and match, as many as fit a page. Lists may say more than is so, and `matches` decides: it
    /// has to check again what was demanded.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn select(
        &self,
        selection: Selection,
        matches: impl Fn(u64, &MessageRecord) -> bool + Send + 'static,
    ) -> Result<Page, StoreError> {
        self.read(move |transaction| select(transaction, &selection, matches))
            .await
    }

    /// The messages behind `after` that match, oldest first, as many as fit a page.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn page(
        &self,
        after: u64,
        matches: impl Fn(&MessageRecord) -> bool + Send + 'static,
    ) -> Result<Page, StoreError> {
        let selection = Selection {
            after,
            ..Selection::default()
        };
        self.select(selection, move |_, message| matches(message))
            .await
    }

    /// The place behind which the last `count` selected messages stand that match, searching backwards from the end.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn place_before_last(
        &self,
        count: u64,
        selection: Selection,
        matches: impl Fn(u64, &MessageRecord) -> bool + Send + Clone + 'static,
    ) -> Result<u64, StoreError> {
        let floor = selection.after;
        let mut missing = count;
        if missing == 0 {
            return Ok(floor.max(*self.newest().borrow()));
        }
        let mut backwards = Selection {
            order: Order::Descending,
            ..selection
        };
        loop {
            backwards.limit = usize::try_from(missing).unwrap_or(PAGE).min(PAGE);
            let page = self.select(backwards.clone(), matches.clone()).await?;
            missing = missing.saturating_sub(page.messages.len() as u64);
            if missing == 0 {
                let oldest = page.messages.last().map_or(floor, |(seq, _)| seq - 1);
                return Ok(oldest);
            }
            if page.end {
                return Ok(floor);
            }
            backwards.go_on(page.reached);
        }
    }
}

fn select(
    transaction: &ReadTransaction,
    selection: &Selection,
    matches: impl Fn(u64, &MessageRecord) -> bool,
) -> Result<Page, redb::Error> {
    let bounds = bounds(transaction, selection)?;
    let terms = selection.terms.clone();
    let mut walk = walk(transaction, terms, selection.order, bounds, LOOKS)?;
    let standings = transaction.open_table(STANDINGS)?;
    let mut page = Page {
        messages: Vec::new(),
        reached: match selection.order {
            Order::Ascending => bounds.0.saturating_sub(1),
            Order::Descending => bounds.1.saturating_add(1),
        },
        end: false,
    };
    let mut bytes = 0;
    for _ in 0..SCAN {
        if page.messages.len() >= selection.limit.min(PAGE) || bytes >= PAGE_BYTES {
            return Ok(page);
        }
        let seq = match walk.next()? {
            Step::At(seq) => seq,
            Step::Tired(seq) => {
                page.reached = match selection.order {
                    Order::Ascending => seq.saturating_sub(1),
                    Order::Descending => seq.saturating_add(1),
                };
                return Ok(page);
            }
            Step::End => {
                page.end = true;
                page.reached = match selection.order {
                    Order::Ascending => bounds.1.max(selection.after),
                    Order::Descending => bounds.0,
                };
                return Ok(page);
            }
        };
        page.reached = seq;
        let Some(value) = walk.messages().get(seq)? else {
            continue;
        };
        let mut record: MessageRecord = decode(value.value())?;
        record.standing = standing(&standings, seq)?;
        if matches(seq, &record) {
            bytes += value.value().len();
            page.messages.push((seq, record));
        }
    }
    Ok(page)
}

/// The first and the last `seq` to look at.
fn bounds(transaction: &ReadTransaction, selection: &Selection) -> Result<(u64, u64), redb::Error> {
    let newest = Counter::Newest.of(&transaction.open_table(META)?)?;
    let mut low = selection.after.saturating_add(1);
    if let Some(since) = selection.since {
        let times = transaction.open_table(TIMES)?;
        let entry = times.range(..=millis(since))?.next_back().transpose()?;
        low = low.max(entry.map_or(0, |(_, seq)| seq.value()));
    }
    let high = newest.min(selection.before.saturating_sub(1));
    Ok((low, high))
}

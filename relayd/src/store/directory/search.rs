//! Finding agents: a set from the index, the latest of it from the memory, and what neither can tell from the profiles.

use super::super::agents;
use super::super::engine::View;
use super::super::failure::Failure;
use super::super::record::{AgentKey, Fields};
use super::super::tables::AGENTS;
use super::posting::{self, Bits, Set};
use super::recency::{Place, Span};
use super::terms::{self, SHORT, Term};
use super::{Effort, Found, LISTED, Listed, Listing, POSTINGS, Search};
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::ReadOnlyTable;

/// Pieces of a name that are looked up, at most; the name itself is compared in the end.
const MAX_PIECES: usize = 16;
/// Agents that are looked at before more than a third of the rows are read that a search may read.
const GLANCE: usize = 128;
/// Agents whose names are compared at once.
const FEW: usize = 32;

type Postings = ReadOnlyTable<(&'static [u8], u32), &'static [u8]>;
type Rows<'a> = redb::Range<'a, (&'static [u8], u32), &'static [u8]>;

pub(super) fn find(view: &View<'_>, search: &Search) -> Result<Found, Failure> {
    let effort = search.effort;
    let glance = Effort {
        rows: effort.rows / 3,
        agents: effort.agents.min(GLANCE),
        bytes: effort.bytes / 8,
    };
    let selection = Selection::of(view, search, glance.rows)?;
    if !selection.is_wide {
        return Page::new(view, search, selection, effort)?.fill();
    }
    // What begins so much of the index begins much of what agents have: the latest few may do.
    let found = Page::new(view, search, selection, glance)?.fill()?;
    let rest = Effort {
        rows: effort.rows - glance.rows,
        agents: effort.agents - glance.agents,
        bytes: effort.bytes - glance.bytes,
    };
    let is_full = found.agents.len() == search.limit;
    if is_full || found.next.is_none() || rest.agents == 0 {
        return Ok(found);
    }
    let selection = Selection::of(view, search, rest.rows)?;
    Page::new(view, search, selection, rest)?.fill()
}

/// Who may be meant, and what is still to be compared.
struct Selection {
    postings: Postings,
    /// Rows that may still be read for beginnings of terms.
    rows: usize,
    /// They did not do.
    is_wide: bool,
    /// `None` is everyone.
    members: Option<Set>,
    /// A part of the display name, in lower case.
    name: Option<String>,
    prefix: Option<String>,
}

impl Selection {
    fn of(view: &View<'_>, search: &Search, rows: usize) -> Result<Self, Failure> {
        let mut selection = Self {
            postings: view.transaction.open_table(POSTINGS)?,
            rows,
            is_wide: false,
            members: None,
            name: None,
            prefix: None,
        };
        selection.select(search)?;
        Ok(selection)
    }

    /// Single terms first: what they leave bounds the rest.
    fn select(&mut self, search: &Search) -> Result<(), Failure> {
        let tags = search.tags.iter().map(|tag| vec![terms::tag(tag)]);
        let capabilities = search.capabilities.iter();
        let capabilities = capabilities.map(|name| vec![terms::tag(name), terms::name(name)]);
        let words = search.words.iter().map(|word| vec![terms::word(word)]);
        for terms in self.rarest_first(tags.chain(capabilities).chain(words))? {
            self.keep(&terms)?;
        }
        if let Some(name) = search.name.as_deref().filter(|name| !name.is_empty()) {
            self.keep_named(&terms::fold(name))?;
        }
        let prefix = search.capability_prefix.as_deref();
        if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
            self.keep_beginning(prefix)?;
        }
        Ok(())
    }

    fn has_few(&self) -> bool {
        let members = self.members.as_ref();
        members.is_some_and(|members| members.len() <= FEW)
    }

    /// In the order in which to keep them: by how many each may find, as its first row has it.
    fn rarest_first(
        &self,
        all: impl Iterator<Item = Vec<Term>>,
    ) -> Result<Vec<Vec<Term>>, Failure> {
        let mut counted = Vec::new();
        for terms in all {
            let mut count = 0;
            for term in &terms {
                if let Some(row) = self.rows_of(term, u32::MAX)?.next() {
                    let (key, row) = row?;
                    count += posting::density(key.value().1, row.value());
                }
            }
            counted.push((count, terms));
        }
        counted.sort_by_key(|(count, _)| *count);
        Ok(counted.into_iter().map(|(_, terms)| terms).collect())
    }

    /// Keeps those that are found by any of the terms.
    fn keep(&mut self, terms: &[Term]) -> Result<(), Failure> {
        let Some(members) = &mut self.members else {
            self.members = Some(self.found_by(terms, u32::MAX)?);
            return Ok(());
        };
        let Some(last) = members.last_chunk() else {
            return Ok(());
        };
        if !members.is_scattered() {
            let set = self.found_by(terms, last)?;
            return self.keep_set(set);
        }
        let postings = &self.postings;
        members.intersect(|chunk| {
            let mut found = None;
            for term in terms {
                if let Some(row) = postings.get((term.as_slice(), chunk))? {
                    found.get_or_insert_with(Bits::new).unite(row.value())?;
                }
            }
            Ok(found)
        })
    }

    /// Those that are found by any of the terms, up to a chunk.
    fn found_by(&self, terms: &[Term], last: u32) -> Result<Set, Failure> {
        let mut set = Set::default();
        for term in terms {
            for row in self.rows_of(term, last)? {
                let (key, row) = row?;
                set.unite(key.value().1, row.value())?;
            }
        }
        Ok(set)
    }

    /// The rows of a term, up to a chunk.
    fn rows_of(&self, term: &Term, last: u32) -> Result<Rows<'_>, Failure> {
        let range = (term.as_slice(), 0)..=(term.as_slice(), last);
        Ok(self.postings.range(range)?)
    }

    fn keep_set(&mut self, mut set: Set) -> Result<(), Failure> {
        match &mut self.members {
            None => self.members = Some(set),
            Some(members) => members.intersect(|chunk| Ok::<_, Failure>(set.take(chunk)))?,
        }
        Ok(())
    }

    fn keep_named(&mut self, name: &str) -> Result<(), Failure> {
        let length = name.chars().count();
        if length < SHORT {
            match self.united(&[terms::piece(name)])? {
                Some(set) => self.keep_set(set)?,
                None => self.name = Some(name.to_owned()),
            }
            return Ok(());
        }
        // Those at the end are shorter, and found with what is in front of them.
        let whole = length + 1 - SHORT;
        let step = whole.div_ceil(MAX_PIECES);
        let pieces = terms::pieces(name).take(whole).step_by(step);
        if length > SHORT {
            self.name = Some(name.to_owned());
        }
        for terms in self.rarest_first(pieces.map(|piece| vec![terms::piece(piece)]))? {
            // To compare the names of a few costs less than the next piece.
            if self.name.is_some() && self.has_few() {
                break;
            }
            self.keep(&terms)?;
        }
        Ok(())
    }

    fn keep_beginning(&mut self, prefix: &str) -> Result<(), Failure> {
        let length = prefix.chars().count();
        if length == SHORT {
            return self.keep(&[terms::beginning(prefix)]);
        }
        let ranges = if length < SHORT {
            vec![terms::beginning(prefix)]
        } else {
            vec![terms::tag(prefix), terms::name(prefix)]
        };
        if let Some(set) = self.united(&ranges)? {
            return self.keep_set(set);
        }
        if length > SHORT {
            self.keep(&[terms::beginning(prefix)])?;
        }
        self.prefix = Some(prefix.to_owned());
        Ok(())
    }

    /// Those that are found by terms that begin with any of `beginnings`; `None` if that is too much to read.
    fn united(&mut self, beginnings: &[Term]) -> Result<Option<Set>, Failure> {
        let mut set = Set::default();
        for beginning in beginnings {
            let behind = terms::behind(beginning);
            let range = (beginning.as_slice(), 0)..(behind.as_slice(), 0);
            for row in self.postings.range(range)? {
                let Some(rows) = self.rows.checked_sub(1) else {
                    self.is_wide = true;
                    return Ok(None);
                };
                self.rows = rows;
                let (key, row) = row?;
                set.unite(key.value().1, row.value())?;
            }
        }
        Ok(Some(set))
    }

    /// Whether an agent with this listing is meant, as far as the set does not say so.
    fn has(&self, listing: &Listing) -> bool {
        let Some(prefix) = &self.prefix else {
            return true;
        };
        let mut names = listing.capabilities.iter().flat_map(|capability| {
            let tags = capability.tags.iter();
            tags.chain(std::iter::once(&capability.name))
        });
        names.any(|name| name.starts_with(prefix))
    }
}

/// A page as it is filled.
struct Page<'a> {
    view: &'a View<'a>,
    search: &'a Search,
    selection: Selection,
    effort: Effort,
    agents: ReadOnlyTable<&'static AgentKey, &'static [u8]>,
    listed: ReadOnlyTable<u32, &'static [u8]>,
    found: Found,
    looked_at: usize,
    bytes: usize,
}

impl<'a> Page<'a> {
    fn new(
        view: &'a View<'a>,
        search: &'a Search,
        selection: Selection,
        effort: Effort,
    ) -> Result<Self, Failure> {
        Ok(Self {
            agents: view.transaction.open_table(AGENTS)?,
            listed: view.transaction.open_table(LISTED)?,
            found: Found::default(),
            looked_at: 0,
            bytes: 0,
            view,
            search,
            selection,
            effort,
        })
    }

    fn fill(mut self) -> Result<Found, Failure> {
        let mut last = self.search.after;
        loop {
            let span = self.span(last);
            let places = self.latest(span);
            let at_the_end = places.len() < span.most;
            for place in places {
                if self.is_spent() {
                    self.found.next = last;
                    return Ok(self.found);
                }
                if let Some(agent) = self.look_at(place)? {
                    if self.found.agents.len() == self.search.limit {
                        self.found.next = last;
                        return Ok(self.found);
                    }
                    self.found.agents.push(agent);
                }
                last = Some(place);
            }
            if at_the_end {
                return Ok(self.found);
            }
        }
    }

    /// The places to look at next: one more than are needed, so that the end is known; more where some will not do.
    fn span(&self, before: Option<Place>) -> Span {
        let missing = self.search.limit - self.found.agents.len() + 1;
        let compared = self.selection.name.is_some() || self.selection.prefix.is_some();
        let candidates = if compared { missing * 4 } else { missing };
        let affordable = self.effort.agents.saturating_sub(self.looked_at);
        Span {
            before,
            since: self.search.active_since.unwrap_or(Timestamp::EPOCH),
            most: candidates.max(self.looked_at).min(affordable + 1),
        }
    }

    fn latest(&self, span: Span) -> Vec<Place> {
        let recency = &self.view.shared.recency;
        match &self.selection.members {
            None => recency.latest(span),
            Some(set) => recency.latest_of(set, span),
        }
    }

    /// At least one agent is looked at, or the next page would not get further.
    fn is_spent(&self) -> bool {
        let effort = &self.effort;
        self.looked_at > 0 && (self.looked_at >= effort.agents || self.bytes >= effort.bytes)
    }

    /// A damaged record takes nobody else from the page.
    fn look_at(&mut self, place: Place) -> Result<Option<Listed>, Failure> {
        self.looked_at += 1;
        match self.compare(place) {
            Err(Failure::Corrupt(what)) => {
                tracing::error!(what, ?place, "a listed agent's record is damaged");
                Ok(None)
            }
            outcome => outcome,
        }
    }

    /// The agent at a place, if it is meant.
    fn compare(&mut self, place: Place) -> Result<Option<Listed>, Failure> {
        let Some(row) = self.listed.get(place.number())? else {
            return Ok(None);
        };
        let mut fields = Fields(row.value());
        let key: AgentKey = fields.take()?;
        if let Some(name) = &self.selection.name {
            let given = std::str::from_utf8(fields.0);
            if !given.is_ok_and(|given| given.contains(name)) {
                return Ok(None);
            }
        }
        let Some(record) = self.agents.get(&key)? else {
            return Err(Failure::corrupt("a listed agent without a record"));
        };
        self.bytes += record.value().len();
        let listing = agents::listing(record.value())?;
        let Some(listing) = listing.filter(|listing| self.selection.has(listing)) else {
            return Ok(None);
        };
        Ok(Some(Listed {
            key: PublicKey::from_stored_bytes(key),
            display_name: listing.display_name,
            capabilities: listing.capabilities,
            last_active: place.last_active(),
        }))
    }
}

//! Several sends at once, in their order and in one transaction; and whom a text means, without sending anything.

use super::sealing::Seal;
use super::{Outbox, Preparation, Prepared, SendError, choose_agent, settled, wait};
use crate::contacts::resolve;
use crate::store::Enqueued;
use mrpd_api::body::sending::{Recipient, RecipientQuery};
use mrpd_api::body::{Send, Sent, Stage};
use std::sync::Arc;

impl Outbox {
    /// Puts messages into the outbox in their order, and answers when all of them are durable. One that cannot be sent keeps no
    /// other back.
    pub async fn send_all(
        &self,
        sends: Vec<(Send, Option<String>)>,
    ) -> Vec<Result<Sent, SendError>> {
        let mut prepared = Vec::with_capacity(sends.len());
        let mut records = Vec::new();
        for (send, key) in sends {
            let preparation = self.prepare(&send, key).await;
            if let Ok(Preparation::New(prepared)) = &preparation {
                records.push((prepared.record.clone(), prepared.key.clone()));
            }
            prepared.push((send, preparation));
        }
        let mut enqueued = match self.enqueue(records).await {
            Ok(enqueued) => enqueued.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); prepared.len()],
        }
        .into_iter();
        let mut answers = Vec::with_capacity(prepared.len());
        for (send, preparation) in prepared {
            let send = Send {
                wait: Some(Stage::Queued),
                ..send
            };
            answers.push(match preparation {
                Err(error) => Err(error),
                Ok(Preparation::Before(agent, id)) => {
                    self.answer(id, &agent, &send, Vec::new()).await
                }
                Ok(Preparation::New(prepared)) => {
                    self.answer_prepared(*prepared, &send, enqueued.next().transpose())
                        .await
                }
            });
        }
        answers
    }

    async fn answer_prepared(
        &self,
        prepared: Prepared,
        send: &Send,
        enqueued: Result<Option<Enqueued>, crate::store::StoreError>,
    ) -> Result<Sent, SendError> {
        let queued = wait::queued(&prepared.record, prepared.recipient);
        let id = settled(enqueued?, prepared.record.id)?;
        if id != queued.id {
            return self.answer(id, &prepared.agent, send, Vec::new()).await;
        }
        Ok(Sent {
            warnings: prepared.warnings,
            ..queued
        })
    }

    /// Who is meant by a text, and how a message would go there.
    ///
    /// # Errors
    /// A [`SendError`], as the send would have it.
    pub async fn recipient(
        &self,
        to: &str,
        query: &RecipientQuery,
    ) -> Result<Recipient, SendError> {
        let roster = Arc::clone(&self.roster.borrow());
        let agent = choose_agent(&roster, query.agent.as_deref())?;
        let book = self.contacts.book();
        let recipient = resolve(to, &book, &agent.public)?;
        let mut warnings = Vec::new();
        let link = self.choose_link(&agent, &recipient, query.relay.as_deref(), &mut warnings)?;
        let sealing = query.sealing.unwrap_or_default();
        let seal = self
            .choose_sealing(&agent, link, &recipient, sealing)
            .await?;
        if query.advice == Some(1) && seal == Seal::Sealed {
            let advice = self
                .advice
                .warning(&self.store, &link.client, recipient.key);
            warnings.extend(advice.await);
        }
        Ok(Recipient {
            key: recipient.key,
            name: book.by_key(&recipient.key).map(|entry| entry.name.clone()),
            agent: agent.config.name.clone(),
            relay: link.relay.name.clone(),
            encrypted: seal == Seal::Sealed,
            warnings,
        })
    }
}

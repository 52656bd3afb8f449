//! What is still there when the store is opened again, and what is too large for one record.

use super::*;

impl<B: Backend> Suite<'_, B> {
    pub(super) async fn keeps_what_it_acknowledged(&self) -> Result<(), Error> {
        let store = self.open("durable").await?;
        for i in 0..100_u32 {
            let key = user(&i.to_string());
            store
                .commit(put(
                    &key,
                    &i.to_le_bytes().repeat(if i % 10 == 0 { 5000 } else { 5 }),
                ))
                .await?;
            if i % 3 == 0 {
                store.commit(delete(&key)).await?;
            }
        }
        // Closing in good order keeps relaxed commits too.
        store.commit(relaxed(put(&user("relaxed"), b""))).await?;
        let range = KeyRange::prefix(Table::User, &["t"]);
        let before = store.scan(&range, usize::MAX).await?;
        assert_eq!(before.len(), 67);
        drop(store);
        let store = self.open("durable").await?;
        assert_eq!(store.scan(&range, usize::MAX).await?, before);
        Ok(())
    }

    pub(super) async fn keeps_blobs(&self) -> Result<(), Error> {
        let records = Records::new(self.open("blobs").await?);
        for length in [
            0,
            1,
            MAX_VALUE_BYTES,
            MAX_VALUE_BYTES + 1,
            9 * MAX_VALUE_BYTES + 5,
        ] {
            let bytes: Vec<u8> = (0..length).map(|i| (i / 7 % 251) as u8).collect();
            let name = blob::put(&records, "a", &bytes).await?;
            assert_eq!(
                name,
                blob::put(&records, "a", &bytes).await?,
                "the same bytes have one name"
            );
            assert_eq!(
                blob::get(&records, &name).await?,
                Some(bytes.clone()),
                "of {length} bytes"
            );
            if length > 0 {
                let part = Key::new(Table::BlobPart, &["", &name, "00000000"]);
                for damage in [put(&part, b"other"), delete(&part)] {
                    records.store().commit(damage).await?;
                    let damaged = blob::get(&records, &name).await;
                    assert!(matches!(damaged, Err(Error::Corrupt { .. })), "{damaged:?}");
                    blob::put(&records, "a", &bytes).await?;
                    let repaired = blob::get(&records, &name).await?;
                    assert_eq!(
                        repaired.as_ref(),
                        Some(&bytes),
                        "storing it again repairs it"
                    );
                }
            }
        }
        assert_eq!(blob::get(&records, "no such name").await?, None);
        Ok(())
    }

    pub(super) async fn deletes_blobs_that_nobody_needs(&self) -> Result<(), Error> {
        let records = Records::new(self.open("released blobs").await?);
        let bytes = vec![7; 3 * MAX_VALUE_BYTES];
        let parts = KeyRange::prefix(Table::BlobPart, &[]);
        for owner in ["a", "b"] {
            blob::put(&records, owner, &bytes).await?;
        }
        let name = blob::put(&records, "a", &bytes).await?;
        assert_eq!(
            blob::needed_by(&records, "a", 10).await?,
            std::slice::from_ref(&name)
        );
        blob::release(&records, "a", &name).await?;
        assert_eq!(
            blob::get(&records, &name).await?.as_ref(),
            Some(&bytes),
            "another needs it"
        );
        assert!(blob::needed_by(&records, "a", 10).await?.is_empty());
        blob::release(&records, "b", &name).await?;
        assert_eq!(blob::get(&records, &name).await?, None);
        assert!(records.store().scan(&parts, 1).await?.is_empty());
        // Whoever comes while it is being deleted has it all the same.
        for _ in 0..100 {
            blob::put(&records, "a", &bytes).await?;
            let (put, released) = tokio::join!(
                blob::put(&records, "b", &bytes),
                blob::release(&records, "a", &name)
            );
            put?;
            released?;
            assert_eq!(blob::get(&records, &name).await?.as_ref(), Some(&bytes));
            blob::release(&records, "b", &name).await?;
            assert!(records.store().scan(&parts, 1).await?.is_empty());
        }
        Ok(())
    }
}

//! Tags of load balancers, target groups, listeners and rules: read in batches, written one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types::{Tag, TagDescription};

use super::budget::Category;
use super::call::{Call, each};
use super::error::present;
use super::session::Session;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::model::Id;

/// How many ARNs `DescribeTags` takes.
const BATCH: usize = 20;

/// Keys and values.
pub(super) type Tags = BTreeMap<String, String>;
/// The tags of each resource, or why they could not be read.
pub(super) type TagsById = Vec<(Id, Result<Tags, CloudError>)>;

/// Tags as ELB's API wants them; `None` for none, because it refuses an empty list.
pub(super) fn elb(tags: &Tags) -> Option<Vec<Tag>> {
    let list: Vec<_> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    if list.is_empty() { None } else { Some(list) }
}

fn from_elb(tags: Option<Vec<Tag>>) -> Tags {
    tags.into_iter().flatten().filter_map(|t| Some((t.key?, t.value.unwrap_or_default()))).collect()
}

impl Session {
    /// The tags of many resources, whatever their kinds.
    ///
    /// One resource that is gone fails its whole batch; such a batch is read again in halves, so that
    /// a rule deleted meanwhile does not hide the tags of nineteen others.
    pub(super) async fn tags_of(self: &Arc<Self>, ids: Vec<Id>) -> Result<TagsById, CloudError> {
        let mut batches: Vec<Vec<Id>> = ids.chunks(BATCH).map(<[Id]>::to_vec).collect();
        let mut found = TagsById::new();
        while !batches.is_empty() {
            let session = Arc::clone(self);
            let results = each(std::mem::take(&mut batches), move |batch| {
                let session = Arc::clone(&session);
                async move { session.tags_of_batch(&batch).await }
            });
            for (batch, result) in results.await? {
                match result {
                    Ok(mut tags) => {
                        let entry = |id: Id| {
                            let tags = tags.remove(&id).unwrap_or_default();
                            (id, Ok(tags))
                        };
                        found.extend(batch.into_iter().map(entry));
                    }
                    Err(error) if error.kind == CloudErrorKind::NotFound && batch.len() > 1 => {
                        let (left, right) = batch.split_at(batch.len() / 2);
                        batches.extend([left.to_vec(), right.to_vec()]);
                    }
                    Err(error) => found.extend(batch.into_iter().map(|id| (id, Err(error.clone())))),
                }
            }
        }
        Ok(found)
    }

    async fn tags_of_batch(&self, ids: &[Id]) -> Result<BTreeMap<Id, Tags>, CloudError> {
        let arns: Vec<String> = ids.iter().map(|id| id.0.clone()).collect();
        let request = self.elb.describe_tags().set_resource_arns(Some(arns));
        let answer = self.calls.run(Call::elb("DescribeTags"), || request.clone().send()).await?;
        let entry = |d: TagDescription| Some((Id(d.resource_arn?), from_elb(d.tags)));
        Ok(present("DescribeTags", answer.tag_descriptions)?.into_iter().filter_map(entry).collect())
    }

    /// The tags of one resource.
    pub(super) async fn tags_of_one(&self, id: &Id) -> Result<Tags, CloudError> {
        Ok(self.tags_of_batch(std::slice::from_ref(id)).await?.remove(id).unwrap_or_default())
    }

    /// `AddTags`.
    pub(super) async fn add_tags(&self, arn: &str, tags: &Tags) -> Result<(), CloudError> {
        let request = self.elb.add_tags().resource_arns(arn).set_tags(elb(tags));
        let call = Call::new("AddTags", Category::ElbWrite);
        self.calls.run(call, || request.clone().send()).await.map(drop)
    }
}

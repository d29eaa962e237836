//! I1: a commit that failed hands out nothing.

use payrun_ports::{Entry, Permit, RunStore};

async fn permits(store: &dyn RunStore, group: Vec<Entry>) -> Vec<Permit> {
    store.commit(group).await.into_permits()
}

fn main() {}

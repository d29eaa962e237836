//! Where a run is paid from: one gateway, one account there.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// Which provider: scheme, host and port, or a fixed name such as `sandbox`.
    GatewayHost
}
name! {
    /// Whose account there: for Kotani Pay the integrator's id.
    AccountId
}

/// The account that a run pays from. A run never changes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// The provider.
    pub gateway: GatewayHost,
    /// The account.
    pub id: AccountId,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.id, self.gateway)
    }
}
